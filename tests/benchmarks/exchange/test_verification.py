"""Submissions: a table that follows from its scores passes, and every other fault is named with its place."""

import io
import json
import os
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from benchmarks.cli import result_output
from benchmarks.datasets.synthetic import Synthetic
from benchmarks.exchange import submitted_files, verification
from benchmarks.exchange.verification import verify_results
from benchmarks.reporting.leaderboard_files import write_leaderboard
from benchmarks.run.checksums import CHECKSUM_FILE, checksum_text
from benchmarks.run.manifest import public_mimii_clips
from benchmarks.run.protocols import Protocol
from features import InputError
from tests.support.small_store import make_store


@pytest.fixture(scope="module")
def reported(store_root, tmp_path_factory):
    """A few rows of the small store, with their tables; to be copied."""
    root = tmp_path_factory.mktemp("reported") / store_root.name
    for label in ("mahalanobis", "random", "dense_ae@cpu[epochs=1]"):
        shutil.copytree(store_root / "cells" / label, root / "cells" / label)
    write_leaderboard(root)
    return root


@pytest.fixture
def submitted(reported, tmp_path):
    """A submission: cells and results.csv below a folder."""
    return shutil.copytree(reported, tmp_path / "submitted" / "us" / "synthetic" / reported.name)


def faults(root):
    (found,) = verify_results(root.parent).values()
    return found


def cell(root, label="random"):
    return sorted((root / "cells" / label).glob("*/*"))[0]


def rewrite(folder, change=None, **fields):
    """Change a cell and its checksums: what a mistake without intent looks like."""
    result = json.loads((folder / "result.json").read_text())
    if change is not None:
        scores = pd.read_csv(folder / "scores.csv", dtype={"path": str})
        change(scores).to_csv(folder / "scores.csv", index=False)
    (folder / "result.json").write_text(json.dumps(result | fields, indent=1) + "\n")
    (folder / CHECKSUM_FILE).write_text(checksum_text(folder))


def test_the_files_of_a_run_pass(submitted):
    assert verify_results(submitted.parent.parent) == {submitted: []}


@pytest.mark.parametrize("column", ["auc", "pauc", "ap", "auc_low"])
def test_a_metric_that_does_not_follow_from_the_scores_is_named(submitted, column):
    table = pd.read_csv(submitted / "results.csv")
    before = table.loc[3, column]
    table.loc[3, column] = before + 1e-6
    table.to_csv(submitted / "results.csv", index=False)
    (fault,) = faults(submitted)
    row = table.loc[3]
    assert fault.startswith(f"results.csv line 5: {row['detector']} on {row['machine']} {row['unit']}, SNR")
    assert f"{column} {before + 1e-6} stated, {before} from its scores" in fault


def test_a_status_and_a_count_that_do_not_follow_are_named(submitted):
    table = pd.read_csv(submitted / "results.csv")
    table.loc[0, "status"] = "error"
    table.loc[1, "n_normal"] += 1
    table.to_csv(submitted / "results.csv", index=False)
    first, second = faults(submitted)
    assert "status error stated, ok from its scores" in first
    assert "n_normal 5 stated, 4 from its scores" in second


def test_rows_without_cells_and_cells_without_rows_are_named(submitted):
    table = pd.read_csv(submitted / "results.csv")
    table.drop(index=0).to_csv(submitted / "results.csv", index=False)
    shutil.rmtree(cell(submitted))
    found = faults(submitted)
    assert len(found) == 2
    assert any("no stored result of random on fan id_00" in fault for fault in found)
    assert any("results.csv: no row for " in fault and "which has a result" in fault for fault in found)


def test_a_changed_score_breaks_the_checksum_or_else_the_metrics(submitted):
    file = cell(submitted, "mahalanobis") / "scores.csv"
    scores = pd.read_csv(file)
    scores.loc[scores["label"] == 1, "score"] += 1e6
    scores.to_csv(file, index=False)
    found = faults(submitted)
    assert found[0].endswith("scores.csv: not the bytes that were written")
    assert any("auc " in fault and "stated, nan from its scores" in fault for fault in found[1:])
    (file.parent / CHECKSUM_FILE).write_text(checksum_text(file.parent))
    assert any("auc " in fault and "stated, 1.0 from its scores" in fault for fault in faults(submitted))


def test_clips_are_compared_with_the_corpus_or_if_that_is_not_known_with_the_manifest(submitted):
    rewrite(cell(submitted), lambda scores: scores.assign(label=1 - scores["label"]))
    assert any("labels are not those of the corpus" in fault for fault in faults(submitted))
    rewrite(cell(submitted), quick=True)
    assert any("but the parts, paths and labels of scores.csv give" in fault for fault in faults(submitted))
    rewrite(cell(submitted), lambda scores: pd.concat([scores, scores.iloc[:1]]))
    assert any("occurs twice" in fault for fault in faults(submitted))


def test_broken_files_are_faults_and_do_not_stop_the_check(submitted):
    (cell(submitted) / "scores.csv").write_text("nonsense\n")
    found = faults(submitted)
    assert any("scores.csv: not the bytes that were written" in fault for fault in found)
    assert any("status ok stated, error from its scores" in fault for fault in found)
    (submitted / "results.csv").write_text("detector,auc\n")
    assert any("no column dataset, machine" in fault or "cannot be" in fault for fault in faults(submitted))


def test_a_folder_without_results_says_so(tmp_path):
    with pytest.raises(InputError, match=r"no results.csv in it"):
        verify_results(tmp_path)


@pytest.fixture(scope="module")
def whole_unit(tmp_path_factory):
    """A result on one unit of the corpus as it is, whose clips are known without reading anything."""
    folder = tmp_path_factory.mktemp("whole")
    corpus = Synthetic()

    class OneUnit(Synthetic):
        @property
        def identity(self):
            return corpus.identity

    one = OneUnit(machines=("valve",), units=("id_00",), snrs_db=(6.0,))
    return make_store(folder, ("random",), one, Protocol("code"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda scores: scores.drop(index=0), "1 test clips have no score, first 6_dB_valve"),
        (lambda scores: scores.assign(label=1 - scores["label"]), "120 test labels are not those of the corpus"),
        (lambda scores: scores.replace("train", "test"), "140 clips are not in the test part"),
        (lambda scores: scores[scores["part"] == "train"], "120 test clips have no score"),
        (lambda scores: scores.replace("grit", "oil"), "15 test kinds of anomaly are not those of the corpus"),
        (
            lambda scores: scores.assign(severity=1 - scores["severity"]),
            "60 test severities are not those of the corpus",
        ),
    ],
    ids=["missing", "labels", "parts", "no test", "kinds", "severities"],
)
def test_clips_of_known_corpora_are_compared_with_the_protocol(whole_unit, tmp_path, change, message):
    root = shutil.copytree(whole_unit, tmp_path / "synthetic" / "code-ch0")
    write_leaderboard(root)
    assert faults(root) == []
    rewrite(cell(root), lambda scores: scores[scores["part"] == "test"])
    assert faults(root) == []  # test scores alone are enough
    shutil.rmtree(root / "cells")
    shutil.copytree(whole_unit / "cells", root / "cells")
    rewrite(cell(root), change)
    assert any(message in fault for fault in faults(root))
    rewrite(cell(root), manifest="0" * 16)
    assert any("manifest 0000000000000000, but the corpus and the protocol give" in fault for fault in faults(root))


def test_the_clips_of_public_mimii_are_known():
    clips = public_mimii_clips("fan", "id_00", 6.0)
    assert len(clips) == 1011 + 407
    assert (clips[0].path, clips[0].label) == ("6_dB_fan/fan/id_00/normal/00000000.wav", 0)
    assert public_mimii_clips("fan", "id_01", 6.0) == public_mimii_clips("fan", "id_00", 3.0) == []


def test_the_command_says_ok_or_every_fault(submitted):
    console = Console(file=io.StringIO(), width=80)
    assert result_output.verify_results(submitted, console)
    assert console.file.getvalue() == f"{submitted}: ok\n"
    (cell(submitted) / "scores.csv").unlink()
    assert not result_output.verify_results(submitted, console)
    assert "faults\n" in console.file.getvalue()
    assert "results.csv line" in console.file.getvalue()


def a_pipe(file):
    file.unlink(missing_ok=True)
    os.mkfifo(file)


def a_link(file):
    file.unlink(missing_ok=True)
    file.symlink_to("/etc/hostname")


def a_link_to_a_device(file):
    file.unlink(missing_ok=True)
    file.symlink_to("/dev/zero")


def sparse(file):
    with open(file, "wb") as opened:
        opened.truncate(2**27)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (a_pipe, "a pipe, a device or a socket"),
        (a_link, "a link, which is not opened"),
        (a_link_to_a_device, "a link, which is not opened"),
        (sparse, "134217728 bytes, more than"),
    ],
)
@pytest.mark.parametrize("name", ["results.csv", "result.json", "scores.csv", "SHA256SUMS", "history.csv"])
def test_what_is_no_plain_file_of_a_usual_size_is_refused_by_name_and_not_opened(submitted, make, message, name):
    file = submitted / name if name == "results.csv" else cell(submitted) / name
    make(file)
    with pytest.raises(InputError, match=re.escape(f"{file}: {message}")) as raised:
        verify_results(submitted.parent)
    assert Path("/etc/hostname").read_text().strip() not in str(raised.value)


def test_a_link_to_a_folder_is_refused(submitted):
    (submitted / "cells" / "more").symlink_to("/etc")
    with pytest.raises(InputError, match=r"cells/more: a link"):
        verify_results(submitted)


def test_folders_without_end_are_refused(submitted, monkeypatch):
    folder = submitted
    for _ in range(40):
        folder = folder / "in"
    folder.mkdir(parents=True)
    with pytest.raises(InputError, match="more than 16 folders deep"):
        verify_results(submitted)
    shutil.rmtree(submitted / "in")
    for limit in ("MOST_FILES", "MOST_BYTES"):
        with monkeypatch.context() as patch:
            patch.setattr(submitted_files, limit, 3)
            with pytest.raises(InputError, match="name a smaller part of it"):
                verify_results(submitted)


@pytest.mark.parametrize("n_clips", ["2000000000", "9" * 18])
def test_a_corpus_of_too_many_clips_is_a_fault_and_is_not_listed(submitted, n_clips):
    folder = cell(submitted)
    config = json.loads((folder / "result.json").read_text())["config"]
    identity = re.sub(r"\d+ normal", f"{n_clips} normal", config["dataset_identity"])
    rewrite(folder, config=config | {"dataset_identity": identity})
    assert any(f"normals={n_clips}" in fault and "give at most 100000" in fault for fault in faults(submitted))


@pytest.mark.parametrize(
    "text", ["[" * 200_000, '{"seed": ' + "1" * 5000 + "}", '{"seed": 1e999}'], ids=["depth", "digits", "infinity"]
)
def test_json_that_cannot_be_read_is_a_fault(submitted, text):
    (cell(submitted) / "result.json").write_text(text)
    assert any("result.json" in fault for fault in faults(submitted))


def test_numbers_that_no_column_can_hold_are_a_fault(submitted):
    rewrite(cell(submitted), seed=10**40)
    assert faults(submitted)


def test_what_is_not_checked_in_time_is_a_fault(submitted, monkeypatch):
    monkeypatch.setattr(verification, "MOST_SECONDS", -1)
    (fault,) = faults(submitted)
    assert "not checked within -1 s, nor is what follows it" in fault
