"""The process that fits knows no label: not by what it is given, by order or by place; each score finds its clip."""

import dataclasses
import gc
import shutil
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pytest

from benchmarks.datasets.dataset import Clip
from benchmarks.datasets.synthetic import Synthetic
from benchmarks.evaluation.stored_results import load_results
from benchmarks.run.plan import make_plan
from benchmarks.run.protocols import Protocol
from benchmarks.run.runner import Runner
from benchmarks.run.store import Store
from detectors import Detector
from detectors.contract.variants import create
from features import Feature, PooledLogMel
from features.cache import FeatureCache

CORPUS = Synthetic(machines=("fan", "valve"), units=("id_00",), snrs_db=(6.0,), normals=12, anomalies=4, seconds=1.0)


@dataclass
class Curious(Detector):
    """A detector for tests: it scores by all that could tell a label, except for the sound."""

    by: Literal["order", "address", "feature", "objects"] = "order"
    feature: Feature = PooledLogMel()

    def fit(self, clips):
        return self

    def score(self, clips):
        return {
            "order": lambda: np.arange(len(clips), dtype=float),
            "address": lambda: np.array([float(x.__array_interface__["data"][0]) for x in clips.features]),
            "feature": lambda: np.array([float(x.flat[0]) for x in clips.features]),
            "objects": lambda: np.full(len(clips), sum(type(o) is Clip for o in gc.get_objects()), dtype=float),
        }[self.by]()


def plan_of(corpus=CORPUS, **detectors):
    return make_plan(corpus, Protocol(), detectors)


def runner_in(folder, n_jobs=1, threads=1):
    return Runner(Store(folder / "results"), FeatureCache(folder / "cache"), n_jobs, threads)


def test_neither_the_order_nor_the_place_of_a_clip_tells_its_label(tmp_path):
    corpus = dataclasses.replace(CORPUS, normals=60, anomalies=30)
    plan, runner = plan_of(corpus, order=Curious(by="order"), address=Curious(by="address")), runner_in(tmp_path)
    list(runner.run(plan, plan.jobs))
    aucs = load_results(runner.store.root)["auc"]
    assert len(aucs) == 4
    assert aucs.between(0.25, 0.75).all()  # 30 against 30 clips without information: a standard error of 0.075


def test_each_score_is_stored_with_the_path_and_the_label_of_its_clip(tmp_path):
    plan, runner = plan_of(feature=Curious(by="feature")), runner_in(tmp_path)
    list(runner.run(plan, plan.jobs))
    for group in plan.groups:
        table = Store.scores(runner.store.root / f"cells/feature/{group.machine}/id_00-6dB-seed0").set_index("path")
        assert len(table) == len(group.clips) == 16
        for clip in group.clips:
            waveform, rate = clip.audio.read(0)
            assert table.loc[clip.path, "score"] == PooledLogMel()(waveform, rate).flat[0]
            assert table.loc[clip.path, "label"] == clip.label


@pytest.mark.parametrize(("n_jobs", "counted"), [(2, False), (1, True)], ids=["worker", "own process"])
def test_no_clip_with_a_label_is_in_a_worker_process(tmp_path, n_jobs, counted):
    plan, runner = plan_of(objects=Curious(by="objects")), runner_in(tmp_path, n_jobs)
    messages = {message for _, message in runner.run(plan, plan.jobs)}
    assert all("test scores equal" in message for message in messages), messages
    (found,) = {int(message.split("equal ")[1].partition(",")[0]) for message in messages}
    assert (found > 0) == counted  # one job runs in the process of the run, where the test can find what it looks for


def test_a_name_that_is_no_utf8_has_its_place(tmp_path):
    clip = CORPUS.clips()[0]
    strange = [dataclasses.replace(clip, path=f"fan/id_00/normal/{name}.wav") for name in ("a", "\udcff")]

    class Strange(Synthetic):
        def clips(self):
            return [*CORPUS.clips(), *strange]

    plan = make_plan(Strange(), Protocol(), {"knn": create("knn")})
    assert {clip.path for clip in strange} <= {clip.path for group in plan.groups for clip in group.clips}


def test_another_number_of_threads_makes_a_cell_pending(tmp_path):
    plan = plan_of(knn=create("knn"))
    list(runner_in(tmp_path).run(plan, plan.jobs))
    assert runner_in(tmp_path).pending(plan) == []
    assert len(runner_in(tmp_path, threads=2).pending(plan)) == 2


def test_a_cache_that_is_cleared_during_a_run_is_an_error_of_its_cells(tmp_path):
    plan, runner = plan_of(knn=create("knn")), runner_in(tmp_path)
    features = {group.key: found for group, found in runner.compute_features(plan, plan.jobs)}
    shutil.rmtree(runner.cache.root)
    messages = [message for _, message in runner.run(plan, plan.jobs, features)]
    assert len(messages) == 2
    assert all("was removed or changed during the run; run the same command again" in text for text in messages)
    list(runner.run(plan, plan.jobs))
    assert runner.pending(plan) == []
