"""One fit, in a worker process: cached features -> `Detector.fit` -> `Detector.score`.

Neither labels nor paths nor noise levels come here. How a fit ended is a value, with its scores or with the reason why
there are none; `cell_writer` joins the labels and writes the cells, in the process that the user started.
"""

import resource
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.run.diagnosis import Diagnosis
from benchmarks.run.result_fields import Status
from detectors import Clips, Detector
from detectors.contract.expectations import real_scores
from features.cache import read_entry

PARTS = ("test", "validation", "train")


@dataclass(frozen=True)
class UnitClips:
    """Where the clips of one unit are: the cache entry of each feature, and the positions of each part in it."""

    unit: str
    entries: tuple[Path, ...]
    positions: Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Task:
    """One fit on the training clips of these units, and the scores of all their clips.

    diagnose: also score the test clips of the first unit after each epoch; nothing else changes.
    """

    detector: Detector  # configured, unfitted
    units: tuple[UnitClips, ...]
    diagnose: bool = False


@dataclass(frozen=True)
class UnitScores:
    """The scores of one unit: part -> `(n_clips,) float64`, in the order of its positions; times in seconds."""

    scores: Mapping[str, np.ndarray]
    seconds: float  # to score the test clips
    feature_seconds: float  # to compute the features of the test clips


@dataclass(frozen=True)
class Ended:
    """How a fit ended: with the scores of each unit, or with the reason why there are none."""

    status: Status = Status.OK
    message: str = ""
    traceback: str = ""
    fit_seconds: float | None = None
    units: tuple[UnitScores, ...] = ()
    history: pd.DataFrame | None = None
    scores_by_epoch: Mapping[int, np.ndarray] = field(default_factory=dict)  # of the test clips, if diagnosed
    peak_memory_mib: int | None = None


class Degenerate(Exception):
    """Scores that cannot rank the clips: not finite, or all the same."""


def execute(task: Task) -> Ended:
    """Fit and score; whatever goes wrong is part of what is returned."""
    try:
        return _fit_and_score(task)
    except ModuleNotFoundError as error:
        return _failed(Status.NOT_INSTALLED, f"{error}; pip install {error.name}", traceback.format_exc())
    except Degenerate as error:
        return _failed(Status.DEGENERATE, str(error))
    except Exception as error:
        out_of_memory = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
        message = f"{type(error).__name__}: {error}" if not isinstance(error, ValueError) else str(error)
        status = Status.OUT_OF_MEMORY if out_of_memory else Status.ERROR
        return _failed(status, message or "no message", traceback.format_exc())  # of a bare `raise ValueError`


def _failed(status: Status, message: str, trace: str = "") -> Ended:
    return Ended(status, message, trace, peak_memory_mib=_peak_memory_mib())


def _fit_and_score(task: Task) -> Ended:
    loaded = [_load(unit) for unit in task.units]
    diagnosis = Diagnosis(task.detector, loaded[0][0]["test"]) if task.diagnose else None
    fit_seconds = _fit(task.detector, Clips.joined([parts["train"] for parts, _ in loaded]), diagnosis)
    scored = tuple(_score(task.detector, parts, seconds_per_clip) for parts, seconds_per_clip in loaded)
    rows = getattr(task.detector, "history_", None)
    return Ended(
        fit_seconds=fit_seconds,
        units=scored,
        history=None if rows is None else pd.DataFrame(rows),
        scores_by_epoch=diagnosis.scores if diagnosis else {},
        peak_memory_mib=_peak_memory_mib(),
    )


def _load(unit: UnitClips) -> tuple[dict[str, Clips], float]:
    """Return the clips of each part, as the detector may see them, and the seconds that one clip's features took."""
    cached = [read_entry(entry) for entry in unit.entries]
    first, *further = [feature.arrays for feature in cached]
    everything = Clips(first, [unit.unit] * len(first), further)
    seconds_per_clip = sum(feature.seconds_per_clip for feature in cached)
    return {part: everything.take(positions) for part, positions in unit.positions.items()}, seconds_per_clip


def _fit(detector: Detector, clips: Clips, diagnosis: Diagnosis | None) -> float:
    """Fit and return the time in seconds, without the time of the diagnosis."""
    if diagnosis is None:
        started = time.perf_counter()
        detector.fit(clips)
        return time.perf_counter() - started
    from detectors.networks.training import observing  # imports torch, before the clock starts

    with observing(diagnosis):
        return _fit(detector, clips, None) - diagnosis.seconds


def _score(detector: Detector, parts: Mapping[str, Clips], seconds_per_clip: float) -> UnitScores:
    """The scores of the parts that have clips."""
    scores, seconds = {}, 0.0
    for part in PARTS:
        if not len(parts[part]):
            continue
        started = time.perf_counter()
        returned = detector.score(parts[part])
        seconds = time.perf_counter() - started if part == "test" else seconds
        scores[part] = real_scores(returned, len(parts[part]))
        _check(scores[part], part)
    return UnitScores(scores, seconds, seconds_per_clip * len(parts["test"]))


def _check(scores: np.ndarray, part: str) -> None:
    n_clips = len(scores)
    if not np.isfinite(scores).all():
        raise Degenerate(f"{np.count_nonzero(~np.isfinite(scores))} of {n_clips} {part} scores are not finite")
    if part == "test" and n_clips > 1 and np.ptp(scores) == 0:
        raise Degenerate(f"all {n_clips} test scores equal {scores[0]:g}, so they cannot rank the clips")


def _peak_memory_mib() -> int:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
