"""AUC per kind of anomaly and per severity: by hand, from stored scores alone, and only if the corpus states them."""

import json
import shutil

import pandas as pd
import pytest

from benchmarks.datasets.synthetic import Synthetic
from benchmarks.evaluation.leaderboard import leaderboard
from benchmarks.evaluation.stored_results import load_results
from benchmarks.metrics import auc
from benchmarks.reporting.captions import Caption
from benchmarks.reporting.dataframe_table import dataframe_table
from benchmarks.reporting.fault_tables import fault_tables
from benchmarks.reporting.full_report import write_full_report
from benchmarks.reporting.render_latex import latex
from benchmarks.run.checksums import CHECKSUM_FILE, checksum_text
from benchmarks.run.store import Store
from tests.support.small_store import make_store

CAPTION = Caption("Corpus", "code", "0", [0], 2, "as published", {}, synthetic=True)
CORPUS = Synthetic(machines=("fan",), units=("id_00", "id_02"), snrs_db=(6.0,), normals=20, anomalies=12, seconds=1.0)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("faults"), ("loudness", "random"), CORPUS)


def test_scores_name_the_fault_of_each_anomaly_and_of_no_normal_clip(root):
    faults = {clip.path: (clip.fault, clip.severity) for clip in CORPUS.clips()}
    for folder, _ in Store(root).results():
        scores = Store.scores(folder)
        abnormal = scores["label"] == 1
        expected = [faults[path] for path in scores.loc[abnormal, "path"]]
        assert list(zip(scores.loc[abnormal, "fault"], scores.loc[abnormal, "severity"], strict=True)) == expected
        assert scores.loc[~abnormal, ["fault", "severity"]].isna().all(axis=None)


def test_an_auc_is_that_of_one_kind_against_all_normal_clips(root):
    per_fault, per_severity = fault_tables(load_results(root), ["random", "loudness"], CAPTION)
    assert per_fault.frame["detector"].tolist() == ["random", "loudness"]
    cells = [Store.scores(folder) for folder, result in Store(root).results() if result.detector == "loudness"]
    tests = [scores[scores["part"] == "test"] for scores in cells]
    chosen = [test[(test["label"] == 0) | (test["fault"] == "unbalance")] for test in tests]
    expected = sum(auc(part["label"], part["score"]) for part in chosen) / len(chosen)
    assert per_fault.frame.set_index("detector").loc["loudness", "fan unbalance"] == pytest.approx(expected)
    assert "fan unbalance: 8" in per_fault.note
    assert per_severity.frame.columns.tolist() == ["detector", "0 to 0.5", "0.5 to 0.75", "0.75 to 1"]


def test_a_detector_that_lacks_a_cell_has_no_mean(root, tmp_path):
    copy = tmp_path / "code"
    shutil.copytree(root, copy)
    shutil.rmtree(next(copy.glob("cells/random/fan/id_02*")))
    for table in fault_tables(load_results(copy), ["random", "loudness"], CAPTION):
        means = table.frame.set_index("detector")
        assert means.loc["random"].isna().all()
        assert means.loc["loudness"].notna().all()


def fail(folder):
    """Make a cell one that has no scores."""
    result = json.loads((folder / "result.json").read_text()) | {"status": "error", "message": "no idea"}
    (folder / "result.json").write_text(json.dumps(result))
    (folder / "scores.csv").unlink()


def test_a_cell_that_everybody_lacks_is_not_averaged_over(root, tmp_path):
    copy = shutil.copytree(root, tmp_path / "code")
    for folder in copy.glob("cells/*/fan/id_02*"):
        fail(folder)
    results = load_results(copy)
    assert leaderboard(results)["auc"].isna().all()
    for table in fault_tables(results, ["random", "loudness"], CAPTION):
        assert table.frame["detector"].tolist() == ["random", "loudness"]
        assert table.frame.drop(columns="detector").isna().all(axis=None)


def test_a_detector_without_any_scores_is_a_row(root, tmp_path):
    copy = shutil.copytree(root, tmp_path / "code")
    for folder in copy.glob("cells/random/fan/*"):
        fail(folder)
    for table in fault_tables(load_results(copy), ["loudness", "random"], CAPTION):
        means = table.frame.set_index("detector")
        assert means.loc["random"].isna().all()
        assert means.loc["loudness"].notna().all()


def test_seeds_are_averaged_first_and_count_no_clip_twice(tmp_path):
    copy = make_store(tmp_path, ("random",), CORPUS, seeds=(0, 1))
    results = load_results(copy)
    for table in fault_tables(results, ["random"], CAPTION):
        alone = [fault_tables(results[results["seed"] == seed], ["random"], CAPTION) for seed in (0, 1)]
        (first, second) = (next(t for t in tables if t.name == table.name) for tables in alone)
        expected = (first.frame.iloc[0, 1:] + second.frame.iloc[0, 1:]) / 2
        assert table.frame.iloc[0, 1:].tolist() == pytest.approx(expected.tolist())
        assert table.note == first.note


def test_latex_has_a_table_a_machine():
    rows = [("fan a", 0.1), ("fan b", 0.2), ("valve a", 0.3)]
    frame = pd.DataFrame({"detector": ["knn"]} | {name: [value] for name, value in rows})
    text = latex(dataframe_table("t", "T", "N.", frame, CAPTION, latex_groups=[["fan a", "fan b"], ["valve a"]]))
    assert [line for line in text.splitlines() if line.startswith(("detector", "knn"))] == [
        r"detector & fan a & fan b \\",
        r"knn & 0.100 & 0.200 \\",
        r"detector & valve a \\",
        r"knn & 0.300 \\",
    ]
    assert text.count(r"\caption{SYNTHETIC DATA") == 2


def test_anomalies_of_unknown_severity_are_in_no_band(root, tmp_path):
    copy = shutil.copytree(root, tmp_path / "code")
    for file in copy.glob("cells/*/*/*/scores.csv"):
        pd.read_csv(file).assign(severity=None).to_csv(file, index=False)
        (file.parent / CHECKSUM_FILE).write_text(checksum_text(file.parent))
    assert [table.name for table in fault_tables(load_results(copy), ["random"], CAPTION)] == ["auc_per_fault"]


def test_the_report_holds_both_tables_labelled_synthetic(root):
    names = {file.name for file in write_full_report(root)}
    assert {"auc_per_fault.csv", "auc_per_fault.tex", "auc_per_severity.csv"} <= names
    table = pd.read_csv(root / "report" / "auc_per_fault.csv")
    assert table["synthetic"].all()
    assert "## AUC per kind of anomaly" in (root / "report" / "report.md").read_text()


def test_a_corpus_that_does_not_state_them_has_no_such_table(root, tmp_path):
    copy = tmp_path / "code"
    shutil.copytree(root, copy)
    for file in copy.glob("cells/*/*/*/scores.csv"):
        pd.read_csv(file).drop(columns=["fault", "severity"]).to_csv(file, index=False)
        (file.parent / CHECKSUM_FILE).write_text(checksum_text(file.parent))
    assert fault_tables(load_results(copy), ["random"], CAPTION) == []
