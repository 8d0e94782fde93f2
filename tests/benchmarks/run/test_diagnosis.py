"""The test AUC after each epoch: it is what scoring would give then, and neither fit nor scores know of it."""

import json
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from benchmarks.datasets.synthetic import Synthetic
from benchmarks.metrics import auc
from benchmarks.run.diagnosis import Diagnosis, with_test_auc
from benchmarks.run.plan import make_plan
from benchmarks.run.protocols import Protocol
from benchmarks.run.runner import Runner
from benchmarks.run.store import Store
from detectors import Clips
from detectors.contract.variants import create
from detectors.dense_ae import DenseAutoencoder
from detectors.networks.training import evaluating, observing, train
from features.cache import FeatureCache

CORPUS = Synthetic(machines=("fan",), units=("id_00",), snrs_db=(0.0,), normals=12, anomalies=4, seconds=1.0)
NETWORKS = (
    "dense_ae[epochs=3]",
    "dense_ae[epochs=2,scoring=mahalanobis]",
    "dcase_ae[epochs=2]",
    "idnn[epochs=2]",
    "vae[epochs=3]",
    "conv1d_ae[epochs=2,crop_samples=512,windows=2,batch_size=2]",
    "conv2d_ae[epochs=3,batch_size=2]",
)


@dataclass
class OfAllUnits(DenseAutoencoder):
    """A detector for tests: a network of scope "machine"."""

    scope = "machine"


@pytest.fixture(scope="module")
def clips():
    """Five clips of sound for each network, by its label."""
    sounds = np.random.default_rng(0).normal(scale=0.1, size=(5, 16000)).astype(np.float32)

    def scored(detector):
        return Clips([detector.feature(sound, 16000) for sound in sounds], ["id_00"] * 5)

    return scored


def run_into(folder, diagnose, **detectors):
    """Run detectors on the corpus; return the folder of each cell by detector."""
    runner = Runner(Store(folder / "results"), FeatureCache(folder / "cache"), diagnose=diagnose)
    plan = make_plan(CORPUS, Protocol(), detectors)
    assert [failure for _, failure in runner.run(plan, plan.jobs) if failure] == []
    return {result.detector: path for path, result in runner.store.results()}


@pytest.mark.parametrize("name", NETWORKS)
def test_being_watched_changes_no_bit(name, clips):
    alone, watched, epochs = create(name), create(name), []
    scored = clips(alone)

    def watch(epoch):
        epochs.append(epoch)
        torch.rand(3)
        if "mahalanobis" not in name:
            assert np.isfinite(watched.score(scored)).all()

    alone.fit(scored)
    with observing(watch):
        watched.fit(scored)
    assert epochs == [row["epoch"] for row in alone.history_]
    pd.testing.assert_frame_equal(pd.DataFrame(watched.history_), pd.DataFrame(alone.history_), check_exact=True)
    np.testing.assert_array_equal(watched.score(scored), alone.score(scored))


def test_an_observer_is_gone_after_its_block():
    network, epochs = nn.Linear(1, 1), []

    def fit():
        items = torch.arange(4)
        train(
            network,
            lambda i: network(i[:, None].float()).square().mean(),
            items,
            epochs=2,
            batch_size=2,
            learning_rate=0.1,
        )

    with observing(epochs.append):
        fit()
    fit()
    assert epochs == [1, 2]


@pytest.mark.parametrize("training", [True, False])
def test_a_network_goes_back_in_the_mode_it_came_in(training):
    network = nn.Linear(1, 1).train(training)
    with evaluating(network, "cpu") as (lent, _):
        assert not lent.training
    assert network.training is training


def test_history_gains_one_auc_per_epoch_and_the_last_is_that_of_the_cell(tmp_path):
    names = ("dense_ae[epochs=3]", "vae[epochs=2]", "knn")
    plain = run_into(tmp_path / "plain", False, **{name: create(name) for name in names})
    diagnosed = run_into(tmp_path / "diagnosed", True, **{name: create(name) for name in names})
    for name in names:
        assert (diagnosed[name] / "scores.csv").read_bytes() == (plain[name] / "scores.csv").read_bytes()
        identities = [json.loads((cells[name] / "result.json").read_text())["identity"] for cells in (plain, diagnosed)]
        assert identities[0] == identities[1]
    for name, n_epochs in zip(names[:2], (3, 2), strict=True):
        history = pd.read_csv(diagnosed[name] / "history.csv")
        scores = Store.scores(diagnosed[name]).query("part == 'test'")
        assert history["test_auc"].notna().sum() == len(history) == n_epochs
        assert history["test_auc"].iloc[-1] == auc(scores["label"].to_numpy(int), scores["score"])
        pd.testing.assert_frame_equal(history.drop(columns="test_auc"), pd.read_csv(plain[name] / "history.csv"))
    assert not (diagnosed["knn"] / "history.csv").exists()


def test_each_auc_is_that_of_a_run_that_stops_there(tmp_path):
    cells = run_into(tmp_path, True, **{f"e{n}": create(f"dense_ae[epochs={n}]") for n in (1, 2, 3)})
    curves = [pd.read_csv(cells[f"e{n}"] / "history.csv")["test_auc"].tolist() for n in (1, 2, 3)]
    assert curves[0] == curves[2][:1]
    assert curves[1] == curves[2][:2]


def test_no_auc_without_a_score_before_the_end_nor_for_several_units(tmp_path):
    late = create("dense_ae[epochs=1,scoring=mahalanobis]")
    cells = run_into(tmp_path, True, late=late, shared=OfAllUnits(epochs=1))
    for cell in cells.values():
        assert "test_auc" not in pd.read_csv(cell / "history.csv")


@pytest.mark.parametrize("labels", [[0, 0, 0, 0, 0], [None] * 5])
def test_labels_that_judge_nothing_give_no_column(labels, clips):
    detector = create("dense_ae[epochs=1]")
    diagnosis = Diagnosis(detector, clips(detector))
    with observing(diagnosis):
        history = pd.DataFrame(detector.fit(clips(detector)).history_)
    assert list(diagnosis.scores) == [1]
    assert with_test_auc(history, diagnosis.scores, labels) is history
