"""The committed tables are what the code gives: results of the synthetic corpus, and the generated documentation."""

import subprocess

import pandas as pd
import pytest

from benchmarks.datasets.synthetic import Synthetic
from benchmarks.evaluation.stored_results import COLUMNS, load_results
from benchmarks.reporting import generated_docs as docs
from benchmarks.run.plan import Selection, make_plan
from benchmarks.run.protocols import Protocol
from benchmarks.run.runner import Runner
from benchmarks.run.store import Store
from detectors.contract.registry import detectors
from detectors.contract.variants import create, with_budget
from features.cache import FeatureCache

CHEAP = ("knn", "mahalanobis", "iforest", "ocsvm", "loudness", "random")
UNITS = {("fan", "id_00"), ("valve", "id_02")}
KEY = ["detector", "machine", "unit", "snr_db", "seed"]


@pytest.fixture(scope="module")
def committed():
    return pd.read_csv(docs.REFERENCE / "results.csv")


@pytest.mark.slow
def test_the_committed_rows_of_cheap_detectors_are_what_a_fresh_run_gives(tmp_path, committed):
    runner = Runner(Store(tmp_path / "results"), FeatureCache(tmp_path / "cache"))
    for machine, unit in UNITS:
        chosen = Selection(machines=(machine,), units=(unit,), snrs_db=(0.0,))
        plan = make_plan(Synthetic(), Protocol(), {name: create(name) for name in CHEAP}, selection=chosen)
        list(runner.compute_features(plan, plan.jobs))
        assert all(not failure for _, failure in runner.run(plan, plan.jobs))
    both = load_results(tmp_path / "results").merge(committed, on=KEY, suffixes=("", "_committed"))
    assert len(both) == len(CHEAP) * len(UNITS)
    pd.testing.assert_series_equal(both["auc"], both["auc_committed"], check_names=False, atol=0.005, rtol=0)
    assert (both["n_train"] == both["n_train_committed"]).all()


def test_the_committed_results_are_complete(committed):
    assert [name for name in COLUMNS if name in committed] == [name for name in committed if name in COLUMNS]
    assert set(COLUMNS) - set(committed) <= {"score_seconds_without_features"}  # until the results are made anew
    assert set(committed["status"]) == {"ok"}
    rows = {with_budget(name, "cpu") for name in detectors()[0]}
    assert set(committed["detector"]) == rows
    assert (committed.groupby("detector").size() == 24).all()


def test_git_ignores_what_a_run_writes_but_not_the_committed_tables():
    if not (docs.ROOT / ".git").exists():
        pytest.skip("no git checkout")
    files = ["results/synthetic/code-ch0/leaderboard.md", "results/mimii/code-ch0/results.csv"]
    kept = ["results/reference/synthetic/code-ch0/leaderboard.md", "results/submitted/a/mimii/code-ch0/results.csv"]
    ignored = subprocess.run(["git", "check-ignore", "--no-index", *files, *kept], cwd=docs.ROOT, capture_output=True)
    assert ignored.stdout.decode().split() == files


@pytest.mark.parametrize("name", ["leaderboard.md", "leaderboard.tex", "leaderboard.csv"])
def test_every_committed_table_says_that_it_is_synthetic(name):
    assert "SYNTHETIC DATA" in (docs.REFERENCE / name).read_text()


@pytest.mark.parametrize(
    ("file", "generate"),
    [
        ("README.md", docs.readme),
        ("docs/detectors.md", docs.detectors_page),
        ("docs/results.md", docs.results_page),
        ("benchmarks/result.schema.json", docs.schema),
    ],
)
def test_generated_documentation_is_up_to_date(file, generate):
    assert (docs.ROOT / file).read_text(encoding="utf-8") == generate(), "run generated_docs"
