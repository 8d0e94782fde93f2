"""The estimate of a run: features once per group and only where the cache lacks them, other corpora not mixed in."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.datasets.synthetic import Synthetic
from benchmarks.run import estimate as module
from benchmarks.run.estimate import estimate
from benchmarks.run.plan import make_plan
from benchmarks.run.protocols import Protocol
from detectors.contract.variants import create
from features.cache import FeatureCache

CORPUS = Synthetic(machines=("fan",), units=("id_00",), snrs_db=(6.0, 0.0), normals=12, anomalies=4, seconds=1.0)
N_CLIPS = 2 * 16  # of two groups


@pytest.fixture(autouse=True)
def no_committed_results(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "REFERENCE", tmp_path / "nowhere")


def timings(folder, dataset="synthetic", **detectors):
    """A results.csv: detector -> (seconds per clip of fit and score, of features), of 10 clips of which 5 test."""
    rows = [
        {
            "detector": name,
            "dataset": dataset,
            "status": "ok",
            "n_train": 5,
            "n_normal": 3,
            "n_abnormal": 2,
            "fit_seconds": 6 * own,
            "score_seconds": 4 * own + 5 * features,
            "score_seconds_without_features": 4 * own,
        }
        for name, (own, features) in detectors.items()
    ]
    file = folder / dataset / "code-ch0" / "results.csv"
    file.parent.mkdir(parents=True)
    pd.DataFrame(rows).to_csv(file, index=False)


def estimated(folder, *names, cache=None):
    plan = make_plan(CORPUS, Protocol(), {name: create(name) for name in names})
    return estimate(plan, plan.jobs, cache or FeatureCache(folder / "cache"), folder)


def test_two_detectors_of_one_feature_wait_for_it_once(tmp_path):
    timings(tmp_path, knn=(0.1, 0.5), mahalanobis=(0.2, 0.5))
    found = estimated(tmp_path, "knn", "mahalanobis")
    assert found.features == pytest.approx(0.5 * N_CLIPS)
    assert sum(found.jobs) == pytest.approx((0.1 + 0.2) * N_CLIPS)
    assert found.untimed == []


def test_a_clip_is_read_once_for_two_features(tmp_path):
    timings(tmp_path, loudness=(0.0, 0.4), knn=(0.1, 0.5))  # reading takes 0.4 s or a little less
    assert estimated(tmp_path, "loudness", "knn").features == pytest.approx(0.5 * N_CLIPS)


def test_what_the_cache_holds_is_not_counted(tmp_path):
    timings(tmp_path, knn=(0.1, 0.5))
    cache = FeatureCache(tmp_path / "cache")
    (group,) = [group for group in make_plan(CORPUS, Protocol(), {"knn": create("knn")}).groups if group.snr_db == 6.0]
    cache.ensure([clip.audio for clip in group.clips], 0, [create("knn").feature], 16_000)
    assert estimated(tmp_path, "knn", cache=cache).features == pytest.approx(0.5 * N_CLIPS / 2)


def test_features_of_another_corpus_say_nothing_about_this_one(tmp_path):
    timings(tmp_path, dataset="table", knn=(0.1, 0.5))
    found = estimated(tmp_path, "knn")
    assert found.features == 0
    assert sum(found.jobs) == pytest.approx(0.1 * N_CLIPS)


def test_a_detector_that_was_never_timed_is_named_and_weighs_as_an_average_one(tmp_path):
    timings(tmp_path, knn=(0.1, 0.0))
    found = estimated(tmp_path, "knn", "iforest")
    assert found.untimed == ["iforest"]
    np.testing.assert_allclose(found.weights, 0.1 * N_CLIPS / 2)


NUMBERS = ["n_train", "n_normal", "n_abnormal", "fit_seconds", "score_seconds", "score_seconds_without_features"]
HEADER = ",".join(["detector", "dataset", "status", *NUMBERS]) + "\n"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00",
        b"[]",
        b"status\nok\n",
        HEADER.encode(),
        (HEADER + "knn,synthetic,ok,x,y,z,a,b,c\n").encode(),
        (HEADER + "knn,synthetic,ok,1e400,inf,-inf,nan,1,1\n").encode(),
        (HEADER + "knn,synthetic,ok,5,0,0,1,1,1\n").encode(),
        (HEADER + "knn,synthetic,ok,5,3,2,-1,1,1\n").encode(),
        (HEADER + ",,ok,5,3,2,1,1,1\n").encode(),
        (HEADER + "7,8,ok,5,3,2,1,1,1\n").encode(),
        (HEADER + "knn,synthetic,ok,5,3,2,1,1,1\n").encode("utf-16"),
    ],
    ids=["empty", "binary", "JSON", "few columns", "no row", "words", "infinite", "no clips", "negative", "no name"]
    + ["numbers as names", "UTF-16"],
)
def test_a_damaged_table_is_no_reason_to_fail(tmp_path, content):
    file = tmp_path / "synthetic" / "code-ch0" / "results.csv"
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    assert estimated(tmp_path, "knn").untimed == ["knn"]


def test_a_folder_in_place_of_a_table_is_no_reason_to_fail(tmp_path):
    (tmp_path / "synthetic" / "code-ch0" / "results.csv").mkdir(parents=True)
    assert estimated(tmp_path, "knn").untimed == ["knn"]


def test_a_table_without_times_apart_from_features_still_gives_an_estimate(tmp_path):
    timings(tmp_path, loudness=(0.0, 0.4), knn=(0.1, 0.4))
    (file,) = tmp_path.glob("*/*/results.csv")
    pd.read_csv(file).drop(columns="score_seconds_without_features").to_csv(file, index=False)
    found = estimated(tmp_path, "knn")
    assert found.features == pytest.approx(0.4 * N_CLIPS)
    assert sum(found.jobs) == pytest.approx(0.1 * N_CLIPS)
