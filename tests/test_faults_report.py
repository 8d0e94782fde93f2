"""AUC per kind of anomaly and per severity: by hand, from stored scores alone, and only where the corpus tells."""

import shutil

import pandas as pd
import pytest
from small_store import make_store

from benchmarks.datasets.synthetic import Synthetic
from benchmarks.metrics import auc
from benchmarks.reporting.faults_report import fault_tables
from benchmarks.reporting.full_report import write_full_report
from benchmarks.results import load_results
from benchmarks.store import Store

CORPUS = Synthetic(machines=("fan",), units=("id_00", "id_02"), snrs_db=(6.0,), normals=20, anomalies=12, seconds=1.0)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("faults"), ("loudness", "random"), CORPUS)


def test_scores_name_the_fault_of_each_anomaly_and_of_no_normal_clip(root):
    told = {clip.path: (clip.fault, clip.severity) for clip in CORPUS.clips()}
    for folder, _ in Store(root).results():
        scores = Store.scores(folder)
        anomalous = scores["label"] == 1
        expected = [told[path] for path in scores.loc[anomalous, "path"]]
        assert list(zip(scores.loc[anomalous, "fault"], scores.loc[anomalous, "severity"], strict=True)) == expected
        assert scores.loc[~anomalous, ["fault", "severity"]].isna().all(axis=None)


def test_an_auc_is_that_of_one_kind_against_all_normal_clips(root):
    per_fault, per_severity = fault_tables(load_results(root), ["random", "loudness"])
    assert per_fault.frame["detector"].tolist() == ["random", "loudness"]
    cells = [Store.scores(folder) for folder, result in Store(root).results() if result["detector"] == "loudness"]
    tests = [scores[scores["part"] == "test"] for scores in cells]
    chosen = [test[(test["label"] == 0) | (test["fault"] == "unbalance")] for test in tests]
    expected = sum(auc(part["label"], part["score"]) for part in chosen) / len(chosen)
    assert per_fault.frame.set_index("detector").loc["loudness", "fan unbalance"] == pytest.approx(expected)
    assert "fan unbalance 8" in per_fault.note
    assert per_severity.frame.columns.tolist() == ["detector", "0 to 0.5", "0.5 to 0.75", "0.75 to 1"]


def test_a_detector_that_lacks_a_cell_has_no_mean(root, tmp_path):
    copy = tmp_path / "code"
    shutil.copytree(root, copy)
    shutil.rmtree(next(copy.glob("cells/random/fan/id_02*")))
    for table in fault_tables(load_results(copy), ["random", "loudness"]):
        means = table.frame.set_index("detector")
        assert means.loc["random"].isna().all()
        assert means.loc["loudness"].notna().all()


def test_the_report_holds_both_tables_labelled_synthetic(root):
    names = {file.name for file in write_full_report(root)}
    assert {"auc_per_fault.csv", "auc_per_fault.tex", "auc_per_severity.csv"} <= names
    table = pd.read_csv(root / "report" / "auc_per_fault.csv")
    assert table["synthetic"].all()
    assert "## AUC per kind of anomaly" in (root / "report" / "report.md").read_text()


def test_a_corpus_that_does_not_tell_has_no_such_table(root, tmp_path):
    copy = tmp_path / "code"
    shutil.copytree(root, copy)
    for file in copy.glob("cells/*/*/*/scores.csv"):
        pd.read_csv(file).drop(columns=["fault", "severity"]).to_csv(file, index=False)
    assert fault_tables(load_results(copy), ["random"]) == []
