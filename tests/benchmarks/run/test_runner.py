"""The run: scores do not depend on how they were computed, failures are rows, what is done is not done again."""

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.datasets.synthesis import faults_of
from benchmarks.datasets.synthetic import Synthetic
from benchmarks.evaluation.stored_results import load_results
from benchmarks.run.plan import Selection, make_plan
from benchmarks.run.protocols import Protocol
from benchmarks.run.runner import Runner
from benchmarks.run.store import Store
from detectors import Detector
from detectors.contract.variants import create
from features import Feature, InputError, Level, PooledLogMel
from features.cache import FeatureCache

CORPUS = Synthetic(machines=("fan", "valve"), units=("id_00",), snrs_db=(6.0,), normals=12, anomalies=4, seconds=1.0)
DETECTORS = ("mahalanobis", "iforest", "dense_ae[epochs=2]")


@dataclass
class Fails(Detector):
    """A detector for tests: `how` says what its score does."""

    how: "str | Unportable" = "raise"
    feature: Feature = PooledLogMel()

    def fit(self, clips):
        self.fitted_ = True
        return self

    def score(self, clips):
        if self.how == "raise":
            raise RuntimeError("no idea")
        if self.how == "memory":
            raise MemoryError("70 GiB wanted")
        if self.how == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.how == "missing":
            import no_such_module  # noqa: F401
        return {
            "nan": np.full(len(clips), np.nan),
            "same": np.ones(len(clips)),
            "shape": np.ones((len(clips), 2)),
            "text": [f"{i}" for i in range(len(clips))],
            "complex": np.arange(len(clips)) + 1j,
            "truth": np.arange(len(clips)) > 3,
            "masked": np.ma.masked_greater(np.arange(len(clips)), 3),
            "none": [None] * len(clips),
            "ragged": [[i] * i for i in range(len(clips))],
        }[self.how]


@dataclass
class ByUnit(Detector):
    """A detector for tests of scope "machine": it must have seen every unit that it scores."""

    feature: Feature = PooledLogMel()
    scope = "machine"

    def fit(self, clips):
        self.units_ = set(clips.units)
        return self

    def score(self, clips):
        assert set(clips.units) <= self.units_
        return np.array([float(frames.mean()) for frames in clips.features])


def plan_of(*names, corpus=CORPUS, seeds=(0,), **others):
    return make_plan(corpus, Protocol(), {name: create(name) for name in names} | others, seeds)


def runner_in(folder, n_jobs=1, cache=None):
    return Runner(Store(folder / "results"), FeatureCache(cache or folder / "cache"), n_jobs)


def run(plan, runner, force=False):
    jobs = runner.pending(plan, force)
    failures = {group.key: failed for group, failed in runner.compute_features(plan, jobs)}
    messages: dict[str, str] = {}
    for job, message in runner.run(plan, jobs, failures):
        messages[job.cells[0].detector] = messages.get(job.cells[0].detector, "") or message
    return len(failures), messages


def all_scores(runner):
    tables = {result.detector + folder.name: Store.scores(folder) for folder, result in runner.store.results()}
    return pd.concat(tables)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A finished run with one job."""
    runner = runner_in(tmp_path_factory.mktemp("done"))
    run(plan_of(*DETECTORS), runner)
    return runner


def test_a_cell_holds_scores_of_every_part_with_labels(done):
    for folder, result in done.store.results():
        table = Store.scores(folder)
        assert table.groupby(["part", "label"]).size().to_dict() == {("test", 0): 4, ("test", 1): 4, ("train", 0): 8}
        assert (result.status, result.n_train, result.n_normal, result.n_abnormal) == ("ok", 8, 4, 4)
        assert table["path"].is_unique


def test_each_score_and_each_label_stands_beside_its_own_clip(tmp_path):
    runner = runner_in(tmp_path)
    run(plan_of("loudness"), runner)
    clips = {clip.path: clip for clip in CORPUS.clips()}
    for folder, _ in runner.store.results():
        for row in Store.scores(folder).itertuples():
            clip = clips[row.path]
            level = float(Level()(*clip.audio.read(0)).mean())
            assert (row.label, row.score) == (clip.label, pytest.approx(level, rel=1e-6))


def test_two_jobs_give_the_scores_of_one(done, tmp_path):
    runner = runner_in(tmp_path, n_jobs=2)
    run(plan_of(*DETECTORS), runner)
    pd.testing.assert_frame_equal(all_scores(runner), all_scores(done), check_exact=True)


def test_nothing_is_done_twice_and_a_deleted_cell_is_done_alone(done):
    assert done.pending(plan_of(*DETECTORS)) == []
    plan = plan_of(*DETECTORS)
    shutil.rmtree(done.store.root / plan.cells[0].folder)
    assert [job.cells for job in done.pending(plan)] == [(plan.cells[0],)]
    run(plan, done)
    assert done.pending(plan) == []


@pytest.mark.parametrize(
    "changed",
    [
        plan_of("dense_ae[epochs=3]"),
        plan_of("dense_ae[epochs=2]", seeds=(1,)),
        make_plan(CORPUS, Protocol("holdout"), {"dense_ae[epochs=2]": create("dense_ae[epochs=2]")}),
        plan_of(
            "dense_ae[epochs=2]", corpus=Synthetic(seed=1, units=("id_00",), snrs_db=(6.0,), normals=12, anomalies=4)
        ),
    ],
    ids=["configuration", "seed", "split", "corpus"],
)
def test_what_changes_the_scores_makes_a_cell_pending(done, changed):
    assert len(done.pending(changed)) == len(changed.jobs)


def test_force_runs_everything_again(done):
    assert len(done.pending(plan_of(*DETECTORS), force=True)) == 6


def test_a_result_cut_short_is_done_again(done):
    plan = plan_of(*DETECTORS)
    result = done.store.root / plan.cells[0].folder / "result.json"
    result.write_text(result.read_text()[:100])
    assert [job.cells for job in done.pending(plan)] == [(plan.cells[0],)]
    run(plan, done)


@pytest.mark.parametrize(
    ("how", "status", "message"),
    [
        ("raise", "error", "RuntimeError: no idea"),
        ("memory", "out_of_memory", "70 GiB wanted"),
        ("missing", "not_installed", "pip install no_such_module"),
        ("nan", "degenerate", "4 of 4"),
        ("same", "degenerate", "all 8 test scores equal 1"),
        ("shape", "error", "score() gave shape (8, 2) for 8 clips; return one float per clip"),
        ("text", "error", "score() gave text (<U1) for 8 clips; return one float per clip"),
        ("complex", "error", "score() gave complex numbers (complex128) for 8 clips"),
        ("truth", "error", "score() gave truth values (bool) for 8 clips"),
        ("masked", "error", "score() gave a masked array for 8 clips"),
        ("none", "error", "score() gave objects (object) for 8 clips"),
        ("ragged", "error", "score() gave a ragged list for 8 clips"),
    ],
)
def test_a_detector_that_fails_is_a_row_with_its_reason_and_the_others_go_on(tmp_path, done, how, status, message):
    runner = runner_in(tmp_path, cache=done.cache.root)
    message = message.replace("4 of 4", "8 of 8")
    run(plan_of("mahalanobis", bad=Fails(how=how)), runner)
    rows = load_results(runner.store.root)
    bad, good = rows[rows["detector"] == "bad"], rows[rows["detector"] == "mahalanobis"]
    assert set(bad["status"]) == {status}
    assert bad["message"].str.contains(message, regex=False).all()
    assert bad["auc"].isna().all()
    assert set(good["status"]) == {"ok"}
    assert {job.cells[0].detector for job in runner.pending(plan_of("mahalanobis", bad=Fails(how=how)))} == {"bad"}


def test_a_worker_that_is_killed_costs_only_its_own_cell(tmp_path, done):
    runner = runner_in(tmp_path, n_jobs=2, cache=done.cache.root)
    run(plan_of("mahalanobis", "iforest", dies=Fails(how="die")), runner)
    rows = load_results(runner.store.root).set_index(["detector", "machine"])["status"]
    assert rows.groupby("detector").agg(set).to_dict() == {
        "dies": {"out_of_memory"},
        "iforest": {"ok"},
        "mahalanobis": {"ok"},
    }


class Unportable:
    """Part of a configuration that is pickled never, or that no other process can unpickle."""

    def __init__(self, leaves: bool) -> None:
        self.leaves = leaves

    def __reduce__(self):
        if not self.leaves:
            raise TypeError("cannot pickle an open microphone")
        return int, ("no number",)


@pytest.mark.parametrize(("leaves", "message"), [(False, "an open microphone"), (True, "invalid literal for int")])
def test_a_detector_that_no_worker_can_receive_is_a_row_with_its_reason(tmp_path, done, leaves, message):
    runner = runner_in(tmp_path, n_jobs=2, cache=done.cache.root)
    run(plan_of("mahalanobis", stays=Fails(how=Unportable(leaves))), runner)
    rows = load_results(runner.store.root).set_index("detector")
    assert set(rows.loc["stays", "status"]) == {"error"}
    assert rows.loc["stays", "message"].str.contains(message).all()
    assert set(rows.loc["mahalanobis", "status"]) == {"ok"}


def test_a_detector_of_machine_scope_is_fitted_once_on_all_units(tmp_path):
    corpus = Synthetic(machines=("fan",), snrs_db=(6.0,), normals=8, anomalies=3, seconds=1.0)
    plan = make_plan(corpus, Protocol(), {"by_unit": ByUnit()})
    assert [len(job.cells) for job in plan.jobs] == [2]
    runner = runner_in(tmp_path)
    run(plan, runner)
    assert load_results(runner.store.root)[["unit", "status", "scope"]].to_numpy().tolist() == [
        ["id_00", "ok", "machine"],
        ["id_02", "ok", "machine"],
    ]


def test_results_that_cannot_be_written_are_an_error_and_keep_what_was_there(tmp_path, done):
    (tmp_path / "results").write_text("a file where the folder should be")
    with pytest.raises(InputError, match=r"results .*free space or permission.*--results"):
        run(plan_of("mahalanobis"), runner_in(tmp_path, cache=done.cache.root))


def test_results_on_another_split_of_the_same_clips_are_stale(tmp_path, done):
    runner = runner_in(tmp_path, cache=done.cache.root)
    run(plan_of("mahalanobis"), runner)
    run(make_plan(CORPUS, Protocol("holdout"), {"iforest": create("iforest")}), runner)
    rows = load_results(runner.store.root).groupby("detector")["status"].agg(set).to_dict()
    assert rows == {"iforest": {"ok"}, "mahalanobis": {"stale"}}


KILLED = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from tests.benchmarks.run.test_runner import DETECTORS, plan_of, run, runner_in
run(plan_of(*DETECTORS), runner_in(Path(sys.argv[1]), n_jobs=2))
"""


def test_a_run_that_is_killed_goes_on_and_ends_with_the_same_scores(tmp_path, done):
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path), str(Path(__file__).parents[3])], start_new_session=True
    )
    while process.poll() is None and not list(tmp_path.glob("results/cells/*/*/*/result.json")):
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    runner = runner_in(tmp_path)
    assert 0 < len(runner.pending(plan_of(*DETECTORS))) < 6
    runner.store.sweep()
    assert not list(tmp_path.glob("results/cells/.partial-*"))
    run(plan_of(*DETECTORS), runner)
    pd.testing.assert_frame_equal(all_scores(runner), all_scores(done), check_exact=True)


def test_a_selection_that_is_not_there_lists_what_is():
    with pytest.raises(InputError, match=r"no machine 'pump' in the corpus; there are: fan, valve"):
        make_plan(CORPUS, Protocol(), {}, selection=Selection(machines=("pump",)))


def test_quick_takes_one_unit_a_machine_at_the_highest_snr_and_few_clips():
    plan = make_plan(Synthetic(), Protocol(), {}, selection=Selection(quick=True))
    assert [(g.machine, g.unit, g.snr_db, len(g.clips)) for g in plan.groups] == [
        (machine, "id_00", 6.0, 80) for machine in ("fan", "pump", "slider", "valve")
    ]


def test_quick_hears_every_kind_of_fault():
    plan = make_plan(Synthetic(), Protocol(), {}, selection=Selection(quick=True))
    for group in plan.groups:
        assert {clip.fault for clip in group.clips if clip.label} == set(faults_of(group.machine))


def test_a_detector_that_tells_units_apart_is_left_out_of_a_machine_with_one_and_it_is_said():
    plan = plan_of("id_classifier", "random")
    assert {cell.detector for cell in plan.cells} == {"random"}
    assert plan.left_out == (
        (
            "id_classifier is left out on fan at 6dB, valve at 6dB: it learns from 2 units of a machine or more, "
            "and fewer are here or chosen"
        ),
    )
    with pytest.raises(InputError, match="id_classifier is left out on fan"):
        plan_of("id_classifier")


@dataclass(frozen=True)
class Counted:
    """A clip of a corpus whose readings are counted, in this process or another, in a file."""

    clip: object
    log: Path
    broken: bool

    @property
    def name(self):
        return self.clip.name

    @property
    def identity(self):
        return f"counted {self.clip.identity}"

    def read(self, channel):
        with open(self.log, "a") as log:
            log.write(f"{self.name}\n")
        if self.broken:
            raise InputError(f"{self.name}: cut short")
        return self.clip.read(channel)


@dataclass(frozen=True)
class CountedCorpus(Synthetic):
    log: Path = Path()
    broken: str = ""  # the end of the path of a clip that cannot be read

    def clips(self):
        return [
            dataclasses.replace(clip, audio=Counted(clip.audio, self.log, clip.path.endswith(self.broken)))
            for clip in super().clips()
        ]


def counted(folder, broken):
    size = {name: getattr(CORPUS, name) for name in ("machines", "units", "snrs_db", "normals", "anomalies", "seconds")}
    return CountedCorpus(**size, log=folder / "readings.txt", broken=broken)


FIVE = ("knn", "mahalanobis", "gmm", "random", "dense_ae[epochs=1]")  # of four features


def test_a_clip_that_cannot_be_read_is_found_once_and_its_cells_are_told(tmp_path):
    corpus = counted(tmp_path, broken="fan/id_00/normal/00000003.wav")
    runner = runner_in(tmp_path)
    run(plan_of(*FIVE, corpus=corpus), runner)
    readings = Counter((tmp_path / "readings.txt").read_text().splitlines())
    assert max(readings.values()) == 1, "every clip is read once, whatever the number of detectors"
    rows = load_results(runner.store.root).set_index(["detector", "machine"])
    assert len(rows) == 10
    assert (rows.xs("valve", level="machine")["status"] == "ok").all()
    lost = rows.xs("fan", level="machine")
    assert (lost["status"] == "error").all()
    assert lost["message"].str.endswith("fan/id_00/normal/00000003.wav: cut short").all()


@dataclass(frozen=True)
class TooLong(Feature):
    """A feature that refuses every clip."""

    def __call__(self, waveform, sample_rate):
        raise InputError("TooLong needs clips of an hour")


def test_a_feature_that_fails_costs_only_the_detectors_that_need_it(tmp_path):
    broken = dataclasses.replace(create("knn"), feature=TooLong())
    runner = runner_in(tmp_path)
    _, messages = run(plan_of("mahalanobis", broken=broken), runner)
    assert messages["mahalanobis"] == ""
    assert "TooLong needs clips of an hour" in messages["broken"]
