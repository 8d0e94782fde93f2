"""The command line as a user meets it: whole runs on real files, in processes of their own."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import typer

import run_all as command_line
from benchmarks.datasets.synthetic import Synthetic, export_corpus
from tests.support.command_line import options, run_all
from tests.support.recordings import SAMPLE, needs_sample

ROOT = Path(__file__).parents[3]
CHEAP = "knn,random,loudness"
README_DETECTOR = (ROOT / "README.md").read_text().partition("```python\n")[2].partition("```")[0]


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A corpus of WAV files: two machines, one unit, two noise levels."""
    directory = tmp_path_factory.mktemp("corpus") / "mimii"
    corpus = Synthetic(
        machines=("fan", "valve"), units=("id_00",), snrs_db=(6.0, 0.0), normals=12, anomalies=4, seconds=1.0
    )
    export_corpus(corpus, directory)
    return directory


@pytest.fixture(scope="module")
def finished(tree, tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    return folder, run_all("--dataset", "mimii", "--data", tree, "--detectors", CHEAP, *options(folder))


def test_a_run_ends_with_a_ranked_table_and_the_files(finished):
    folder, run = finished
    assert run.returncode == 0, run.stderr
    assert "12, of which 0 are done and 12 are to do" in run.stdout
    assert "knn" in run.stdout
    files = {file.name for file in (folder / "results/mimii/code-ch0").iterdir() if file.is_file()}
    assert files >= {"results.csv", "leaderboard.md", "leaderboard.csv", "leaderboard.tex", "environment.json"}


def test_results_csv_has_one_tidy_row_per_cell(finished):
    table = pd.read_csv(finished[0] / "results/mimii/code-ch0/results.csv")
    columns = (
        "detector dataset machine unit snr_db seed status auc auc_low auc_high pauc ap n_train n_normal n_abnormal"
    )
    times = "fit_seconds score_seconds score_seconds_without_features"
    assert " ".join(table.columns[:19]) == f"{columns} {times} message"
    assert len(table) == 12
    assert set(table["status"]) == {"ok"}
    assert table[["n_train", "n_normal", "n_abnormal"]].drop_duplicates().to_numpy().tolist() == [[8, 4, 4]]
    assert ((table["auc_low"] <= table["auc"]) & (table["auc"] <= table["auc_high"])).all()


def test_the_same_command_again_has_nothing_to_do_and_prints_the_same_table(finished, tree):
    folder, first = finished
    again = run_all("--dataset", "mimii", "--data", tree, "--detectors", CHEAP, *options(folder))
    assert again.returncode == 0
    assert "Nothing to do" in again.stdout
    leaderboard = first.stdout[first.stdout.rindex("Detector") :]
    assert leaderboard in again.stdout


def test_a_run_on_a_part_prints_the_table_that_is_in_the_files(finished, tree):
    folder, first = finished
    part = ["--machines", "fan", "--snrs", 6]
    again = run_all("--dataset", "mimii", "--data", tree, "--detectors", "knn", *part, *options(folder))
    table = first.stdout[first.stdout.rindex("Detector") : first.stdout.rindex("Files:")]
    assert table in again.stdout
    root = folder / "results/mimii/code-ch0"
    assert f"python run_all.py report {root} --machines fan --units id_00 --snrs 6" in again.stdout


def test_the_corpus_is_found_through_the_environment(finished, tree):
    run = run_all("--detectors", CHEAP, *options(finished[0]), data=tree)
    assert "Nothing to do" in run.stdout


def test_damaged_recordings_cost_their_cells_only(tree, tmp_path):
    broken = tmp_path / "mimii"
    shutil.copytree(tree, broken)
    unit = broken / "6_dB_fan/fan/id_00"
    (unit / "normal/00000003.wav").write_bytes((unit / "normal/00000003.wav").read_bytes()[:1000])
    run = run_all("--dataset", "mimii", "--data", broken, "--detectors", CHEAP, *options(tmp_path))
    assert run.returncode == 1
    rows = pd.read_csv(tmp_path / "results/mimii/code-ch0/results.csv")
    failed = rows[rows["status"] != "ok"]
    assert failed[["machine", "snr_db"]].drop_duplicates().to_numpy().tolist() == [["fan", 6.0]]
    assert len(failed) == 3
    assert failed["message"].str.contains("00000003.wav: cut short").all()
    assert failed["auc"].isna().all()
    again = f"python run_all.py --dataset mimii --data {broken} --results {tmp_path}/results --cache {tmp_path}/cache"
    assert f"{again} --jobs 1 --detectors knn --machines fan --units id_00 --seeds 0 --snrs 6" in run.stdout
    assert [path for path in (tmp_path / "cache").iterdir() if path.name.endswith(".partial")] == []


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda file: file.write_bytes(b""), "empty file"),
        (lambda file: file.write_text("a text file"), "no RIFF WAVE file"),
        (lambda file: soundfile.write(file, np.zeros(8000), 48_000), "sampled at 48000 Hz"),
        (lambda file: soundfile.write(file, np.full(8000, np.nan), 16_000, subtype="FLOAT"), "NaN"),
    ],
    ids=["empty", "text", "rate", "nan"],
)
def test_each_kind_of_bad_recording_is_named(tree, tmp_path, spoil, message):
    broken = tmp_path / "mimii"
    shutil.copytree(tree, broken)
    spoil(broken / "0_dB_valve/valve/id_00/abnormal/00000001.wav")
    run = run_all("--data", broken, "--detectors", "loudness", "--snrs", 0, *options(tmp_path))
    assert run.returncode == 1
    rows = pd.read_csv(tmp_path / "results/mimii/code-ch0/results.csv").set_index("machine")
    assert rows["status"].to_dict() == {"fan": "ok", "valve": "error"}
    assert "00000001.wav" in rows.loc["valve", "message"]
    assert message in rows.loc["valve", "message"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--detectors", "knm"], "did you mean 'knn'?"),
        (["--detectors", "knn[q=3]"], "knn has no field 'q'"),
        (["--detectors", "knn[k=few]"], "knn[k=few]: k is a whole number, at least 1"),
        (["--split", "half"], "'code', 'paper', 'holdout', 'labels'"),
        (["--machines", "crane"], "no machine 'crane' in the corpus; there are: fan, valve"),
        (["--snrs", "loud"], "--snrs 'loud': give numbers with commas between, from -200 to 200"),
        (["--seeds", -1], "--seeds '-1': give whole numbers from 0 to 4294967295"),
        (["--seeds", ","], "--seeds ',': give at least one whole number from 0"),
        (["--dataset", "synthetic"], "the synthetic corpus is generated; leave out --data"),
        (["--channel", "left"], "index from 0"),
        (["--device", "tpu"], "'auto', 'cpu', 'cuda'"),
        (["--budget", "y"], "'cpu', 'full'"),
        (["--threads", 0], "greater than or equal to 1"),
        (["--dataset", "nimii"], "there are mimii, dcase, "),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, list) else "",
)
def test_wrong_usage_ends_with_2_and_says_what_would_be_right(tree, tmp_path, arguments, message, monkeypatch, capsys):
    whole = ["run_all.py", "--data", tree, *arguments, *options(tmp_path)]
    monkeypatch.setattr(sys, "argv", [str(argument) for argument in whole])
    with pytest.raises(SystemExit) as end:
        command_line.main()
    assert end.value.code == 2
    without_box = re.sub(r"[│╭╮╰╯─]", " ", capsys.readouterr().err)
    assert message in " ".join(without_box.split())


def test_a_missing_folder_is_named(tmp_path):
    run = run_all("--data", tmp_path / "nowhere", *options(tmp_path))
    assert run.returncode == 2
    assert "nowhere" in run.stderr


@needs_sample
def test_real_recordings_are_read_from_their_archive(tmp_path):
    run = run_all(
        "--dataset", "mimii", "--data", SAMPLE.parent, "--split", "holdout", "--detectors", CHEAP, *options(tmp_path)
    )
    assert run.returncode == 0, run.stderr
    table = pd.read_csv(tmp_path / "results/mimii/holdout-ch0/results.csv")
    assert table[
        ["machine", "unit", "snr_db", "n_train", "n_normal", "n_abnormal"]
    ].drop_duplicates().to_numpy().tolist() == [["fan", "id_00", 0.0, 14, 4, 20]]
    code = run_all("--dataset", "mimii", "--data", SAMPLE.parent, "--split", "code", *options(tmp_path))
    assert code.returncode == 2
    assert "20 normal and 20 abnormal clips leave nothing to train on" in code.stderr
    assert "--split holdout" in code.stderr


def test_the_detector_of_the_readme_is_short():
    assert 10 <= len([line for line in README_DETECTOR.splitlines() if line]) <= 16


def test_a_detector_in_one_new_file_is_listed_checked_run_and_ranked(tree, tmp_path):
    project = tmp_path / "project"
    ignore = shutil.ignore_patterns("results", ".git", ".cache", "tests", "__pycache__")
    shutil.copytree(ROOT, project, ignore=ignore)
    (project / "detectors/nearest.py").write_text(README_DETECTOR)

    def there(*arguments):
        return subprocess.run(
            [sys.executable, "run_all.py", *map(str, arguments)],
            capture_output=True,
            text=True,
            cwd=project,
            env=os.environ | {"PYTHONPATH": str(project), "COLUMNS": "200"},
        )

    assert "nearest" in there("list").stdout
    check = there("check", "nearest")
    assert check.returncode == 0, check.stdout
    run = there("--data", tree, "--machines", "fan", "--snrs", 6, "--detectors", "nearest,random", *options(tmp_path))
    assert run.returncode == 0, run.stderr
    assert "nearest" in run.stdout


def test_a_plugin_from_anywhere_is_checked_and_run(tree, tmp_path):
    plugin = tmp_path / "nearest.py"
    plugin.write_text(README_DETECTOR)
    assert run_all("check", plugin).returncode == 0
    arguments = ["--data", tree, "--plugin", plugin, "--detectors", "nearest,random", "--snrs", 6, *options(tmp_path)]
    run = run_all(*arguments[:-1], 2)  # two jobs: the plugin must reach the worker processes
    assert run.returncode == 0, run.stdout + run.stderr
    assert "nearest" in run.stdout


def test_a_plugin_that_registers_nothing_says_so(tmp_path):
    (tmp_path / "empty.py").write_text("x = 1\n")
    run = run_all("--plugin", tmp_path / "empty.py", *options(tmp_path))
    assert run.returncode == 2
    assert "registers no detector" in run.stderr


@pytest.mark.parametrize(
    "file", sorted(["README.md", "CONTRIBUTING.md", *(f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md"))])
)
def test_every_option_that_the_documentation_names_exists(file):
    app = typer.main.get_command(command_line.app)
    parameters = [*app.params, *(parameter for command in app.commands.values() for parameter in command.params)]
    known = {name for parameter in parameters for name in parameter.opts} | {"--help"}
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", (ROOT / file).read_text(encoding="utf-8")))
    assert named <= known


def test_imported_scores_keep_the_whole_command_line(finished, tree, tmp_path):
    theirs = finished[0] / "results/mimii/code-ch0/cells/knn"
    marks = ["--name", "theirs", "--trained-on", "other machines", "--across-units"]
    run = run_all("import-scores", theirs, *marks, "--data", tree, "--results", tmp_path)
    assert run.returncode == 0, run.stderr
    result = json.loads(next((tmp_path / "mimii/code-ch0/cells/theirs").rglob("result.json")).read_text())
    said = f"import-scores {theirs} --name theirs --trained-on 'other machines' --across-units"
    assert result["command"] == f"python run_all.py {said} --data {tree} --results {tmp_path}"
    assert result["scope"] == "machine"
