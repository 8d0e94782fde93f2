"""What cannot run is left out when the plan is made, once, with its reason; it never ends the run of the others."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.datasets import FeatureTable, RecordingFolder
from benchmarks.datasets.synthetic import Synthetic
from benchmarks.evaluation.stored_results import load_results
from benchmarks.run.plan import make_plan
from benchmarks.run.protocols import Protocol
from benchmarks.run.runner import Runner
from benchmarks.run.store import Store
from detectors import Detector
from detectors.contract.registry import detectors
from detectors.contract.variants import create
from features import Feature, InputError, PooledLogMel
from features.cache import FeatureCache
from tests.support.wav_files import noise, write_wav

CORPUS = Synthetic(machines=("fan",), units=("id_00", "id_02"), snrs_db=(6.0,), normals=12, anomalies=4, seconds=1.0)


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> Path:
    """Two units of 24 normal and 6 abnormal clips, six values each, the abnormal ones shifted."""
    rng = np.random.default_rng(0)
    rows = [("fan", unit, int(i >= 24), f"{unit}/{i:04}.wav") for unit in ("id_00", "id_02") for i in range(30)]
    frame = pd.DataFrame(rows, columns=["machine", "unit", "label", "file"])
    values = rng.normal(size=(60, 6)) + 1.5 * frame[["label"]].to_numpy()
    file = tmp_path_factory.mktemp("table") / "vectors.csv"
    frame.join(pd.DataFrame(values, columns=[f"v{i}" for i in range(6)])).to_csv(file, index=False)
    return file


def test_on_a_table_all_detectors_of_vectors_run_and_the_others_are_left_out_once(table, tmp_path):
    every = {name: create(name) for name in detectors()[0]}
    plan = make_plan(FeatureTable(table), Protocol(), every)
    run = {cell.detector for cell in plan.cells}
    assert {"knn", "ensemble", "pyod_lof", "random", "loudness"} <= run
    left_out = {line.partition(" ")[0]: line for line in plan.left_out}
    assert len(left_out) == len(plan.left_out) == len(every) - len(run)
    assert {"dense_ae", "conv1d_ae", "stgram", "id_classifier"} <= set(left_out)
    assert "needs sound" in left_out["dense_ae"] or "computed from sound" in left_out["dense_ae"]
    runner = Runner(Store(tmp_path / "results"), FeatureCache(tmp_path / "cache"))
    ensemble = [job for job in plan.jobs if job.cells[0].detector == "ensemble"]
    assert [message for _, message in runner.run(plan, ensemble)] == ["", ""]
    assert (load_results(tmp_path / "results")["auc"] > 0.7).all()


@dataclass
class CannotBeCopied(Detector):
    """A defect of its author: the copy that a run needs cannot be made."""

    feature: Feature = PooledLogMel()
    copies: int = 0

    def __post_init__(self):
        self.copies += 1
        if self.copies > 1:
            raise RuntimeError("no second one")

    def fit(self, clips):
        return self

    def score(self, clips):
        return np.zeros(len(clips))


@dataclass
class CannotBeNamed(CannotBeCopied):
    """Another defect: its repr raises."""

    def __post_init__(self):
        pass

    def __repr__(self):
        raise ZeroDivisionError("division by zero")


@pytest.mark.parametrize("broken", [CannotBeCopied(), CannotBeNamed()], ids=["copy", "repr"])
def test_a_detector_that_cannot_be_prepared_is_left_out_and_the_others_run(broken):
    plan = make_plan(CORPUS, Protocol(), {"broken": broken, "knn": create("knn")})
    assert {cell.detector for cell in plan.cells} == {"knn"}
    (line,) = plan.left_out
    assert line.startswith("broken is left out: it cannot be prepared: ")
    assert "no second one" in line or "ZeroDivisionError" in line


def test_a_detector_without_a_seed_is_run_once_whatever_the_seeds(tmp_path):
    chosen = {name: create(name) for name in ("knn", "iforest[trees=5]")}

    def seeds_of(plan):
        return {name: sorted({cell.seed for cell in plan.cells if cell.detector == name}) for name in chosen}

    first, second = (make_plan(CORPUS, Protocol(), chosen, seeds) for seeds in ((0,), (1, 2)))
    assert seeds_of(second) == {"knn": [0], "iforest[trees=5]": [1, 2]}
    runner = Runner(Store(tmp_path / "results"), FeatureCache(tmp_path / "cache"))
    assert not [failure for _, failure in runner.run(first, first.jobs) if failure]
    assert {job.cells[0].detector for job in runner.pending(second)} == {"iforest[trees=5]"}
    seeded = load_results(tmp_path / "results").set_index("detector")["seeded"]
    assert seeded.groupby("detector").first().to_dict() == {"knn": False, "iforest[trees=5]": True}


def test_a_run_in_which_nothing_can_run_is_refused_with_the_reason(table):
    with pytest.raises(InputError, match=r"dense_ae is left out: .*sound"):
        make_plan(FeatureTable(table), Protocol(), {"dense_ae": create("dense_ae")})


def test_a_channel_that_no_unit_has_is_refused_in_one_line():
    with pytest.raises(InputError, match=r"^--channel 9: .*channel 9 asked for, found 1 channel"):
        make_plan(CORPUS, Protocol(channel="9"), {"random": create("random")})
    assert make_plan(replace(CORPUS, n_channels=8), Protocol(channel="7"), {"random": create("random")}).cells


def test_a_unit_without_the_channel_or_with_a_damaged_clip_costs_no_other(tmp_path):
    for unit, n_channels in (("a", 1), ("b", 2)):
        for kind in ("normal", "abnormal"):
            for i in range(3 if kind == "normal" else 1):
                write_wav(tmp_path / "press" / unit / kind / f"{i}.wav", noise(n_channels=n_channels))
    folder = RecordingFolder(tmp_path)
    assert len(make_plan(folder, Protocol(channel="1"), {"random": create("random")}).cells) == 2
    with pytest.raises(InputError, match=r"^--channel 2: .*channel 2 asked for, found 1 channel"):
        make_plan(folder, Protocol(channel="2"), {"random": create("random")})
    for unit in "ab":
        (tmp_path / "press" / unit / "abnormal" / "0.wav").write_bytes(b"")
    assert len(make_plan(RecordingFolder(tmp_path), Protocol(channel="2"), {"random": create("random")}).cells) == 2
