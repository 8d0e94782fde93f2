"""Result files as an interface: the schema holds for real results, the columns are documented, the library is light."""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import jsonschema
import numpy as np
import pandas as pd
import pytest

import benchmarks
from benchmarks import leaderboard, load_results
from benchmarks.reporting.full_report import write_full_report
from benchmarks.reporting.leaderboard_files import make_report, write_leaderboard
from benchmarks.run.checksums import CHECKSUM_FILE, changes, checksums, differing_line
from benchmarks.run.plan import make_plan
from benchmarks.run.result_fields import SCHEMA_VERSION
from benchmarks.run.runner import Runner
from benchmarks.run.store import Store
from detectors import Detector
from features import Feature, InputError, PooledLogMel
from features.cache import FeatureCache
from tests.support.small_store import CORPUS, PROTOCOL, make_store

ROOT = Path(__file__).parents[3]
SCHEMA = json.loads((ROOT / "benchmarks" / "result.schema.json").read_text(encoding="utf-8"))
DOCUMENTED = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")


@dataclass
class Silent(Detector):
    """A detector for tests that finds nothing."""

    feature: Feature = PooledLogMel()

    def fit(self, clips):
        return self

    def score(self, clips):
        return np.zeros(len(clips))


@pytest.fixture
def valid():
    """Whether a result follows the schema, as a function that gives the faults."""
    validator = jsonschema.Draft202012Validator
    validator.check_schema(SCHEMA)
    return lambda result: [f"{error.json_path}: {error.message}" for error in validator(SCHEMA).iter_errors(result)]


def copied(root, folder):
    shutil.copytree(root, folder, dirs_exist_ok=True)
    return folder


def cell_of(root, detector):
    return next(folder for folder, result in Store(root).results() if result.detector == detector)


def test_every_real_result_follows_the_schema(store_root, valid):
    folders = [folder for folder, _ in Store(store_root).results()]
    assert len(folders) == 6 * 8
    for folder in folders:
        assert valid(json.loads((folder / "result.json").read_text())) == []


def test_a_failed_result_follows_the_schema(tmp_path, valid):
    runner = Runner(Store(tmp_path / "results"), FeatureCache(tmp_path / "cache"))
    plan = make_plan(CORPUS, PROTOCOL, {"silent": Silent()})
    assert all(failure for _, failure in runner.run(plan, plan.jobs[:1]))
    (folder, result), *_ = runner.store.results()
    assert result.status == "degenerate"
    assert valid(json.loads((folder / "result.json").read_text())) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"status": "fine"}, "$.status"),
        ({"n_train": -1}, "$.n_train"),
        ({"surprise": 1}, "surprise"),
        ({"schema_version": SCHEMA_VERSION + 1}, "$.schema_version"),
        ({"manifest": "x"}, "$.manifest"),
        ({"message": "late"}, "$.message"),
        ({"scores_only": True}, "trained_on"),
    ],
    ids=str,
)
def test_the_schema_refuses_what_a_result_may_not_hold(store_root, valid, change, fault):
    result = json.loads((cell_of(store_root, "random") / "result.json").read_text())
    assert any(fault in line for line in valid(result | change))
    lacking = {key: value for key, value in result.items() if key != "device"}
    assert any("device" in line for line in valid(lacking))


def documented(section):
    """The names in the first column of the tables of a section of docs/results.md."""
    text = DOCUMENTED.split(f"\n## {section}\n")[1].split("\n## ")[0]
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    return [name.strip("` ") for row in rows for name in row.split("|")[1].split(",")]


def test_every_field_of_a_result_is_documented_in_the_words_of_the_schema():
    fields = {}
    for name, field in SCHEMA["properties"].items():
        inner = SCHEMA["$defs"][name.title()]["properties"] if name in ("config", "environment") else {}
        fields |= {f"{name}.{key}": value for key, value in inner.items()} or {name: field}
    assert documented("result.json") == list(fields)
    for name, field in fields.items():
        (line,) = (line for line in DOCUMENTED.split("\n## result.json\n")[1].splitlines() if f"| `{name}` |" in line)
        assert line.endswith(f"| {field['description']} |")


def test_every_column_of_every_table_is_documented(store_root, tmp_path):
    root = copied(store_root, tmp_path / "synthetic" / "holdout-ch0")
    write_leaderboard(root)
    scores = pd.read_csv(cell_of(root, "random") / "scores.csv").columns
    assert [name for name in documented("scores.csv") if name != "domain"] == scores.tolist()
    assert documented("results.csv") == pd.read_csv(root / "results.csv").columns.tolist()
    board = [name for name in pd.read_csv(root / "leaderboard.csv").columns if not name.startswith("auc[")]
    assert sorted(name for name in documented("leaderboard.csv") if "[" not in name) == sorted(board)
    history = pd.read_csv(cell_of(root, "dense_ae@cpu[epochs=1]") / "history.csv").columns
    assert documented("history.csv") == history.tolist()


@pytest.mark.parametrize("write", [write_leaderboard, write_full_report])
def test_of_the_tables_all_are_written_or_none(store_root, tmp_path, write):
    root = tmp_path / "synthetic" / "holdout-ch0"
    copied(store_root / "cells" / "random", root / "cells" / "random")
    (root / "leaderboard.html").mkdir(parents=True)
    with pytest.raises(InputError, match=r"leaderboard\.html: a folder, a device, a pipe or no name"):
        write(root)
    assert [file.name for file in root.rglob("*") if file.is_file() and "cells" not in file.parts] == []


def test_a_result_says_how_it_came_about(store_root):
    result = json.loads((cell_of(store_root, "dense_ae@cpu[epochs=1]") / "result.json").read_text())
    assert result["config"]["threads"] == 1
    assert (result["device"], result["split_seed"], result["quick"]) == ("auto", 0, False)
    assert result["units"] == [result["unit"]]
    assert result["command"] == "python run_all.py"
    assert result["config"]["dataset_identity"] == CORPUS.identity
    assert set(checksums(cell_of(store_root, "dense_ae@cpu[epochs=1]"))) == {"scores.csv", "history.csv", "result.json"}


def test_examples_of_the_documentation_run(store_root, tmp_path, monkeypatch):
    root = copied(store_root, tmp_path / "results" / "mimii" / "code-ch0")
    write_leaderboard(root)
    monkeypatch.chdir(tmp_path)
    examples = DOCUMENTED.split("```python\n")[1:]
    assert len(examples) >= 2
    for example in examples:
        code = example.split("```")[0].replace("dense_ae", "mahalanobis")
        exec(compile(code, "docs/results.md", "exec"), {})


def test_the_library_gives_the_leaderboard_of_the_report(store_root):
    board = leaderboard(load_results(store_root))
    pd.testing.assert_frame_equal(board, make_report(store_root).board)
    assert set(board.loc[board["sanity"], "detector"]) == {"loudness", "random"}
    assert not board["scores_only"].any()


def test_the_library_is_the_same_whatever_was_imported_before():
    program = (
        "import sys, benchmarks\n"
        "assert not {'pandas', 'numpy', 'torch', 'matplotlib'} & set(sys.modules)\n"
        "import benchmarks.evaluation.leaderboard, benchmarks.evaluation.stored_results\n"
        "from benchmarks import leaderboard, load_results\n"
        "assert leaderboard is benchmarks.evaluation.leaderboard.leaderboard\n"
        "assert load_results is benchmarks.evaluation.stored_results.load_results\n"
        "assert not {'torch', 'matplotlib', 'librosa', 'pyod'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)


def test_what_the_library_lacks_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'ranks'"):
        _ = benchmarks.ranks


def test_files_as_written_have_no_changes(store_root):
    assert {str(changes(folder)) for folder, _ in Store(store_root).results()} == {"{}"}


@pytest.mark.parametrize(
    ("file", "old", "new", "found"),
    [
        ("result.json", '"split_seed": 0', '"split_seed": 2', "its content is not what was written"),
        ("result.json", '"split_seed": 0,', '"split_seed":  0,', "the same content in another layout"),
        ("result.json", '"split_seed": 0,', '"split_seed": 0;', "no JSON"),
        ("scores.csv", "test,", "tess,", "not the bytes that were written"),
        ("history.csv", "epoch", "epocb", "not the bytes that were written"),
    ],
)
def test_one_changed_byte_shows(store_root, tmp_path, file, old, new, found):
    cell = copied(cell_of(store_root, "dense_ae@cpu[epochs=1]"), tmp_path / "cell")
    text = (cell / file).read_text()
    assert old in text
    (cell / file).write_text(text.replace(old, new, 1))
    assert list(changes(cell)) == [file]
    assert found in changes(cell)[file]
    if file == "result.json" and "its content" not in found:
        line = text[: text.index(old)].count("\n") + 1
        assert f"line {line}" in changes(cell)[file]


def test_a_missing_file_and_missing_checksums_show(store_root, tmp_path):
    cell = copied(cell_of(store_root, "random"), tmp_path / "cell")
    (cell / "scores.csv").unlink()
    assert changes(cell) == {"scores.csv": "missing"}
    (cell / CHECKSUM_FILE).unlink()
    assert changes(cell) == {CHECKSUM_FILE: "missing or unreadable"}


def test_the_first_differing_line_is_counted_from_1():
    assert differing_line("a\nb\nc", "a\nx\nc") == 2
    assert differing_line("a\nb", "a\nb\nc") == 3


def test_seeds_have_a_deviation_of_their_own(tmp_path):
    root = make_store(tmp_path, ("random",), seeds=(0, 1))
    board = leaderboard(load_results(root))
    assert board["seed_sd"].iloc[0] > 0
    assert board["cells"].iloc[0] == 16
