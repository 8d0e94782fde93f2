"""The store and its tables: complete cells are done, and what cannot be read is named and never dropped."""

import json
import os
import re
import shutil
import subprocess

import pandas as pd
import pytest

from benchmarks import leaderboard, load_results
from benchmarks.cell import Cell
from benchmarks.evaluation.stored_results import COLUMNS
from benchmarks.reporting.leaderboard_files import write_leaderboard
from benchmarks.run.checksums import CHECKSUM_FILE, changes, checksum_text, checksums
from benchmarks.run.result_fields import Status
from benchmarks.run.store import Store
from features import InputError
from tests.support.small_store import CORPUS

RANDOM = Cell("random", CORPUS.name, "fan", "id_00", 6.0, 0)


@pytest.fixture
def store(store_root, tmp_path):
    """A copy of a part of the small store."""
    root = tmp_path / CORPUS.folder / store_root.name
    for label in ("random", "loudness", "knn[k=3]"):
        shutil.copytree(store_root / "cells" / label, root / "cells" / label)
    return Store(root)


@pytest.fixture
def cell(store):
    return store.root / RANDOM.folder


def edit(folder, **changes):
    file = folder / "result.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def remove(name):
    return lambda folder: (folder / name).unlink()


def replace(folder, old, new):
    file = folder / "result.json"
    file.write_text(file.read_text().replace(old, new))


def rescore(folder):
    scores = pd.read_csv(folder / "scores.csv", dtype={"path": str})
    scores.loc[scores["label"] == 1, "score"] = 9999.0
    scores.to_csv(folder / "scores.csv", index=False)


def replace_by_a_copy(folder):
    shutil.rmtree(folder)
    shutil.copytree(folder.with_name("id_02-6dB-seed0"), folder)


DAMAGES = {
    "cut short": (
        lambda folder: os.truncate(folder / "result.json", 100),
        r"result.json: line \d+, column \d+: no JSON",
    ),
    "older": (lambda folder: edit(folder, schema_version=2), "result.json: written by version 2 of the format"),
    "a wrong field": (lambda folder: edit(folder, n_train=-1), "result.json: n_train: Input should be greater"),
    "no result": (remove("result.json"), "result.json: cannot be read"),
    "no scores": (remove("scores.csv"), "incomplete, scores.csv missing; run the cell again"),
    "no object": (lambda folder: (folder / "result.json").write_text("[]"), "result.json: not a JSON object"),
    "deep nesting": (lambda folder: (folder / "result.json").write_text("[" * 10**5), "result.json: cannot be read"),
    "a huge number": (
        lambda folder: replace(folder, '"n_train": ', '"n_train": ' + "1" * 5000),
        "json: cannot be read",
    ),
    "a lone surrogate": (lambda folder: edit(folder, message="\ud800"), "result.json: Invalid JSON"),
    "empty scores": (lambda folder: os.truncate(folder / "scores.csv", 0), "scores.csv: not the bytes that were"),
    "another score": (rescore, "scores.csv: not the bytes that were written; the file was changed; run the cell again"),
    "a copy of another cell": (replace_by_a_copy, "result.json: describes random/fan/id_02-6dB-seed0; the folder was"),
    "no checksums": (remove(CHECKSUM_FILE), "incomplete, SHA256SUMS missing; run the cell again"),
}
damages = pytest.mark.parametrize(("damage", "message"), DAMAGES.values(), ids=DAMAGES.keys())


@damages
def test_a_damaged_cell_is_not_done_and_reading_it_names_the_file(store, cell, damage, message):
    identity = store.result(cell).identity
    assert store.is_done(RANDOM, identity)
    damage(cell)
    assert not store.is_done(RANDOM, identity)
    with pytest.raises(InputError, match=f"{re.escape(str(cell))}.*{message}"):
        store.result(cell)
    with pytest.raises(InputError, match=message):
        list(store.results())


@damages
def test_a_damaged_cell_is_a_row_of_status_error(store, cell, damage, message):
    before = load_results(store.root)
    damage(cell)
    rows = load_results(store.root)
    place = ["detector", "dataset", "machine", "unit", "snr_db", "seed"]
    pd.testing.assert_frame_equal(rows[place], before[place])
    (error,) = rows[rows["status"] == "error"].to_dict("records")
    assert Cell(**{name: error[name] for name in place}) == RANDOM
    assert pd.Series([error["message"]]).str.contains(message).all()
    assert (error["scope"], bool(error["sanity"]), bool(error["scores_only"])) == ("unit", True, False)
    others = rows["status"] == "ok"
    pd.testing.assert_series_equal(rows.loc[others, "auc"], before.loc[others, "auc"])
    row = leaderboard(rows).set_index("detector").loc["random"]
    assert pd.isna(row["rank"])
    assert "1 error" in row["reason"]


@pytest.mark.parametrize("name", ["random", "dense_ae@cpu[epochs=1]"])
def test_a_report_of_a_store_with_a_damaged_first_cell_is_written(store, store_root, name):
    shutil.copytree(store_root / "cells" / name, store.root / "cells" / name, dirs_exist_ok=True)
    edit(store.folders()[0], schema_version=2)
    write_leaderboard(store.root)
    assert "written by version 2" in (store.root / "results.csv").read_text()
    assert json.loads((store.root / "environment.json").read_text())["versions"]["asdbench"]


def test_the_only_cell_of_a_detector_may_be_damaged(store):
    knn = sorted((store.root / "cells" / "knn[k=3]").glob("*/*"))
    for folder in knn[1:]:
        shutil.rmtree(folder)
    edit(knn[0], schema_version=2)
    rows = load_results(store.root)
    assert rows.loc[rows["detector"] == "knn[k=3]", "status"].tolist() == ["error"]


def test_a_store_in_which_no_result_can_be_read_is_an_error(store):
    for folder in store.folders():
        edit(folder, schema_version=2)
    with pytest.raises(InputError, match=r"version 2 of the format.*24 results cannot be read"):
        load_results(store.root)


def test_a_damaged_cell_in_a_folder_of_another_name_is_an_error(store, cell):
    edit(cell, schema_version=2)
    cell.rename(cell.with_name("copy of it"))
    with pytest.raises(InputError, match=r"version 2 of the format.*its folder is not named <unit>"):
        load_results(store.root)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nonsense\n", "no column part"),
        ("", "cannot be read (No columns to parse"),
        ("part,path,label,score\ntest,a,0,1\ntest,b,0,x\n", "line 3: score x; allowed is a finite number"),
        ("part,path,label,score\ntest,a,0,1\ntest,b,1,\n", "line 3: score nan; allowed is a finite number"),
        ("part,path,label,score\ntest,a,2,1\ntest,b,1,0\n", "line 2: label 2; allowed is 0, 1 or nothing"),
        ("part,path,label,score\ntest,a,0,1,7\ntest,b,1,0,inf\n", "line 3: score inf; allowed"),
    ],
    ids=["columns", "empty", "score", "no score", "label", "a column too many"],
)
def test_scores_that_cannot_be_evaluated_are_a_row_of_status_error(store, cell, text, message):
    identity = store.result(cell).identity
    (cell / "scores.csv").write_text(text)
    (cell / CHECKSUM_FILE).write_text(checksum_text(cell))
    assert not store.is_done(RANDOM, identity)
    rows = load_results(store.root)
    (error,) = rows[rows["status"] == "error"].to_dict("records")
    assert f"{cell / 'scores.csv'}: " in error["message"]
    assert message in error["message"]
    assert pd.isna(error["auc"])


def test_the_columns_hold_the_time_without_features(store):
    rows = load_results(store.root)
    assert list(rows.columns[: len(COLUMNS)]) == list(COLUMNS)
    assert (rows["score_seconds_without_features"] <= rows["score_seconds"]).all()


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="needs sha256sum of GNU coreutils")
def test_sha256sum_checks_a_cell(cell):
    check = ["sha256sum", "--strict", "-c", CHECKSUM_FILE]
    done = subprocess.run(check, cwd=cell, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["result.json: OK", "scores.csv: OK"]
    (cell / "scores.csv").write_text("part\n")
    assert subprocess.run(check, cwd=cell, capture_output=True, check=False).returncode == 1


def test_broken_checksum_files_and_files_without_a_checksum_are_named(cell):
    text = checksum_text(cell)
    assert checksums(cell) == {line[66:]: line[:64] for line in text.splitlines()}
    (cell / CHECKSUM_FILE).write_text(text.splitlines()[0] + "\nnonsense\n")
    assert changes(cell) == {CHECKSUM_FILE: "line 2: not a checksum, two spaces and a file name"}
    (cell / CHECKSUM_FILE).write_text(text.splitlines()[0] + "\n")
    assert changes(cell) == {"scores.csv": f"no checksum in {CHECKSUM_FILE}"}
    (cell / CHECKSUM_FILE).unlink()
    assert changes(cell) == {CHECKSUM_FILE: "missing or unreadable"}


def test_a_cell_is_replaced_as_a_whole(store, cell):
    result = store.result(cell)
    failed = result.model_copy(update={"status": Status.ERROR, "message": "no idea"})
    store.write(failed)
    assert sorted(file.name for file in cell.iterdir()) == [CHECKSUM_FILE, "result.json"]
    assert changes(cell) == {}
    assert not list(store.root.glob("cells/.partial-*"))


@pytest.mark.parametrize("snr_db", [6.0, -6.0, 2.5, 0.0, None])
def test_a_folder_names_its_cell(snr_db, tmp_path):
    cell = Cell("a/b@cpu[x=1]", "mimii", "fan", "id-00", snr_db, 3)
    assert Cell.of_folder(tmp_path / cell.folder, "mimii") == cell
