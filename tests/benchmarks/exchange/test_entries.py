"""Imported scores: both forms are read, an error names file and line, entries are marked."""

import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from benchmarks import leaderboard, load_results
from benchmarks.cli import result_output
from benchmarks.datasets.dcase_editions import EDITIONS
from benchmarks.exchange.entries import Entry, import_scores
from benchmarks.exchange.reproduce import read_result
from benchmarks.exchange.score_export import export_scores
from benchmarks.reporting.leaderboard_files import make_report, write_leaderboard
from benchmarks.run.checksums import changes
from benchmarks.run.plan import Selection, make_plan
from benchmarks.run.protocols import Protocol
from benchmarks.run.store import Store
from features import InputError
from tests.support.small_store import CORPUS, PROTOCOL

ROOT = Path(__file__).parents[3]
SCHEMA = json.loads((ROOT / "benchmarks" / "result.schema.json").read_text(encoding="utf-8"))
THEIRS = Entry("their net", "the training clips of each unit, and AudioSet")
PLAN = make_plan(CORPUS, PROTOCOL, {})


@pytest.fixture
def store(store_root, tmp_path):
    """A copy of the small store, to import into."""
    return Store(shutil.copytree(store_root, tmp_path / "results" / CORPUS.folder / PROTOCOL.name))


@pytest.fixture
def ours(store_root, tmp_path):
    """Score files in the form of asdbench: those of knn, all parts."""
    return shutil.copytree(store_root / "cells" / "knn[k=3]", tmp_path / "ours")


@pytest.fixture
def theirs(store_root, tmp_path):
    """Score files in the form of DCASE: those of knn."""
    export_scores(store_root, tmp_path / "exported", ["knn[k=3]"])
    return tmp_path / "exported" / "knn[k=3]"


def aucs(store, label):
    rows = load_results(store.root)
    return rows[rows["detector"] == label].set_index(["machine", "unit", "snr_db"])["auc"]


@pytest.mark.parametrize("form", ["ours", "theirs"])
def test_both_forms_give_the_aucs_they_came_from(store, form, request):
    cells = import_scores(request.getfixturevalue(form), THEIRS, PLAN, store)
    assert len(cells) == len(set(cells)) == 8
    pd.testing.assert_series_equal(aucs(store, THEIRS.name), aucs(store, "knn[k=3]"), check_exact=True)


def test_imports_carry_a_mark_a_declaration_and_valid_results(store, ours):
    (cell, *_) = import_scores(ours, replace(THEIRS, command="python run_all.py import-scores"), PLAN, store)
    folder = store.root / cell.folder
    result = json.loads((folder / "result.json").read_text())
    assert (result["scores_only"], result["trained_on"]) == (True, THEIRS.trained_on)
    assert result["command"] == "python run_all.py import-scores"
    assert list(jsonschema.Draft202012Validator(SCHEMA).iter_errors(result)) == []
    assert changes(folder) == {}
    run = json.loads((store.root / cell.folder.replace(THEIRS.name, "knn[k=3]") / "result.json").read_text())
    assert result["manifest"] == run["manifest"]
    with pytest.raises(InputError, match="only their authors can repeat them"):
        read_result(folder / "result.json")


def test_imports_are_ranked_with_a_mark_in_every_table(store, ours):
    import_scores(ours, THEIRS, PLAN, store)
    write_leaderboard(store.root)
    row = leaderboard(load_results(store.root)).set_index("detector").loc[THEIRS.name]
    assert row["rank"] >= 1
    assert row["scores_only"]
    for name in ("leaderboard.md", "leaderboard.tex"):
        text = (store.root / name).read_text()
        assert "their net (scores only)" in text
        assert "declared training data of their net: the training clips of each unit, and AudioSet." in text
    rows = pd.read_csv(store.root / "results.csv")
    assert set(rows.loc[rows["scores_only"], "detector"]) == {THEIRS.name}
    assert pd.isna(row["fit_seconds"])


def test_entries_that_learn_from_other_units_are_ranked_in_the_cross_unit_track(store, ours):
    import_scores(ours, Entry("across", "all units", "machine"), PLAN, store)
    assert make_report(store.root).board.set_index("detector").loc["across", "track"] == "machine"


def test_versions_and_hardware_of_a_table_are_those_of_runs(store, ours):
    before = json.loads(((store.root / "cells").glob("knn*/*/*/result.json").__next__()).read_text())["environment"]
    import_scores(ours, Entry("a first", "x"), PLAN, store)
    for file in store.root.glob("cells/a first/*/*/result.json"):
        result = json.loads(file.read_text())
        result["environment"]["versions"]["torch"] = "9.8.7"
        file.write_text(json.dumps(result))
    write_leaderboard(store.root)
    assert json.loads((store.root / "environment.json").read_text()) == before
    assert "9.8.7" not in (store.root / "leaderboard.md").read_text()


def test_test_scores_alone_are_enough_and_unneeded_columns_may_be_missing(store, ours):
    for file in ours.rglob("scores.csv"):
        table = pd.read_csv(file)
        table.loc[table["part"] == "test", ["path", "score"]].to_csv(file, index=False)
    import_scores(ours, THEIRS, PLAN, store)
    assert set(Store.scores(next(store.root.glob("cells/their net/*/*")))["part"]) == {"test"}


def test_folders_give_the_seeds(store, ours, tmp_path):
    both = tmp_path / "both"
    shutil.copytree(ours, both / "seed1")
    shutil.copytree(ours, both / "seed2")
    for folder in list(both.rglob("*-seed0")):
        folder.rename(folder.with_name(folder.name.replace("-seed0", "")))
    assert {cell.seed for cell in import_scores(both, THEIRS, PLAN, store)} == {1, 2}


def first_file(folder):
    return sorted(folder.rglob("*.csv"))[0]


def damage(file, change):
    """Change the lines of a file."""
    lines = file.read_text().splitlines()
    change(lines)
    file.write_text("\n".join(lines) + "\n")


def put(lines, number, text):
    lines[number] = text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: lines.pop(), r"fan id_00 at 0dB, seed 0: 1 of 9 test clips have no score, first "),
        (lambda lines: lines.append(lines[-1]), r"line 10: .* already has a score in .* line 9"),
        (lambda lines: put(lines, 0, lines[0].split(",")[0] + ",nan"), r"line 1: score 'nan'; give a finite number"),
        (lambda lines: put(lines, 0, lines[0].split(",")[0] + ",1_0"), r"line 1: score '1_0'; give a finite number"),
        (lambda lines: put(lines, 1, lines[1].split(",")[0] + ",-inf"), r"line 2: score '-inf'"),
        (lambda lines: put(lines, 1, lines[1].split(",")[0] + ",loud"), r"line 2: score 'loud'"),
        (lambda lines: put(lines, 2, "normal/99999999.wav,1"), r"line 3: 'normal/99999999.wav' is not a clip that nee"),
        (
            lambda lines: put(lines, 2, "wav,1"),
            r"line 3: 'wav' is not a clip that needs a score; an example is 0_dB_fan/",
        ),
        (lambda lines: put(lines, 0, "path,label,score"), r"line 1: 3 values; give a file name, a comma and a score"),
        (lambda lines: lines.clear(), r"no scores in it"),
        (lambda lines: [put(lines, i, f"{line.split(',')[0]},1") for i, line in enumerate(lines)], "scores equal 1"),
    ],
    ids=[
        "missing",
        "twice",
        "nan",
        "underscore",
        "infinite",
        "text",
        "unknown",
        "part of a name",
        "columns",
        "empty",
        "constant",
    ],
)
def test_faults_of_dcase_files_are_named_and_nothing_is_written(store, theirs, change, message):
    damage(first_file(theirs), change)
    with pytest.raises(InputError, match=message):
        import_scores(theirs, THEIRS, PLAN, store)
    assert not (store.root / "cells" / THEIRS.name).exists()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (",1,", ",0,", r"line \d+: label 0, but .*abnormal.* is labelled 1 in the corpus"),
        ("test,", "train,", r"line 2: part train, but the protocol has .* in test; use its manifest"),
        ("path", "clip", r"no column path, found part, clip, label, score, fault, severity; give folders"),
        ("0_dB_fan", "6_dB_fan", r"line 2: part test, but the protocol|has a score in"),
    ],
    ids=["label", "part", "header", "level"],
)
def test_faults_of_asdbench_files_are_named(store, ours, old, new, message):
    file = first_file(ours)
    file.write_text(file.read_text().replace(old, new, 1))
    with pytest.raises(InputError, match=message):
        import_scores(ours, THEIRS, PLAN, store)


def test_a_name_that_may_be_two_clips_is_refused(store, theirs):
    plan = make_plan(CORPUS, Protocol("code"), {})  # normal and abnormal clips 0 to 4 test
    damage(first_file(theirs), lambda lines: put(lines, 0, "00000001.wav,1"))
    with pytest.raises(InputError, match=r"line 1: '00000001.wav' may be .*normal.* or .*abnormal.*; write the path"):
        import_scores(theirs, THEIRS, plan, store)


def test_a_part_has_all_scores_or_none(store, ours):
    damage(first_file(ours), lambda lines: lines.pop())
    with pytest.raises(InputError, match=r"1 of 14 train clips have no score"):
        import_scores(ours, THEIRS, PLAN, store)


def test_a_unit_that_is_missing_is_named(store, theirs):
    shutil.rmtree(next(path for path in theirs.rglob("*6dB")))
    with pytest.raises(InputError, match=r"fan id_00 at 6dB, seed 0: 9 of 9 test clips have no score"):
        import_scores(theirs, THEIRS, PLAN, store)


def test_an_entry_on_a_part_of_the_corpus_is_imported_but_not_ranked(store, theirs):
    shutil.rmtree(next(path for path in theirs.rglob("*6dB")))
    plan = make_plan(CORPUS, PROTOCOL, {}, selection=Selection(snrs_db=(0.0,)))
    assert len(import_scores(theirs, THEIRS, plan, store)) == 4
    row = leaderboard(load_results(store.root)).set_index("detector").loc[THEIRS.name]
    assert pd.isna(row["rank"])
    assert row["reason"] == "4 not run"


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (Entry("knn", "x"), "is a detector of asdbench"),
        (Entry("knn[k=3]", "x"), "give letters, digits"),
        (Entry("../x", "x"), "give letters, digits"),
        (Entry("fine", " "), "say in a sentence what the scores were trained on"),
    ],
)
def test_names_and_declarations_are_checked(store, ours, entry, message):
    with pytest.raises(InputError, match=message):
        import_scores(ours, entry, PLAN, store)


def test_a_run_of_the_same_name_is_never_overwritten_but_an_import_is(store, ours):
    shutil.copytree(store.root / "cells" / "random", store.root / "cells" / "taken")
    for file in (store.root / "cells" / "taken").rglob("result.json"):
        file.write_text(file.read_text().replace('"detector": "random"', '"detector": "taken"'))
    with pytest.raises(InputError, match="is a run of this name"):
        import_scores(ours, Entry("taken", "x"), PLAN, store)
    for _ in range(2):
        import_scores(ours, THEIRS, PLAN, store)


def test_folders_without_scores_say_what_is_there(store, tmp_path):
    with pytest.raises(InputError, match="no score files, no such folder"):
        import_scores(tmp_path / "nowhere", THEIRS, PLAN, store)
    (tmp_path / "some").mkdir()
    (tmp_path / "some" / "notes.txt").write_text("")
    with pytest.raises(InputError, match=r"no score files, found notes.txt; give folders with scores.csv"):
        import_scores(tmp_path / "some", THEIRS, PLAN, store)
    (tmp_path / "some" / "scores.csv").write_text("path,score\n")
    (tmp_path / "some" / "anomaly_score_fan_id_00.csv").write_text("")
    with pytest.raises(InputError, match="files of two forms"):
        import_scores(tmp_path / "some", THEIRS, PLAN, store)


def test_exported_files_have_the_form_of_dcase(theirs, store_root):
    files = sorted(path.relative_to(theirs).as_posix() for path in theirs.rglob("*.csv"))
    assert files == [
        f"{level}/anomaly_score_{machine}_{unit}.csv"
        for level in ("0dB", "6dB")
        for machine in ("fan", "valve")
        for unit in ("id_00", "id_02")
    ]
    lines = (theirs / files[0]).read_text().splitlines()
    assert len(lines) == 9
    name, value = lines[0].split(",")
    assert name.startswith("normal/")  # 00000000.wav alone is normal and abnormal in MIMII's layout
    assert np.isfinite(float(value))


def test_exports_never_overwrite_and_name_unknown_rows(store_root, tmp_path):
    with pytest.raises(InputError, match="no scores of 'nobody'; there are dense_ae"):
        export_scores(store_root, tmp_path / "new", ["nobody"])
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("")
    with pytest.raises(InputError, match="not empty"):
        export_scores(store_root, tmp_path / "full")
    with pytest.raises(InputError, match="no scores; name a folder"):
        export_scores(tmp_path / "nowhere", tmp_path / "new")


def names_only(root, files):
    """A corpus whose clips are listed and never read."""
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()
    return root


@pytest.fixture
def sections(tmp_path):
    """DCASE 2023 as names: one section, two domains."""
    domain = ("source", "target")
    files = [f"fan/train/section_00_{d}_train_normal_{n:04d}_a.wav" for d in domain for n in range(6)]
    kinds = ("normal", "anomaly")
    files += [f"fan/test/section_00_{d}_test_{k}_{n:04d}_a.wav" for d in domain for k in kinds for n in range(3)]
    return EDITIONS["dcase2023"](names_only(tmp_path / "dcase2023t2", files))


def test_dcase_submissions_are_imported_and_exported_unchanged(sections, tmp_path):
    plan = make_plan(sections, Protocol("labels"), {})
    names = [clip.path.rpartition("/")[2] for clip in plan.groups[0].split.test]
    given = tmp_path / "team" / "task2" / "anomaly_score_fan_section_00_test.csv"
    given.parent.mkdir(parents=True)
    given.write_text("".join(f"{name},{number / 7}\n" for number, name in enumerate(names)))
    store = Store(tmp_path / "results" / "dcase2023" / "labels-ch0")
    import_scores(tmp_path / "team", THEIRS, plan, store)
    table = Store.scores(next(store.root.glob("cells/*/*/*")))
    assert table.groupby("domain").size().to_dict() == {"source": 6, "target": 6}
    (written,) = export_scores(store.root, tmp_path / "back")
    assert written.relative_to(tmp_path / "back").as_posix() == "their net/anomaly_score_fan_section_00_test.csv"
    assert written.read_text() == given.read_text()


def test_sections_with_training_scores_get_decisions(sections, tmp_path):
    plan = make_plan(sections, Protocol("labels"), {})
    split = plan.groups[0].split
    rng = np.random.default_rng(0)
    scores = {clip.path: rng.gamma(2.0) for clip in split.train} | {c.path: 100.0 * c.label for c in split.test}
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours" / "scores.csv").write_text("path,score\n" + "".join(f"{p},{s}\n" for p, s in scores.items()))
    store = Store(tmp_path / "results" / "dcase2023" / "labels-ch0")
    import_scores(tmp_path / "ours", THEIRS, plan, store)
    files = {file.name: file for file in export_scores(store.root, tmp_path / "back")}
    assert set(files) == {"anomaly_score_fan_section_00_test.csv", "decision_result_fan_section_00_test.csv"}
    decided = dict(line.split(",") for line in files["decision_result_fan_section_00_test.csv"].read_text().split())
    assert all(value == str(int("anomaly" in name)) for name, value in decided.items())


def test_the_commands_import_and_export(store, ours, tmp_path):
    console = Console(file=io.StringIO(), width=400)
    result_output.import_scores(ours, THEIRS, PLAN, store.root.parent.parent, "python run_all.py", console)
    result_output.export_scores(store.root, tmp_path / "out", [THEIRS.name], console)
    text = console.file.getvalue()
    assert "their net: 8 cells imported, seeds 0; marked (scores only)\n" in text
    assert f"Tables: {store.root}/ results.csv, leaderboard.csv" in text
    assert f"Wrote 8 files to {tmp_path / 'out'}" in text
    assert "their net" in (store.root / "leaderboard.md").read_text()
