"""One fit and its cells: load features, fit on the training clips, score, join the labels, write.

The path of a number runs through `execute`: cached features -> `Detector.fit` -> `Detector.score` -> the score table,
where labels appear for the first time.
"""

import time
import traceback
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from benchmarks.datasets import Clip
from benchmarks.run.diagnosis import Diagnosis
from benchmarks.run.plan import Group, Job
from benchmarks.run.record import Record, result_of
from benchmarks.run.result_fields import Outcome, Status
from benchmarks.run.store import Store
from detectors import Clips, Detector
from detectors.contract.expectations import real_scores
from features.cache import FeatureCache

PARTS = ("test", "validation", "train")


class Degenerate(Exception):
    """Scores that cannot rank the clips: not finite, or all the same."""


def execute(store: Store, cache: FeatureCache, job: Job, record: Record, diagnose: bool = False) -> str:
    """Run a job and write its cells; return its failure in one line, "" where all cells are ok.

    diagnose: add `test_auc` to the history of a network of scope "unit"; nothing else changes.
    """
    try:
        problems = [group.problem for group in job.groups if group.split is None]
        if problems:
            return fail(store, job, record, Status.ERROR, problems[0])
        loaded = [_load(cache, job, group, record.sample_rate) for group in job.groups]
        diagnosis = _diagnosis(job, loaded[0][0]) if diagnose and job.detector.scope == "unit" else None
        fit_seconds = _fit(job.detector, Clips.joined([parts["train"] for parts, _ in loaded]), diagnosis)
        for cell, group, (parts, seconds_per_clip) in zip(job.cells, job.groups, loaded, strict=True):
            scores, score_seconds = _score(job.detector, group, parts)
            outcome = Outcome(
                status=Status.OK,
                message="",
                fit_seconds=fit_seconds / len(job.cells),
                score_seconds=score_seconds + seconds_per_clip * len(parts["test"]),
                score_seconds_without_features=score_seconds,
            )
            store.write(result_of(cell, group, record, outcome), scores, _history(job.detector, diagnosis))
    except ModuleNotFoundError as error:
        message = f"{error}; pip install {error.name}"
        return fail(store, job, record, Status.NOT_INSTALLED, message, traceback.format_exc())
    except Degenerate as error:
        return fail(store, job, record, Status.DEGENERATE, str(error))
    except Exception as error:
        out_of_memory = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
        message = f"{type(error).__name__}: {error}" if not isinstance(error, ValueError) else str(error)
        status = Status.OUT_OF_MEMORY if out_of_memory else Status.ERROR
        return fail(store, job, record, status, message, traceback.format_exc())
    return ""


def fail(store: Store, job: Job, record: Record, status: Status, message: str, trace: str = "") -> str:
    """Write every cell of a job as failed, and return the message."""
    message = message or "no message"  # of a bare `raise ValueError`
    for cell, group in zip(job.cells, job.groups, strict=True):
        outcome = Outcome(status=status, message=group.problem or message, traceback=trace)
        store.write(result_of(cell, group, record, outcome))
    return message


def _load(cache: FeatureCache, job: Job, group: Group, sample_rate: int) -> tuple[dict[str, Clips], float]:
    """Return the clips of each part, as the detector may see them, and the seconds that one clip's features took."""
    assert group.split is not None
    sources = [clip.audio for clip in group.clips]
    cached = {feature: cache.load(sources, group.channel, feature, sample_rate) for feature in job.features}
    first, *further = [cached[feature].arrays for feature in job.features]
    everything = Clips(first, [group.unit] * len(group.clips), further)
    positions = {part: [group.position[c.path] for c in clips] for part, clips in group.split.parts().items()}
    seconds_per_clip = sum(entry.seconds_per_clip for entry in cached.values())
    return {part: everything.take(indices) for part, indices in positions.items()}, seconds_per_clip


def _diagnosis(job: Job, parts: Mapping[str, Clips]) -> Diagnosis:
    split = job.groups[0].split
    return Diagnosis(job.detector, parts["test"], [clip.label for clip in split.test] if split else [])


def _fit(detector: Detector, clips: Clips, diagnosis: Diagnosis | None) -> float:
    """Fit and return the time in seconds, without the time of the diagnosis."""
    if diagnosis is None:
        started = time.perf_counter()
        detector.fit(clips)
        return time.perf_counter() - started
    from detectors.networks.training import observing  # imports torch, before the clock starts

    with observing(diagnosis):
        return _fit(detector, clips, None) - diagnosis.seconds


def _score(detector: Detector, group: Group, parts: Mapping[str, Clips]) -> tuple[pd.DataFrame, float]:
    """The score table of one cell with its labels, and the time to score the test clips in seconds.

    Columns as in `score_table`; a secret label is empty.
    """
    assert group.split is not None
    tables, test_seconds = [], 0.0
    for part in PARTS:
        clips = group.split.parts()[part]
        if not clips:
            continue
        started = time.perf_counter()
        returned = detector.score(parts[part])
        test_seconds = time.perf_counter() - started if part == "test" else test_seconds
        scores = real_scores(returned, len(clips))
        _check(scores, part)
        tables.append(score_table(part, clips, scores))
    return pd.concat(tables, ignore_index=True), test_seconds


def score_table(part: str, clips: Sequence[Clip], scores: ArrayLike) -> pd.DataFrame:
    """The score table of one part: `part, path, label, score`, and what else the corpus states about its clips.

    `domain` if it has domains; `fault` and `severity`, empty for normal clips, if it states the kinds of anomaly.
    """
    columns = {"path": [clip.path for clip in clips], "label": pd.array([clip.label for clip in clips], "Int64")}
    table = pd.DataFrame({"part": part} | columns | {"score": scores})
    if any(clip.domain for clip in clips):
        table["domain"] = [clip.domain for clip in clips]
    if any(clip.fault for clip in clips):
        table["fault"] = [clip.fault for clip in clips]
        table["severity"] = [clip.severity for clip in clips]
    return table


def _check(scores: np.ndarray, part: str) -> None:
    n_clips = len(scores)
    if not np.isfinite(scores).all():
        raise Degenerate(f"{np.count_nonzero(~np.isfinite(scores))} of {n_clips} {part} scores are not finite")
    if part == "test" and n_clips > 1 and np.ptp(scores) == 0:
        raise Degenerate(f"all {n_clips} test scores equal {scores[0]:g}, so they cannot rank the clips")


def _history(detector: Detector, diagnosis: Diagnosis | None) -> pd.DataFrame | None:
    if (rows := getattr(detector, "history_", None)) is None:
        return None
    history = pd.DataFrame(rows)
    return diagnosis.joined(history) if diagnosis else history
