"""Detectors with several features: each is cached by itself and shared, and each may be replaced."""

import numpy as np
import pandas as pd

from benchmarks.datasets.synthetic import Synthetic
from benchmarks.datasets.table import FeatureTable
from benchmarks.run.plan import Selection, make_plan
from benchmarks.run.protocols import Protocol
from benchmarks.run.runner import Runner
from benchmarks.run.store import Store
from detectors.contract.variants import create
from features.cache import FeatureCache
from tests.support.end_to_end import run

STGRAM = "stgram@cpu[epochs=1]"
ENSEMBLE = "ensemble[members=knn+loudness+mahalanobis]"
CONV1D = "conv1d_ae@cpu[epochs=1]"


def test_a_feature_is_computed_once_for_all_detectors_that_need_it(tmp_path):
    names = (STGRAM, CONV1D, ENSEMBLE, "knn")
    corpus = Synthetic(machines=("fan",))
    plan = make_plan(corpus, Protocol(), {name: create(name) for name in names}, selection=Selection(snrs_db=(6.0,)))
    runner = Runner(Store(tmp_path / "results"), FeatureCache(tmp_path / "cache"))
    n_groups = len(list(runner.compute_features(plan, plan.jobs)))
    entries = [entry.name.partition("-")[0] for entry in (tmp_path / "cache").iterdir() if entry.is_dir()]
    expected = ["Level", "LogMel", "PooledLogMel", "Waveform"] * n_groups
    assert sorted(entries) == sorted(expected)


def test_a_table_gives_each_member_of_an_ensemble_its_vector(tmp_path):
    rng = np.random.default_rng(0)
    clips = [("press", "left", 6.0, int(i >= 20), f"{i:03d}.wav", *rng.normal(2 * (i >= 20), 1, 4)) for i in range(28)]
    columns = ["machine", "unit", "snr_db", "label", "file", "v0", "v1", "v2", "v3"]
    pd.DataFrame(clips, columns=columns).to_csv(tmp_path / "vectors.csv", index=False)
    corpus = FeatureTable(tmp_path / "vectors.csv")
    plan = make_plan(corpus, Protocol(corpus.official_split), {name: create(name) for name in (ENSEMBLE, STGRAM)})
    (job,) = plan.jobs
    assert [type(feature).__name__ for feature in job.features] == ["Vector"] * 3
    assert [line.partition(":")[0] for line in plan.left_out] == [f"{STGRAM} is left out"]
    _, table = run(corpus, tmp_path, ENSEMBLE)
    assert (table["status"] == "ok").all(), table["message"].tolist()
    assert table["auc"].item() > 0.9
