"""One fit and its cells: load features, fit on the training clips, score, join the labels, write.

The path of a number runs through `execute`: cached features -> `Detector.fit` -> `Detector.score` -> the score table,
where labels appear for the first time.
"""

import hashlib
import json
import resource
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from benchmarks.cell import Cell
from benchmarks.datasets import Clip
from benchmarks.run.diagnosis import Diagnosis
from benchmarks.run.environment import environment
from benchmarks.run.plan import Group, Job, Plan
from benchmarks.run.store import SCHEMA_VERSION, Store
from detectors import Clips, Detector
from detectors.contract.code_version import code_version as detector_code_version
from detectors.contract.detector import features_of
from features.cache import FeatureCache
from features.cache import code_version as feature_code_version

PARTS = ("test", "validation", "train")


@dataclass(frozen=True)
class Record:
    """What a result says of how it came about, beside what is measured."""

    config: Mapping[str, object]  # all that decides the scores; its hash is the identity of the result
    about: Mapping[str, object]  # the rest: protocol, command, threads
    sample_rate: int  # Hz, that all clips must have
    environment: Mapping[str, object] = field(default_factory=environment)

    @property
    def identity(self) -> str:
        return hashlib.sha256(json.dumps(self.config, sort_keys=True).encode()).hexdigest()[:16]


def record_of(plan: Plan, job: Job, how: Mapping[str, object]) -> Record:
    """Describe a job before it runs; `how`: command line, threads and so on, for the record."""
    splits = [group.split.manifest_hash if group.split else None for group in job.groups]
    config = {
        "detector": repr(job.detector),
        "detector_code": detector_code_version(job.detector),
        "feature_code": feature_code_version(*features_of(job.detector)),
        "seed": job.cells[0].seed,
        "dataset": plan.dataset.name,
        "dataset_identity": plan.dataset.identity,
        "split": plan.protocol.split,
        "channel": [group.channel for group in job.groups],
        "manifests": splits,
    }
    about = {
        "protocol": plan.protocol.name,
        "channel": plan.protocol.channel,
        "split_seed": plan.protocol.seed,
        "quick": plan.quick,
        "units": [group.unit for group in job.groups],
        "corpus": plan.dataset.full_title,
        "synthetic": plan.dataset.synthetic,
        "scope": job.detector.scope,
        "sanity": job.detector.sanity,
        "device": getattr(job.detector, "device", None),
        **how,
    }
    return Record(config, about, plan.dataset.sample_rate)


class Degenerate(Exception):
    """Scores that rank nothing: not finite, or all the same."""


def execute(store: Store, cache: FeatureCache, job: Job, record: Record, diagnose: bool = False) -> str:
    """Run a job and write its cells; return its failure in a line, "" where all cells are ok.

    diagnose: add `test_auc` to the history of a network of scope "unit"; nothing else changes.
    """
    try:
        problems = [group.problem for group in job.groups if group.split is None]
        if problems:
            return fail(store, job, record, "error", problems[0])
        loaded = [_load(cache, job, group, record.sample_rate) for group in job.groups]
        diagnosis = _diagnosis(job, loaded[0][0]) if diagnose and job.detector.scope == "unit" else None
        fit_seconds = _fit(job.detector, Clips.joined([parts["train"] for parts, _ in loaded]), diagnosis)
        for cell, group, (parts, seconds_per_clip) in zip(job.cells, job.groups, loaded, strict=True):
            scores, score_seconds = _score(job.detector, group, parts)
            times = {
                "fit_seconds": fit_seconds / len(job.cells),
                "score_seconds": score_seconds + seconds_per_clip * len(parts["test"]),
                "score_seconds_without_features": score_seconds,
            }
            store.write(
                cell, result_of(cell, group, record, "ok", "", times), scores, _history(job.detector, diagnosis)
            )
    except ModuleNotFoundError as error:
        return fail(store, job, record, "not_installed", f"{error}; pip install {error.name}", traceback.format_exc())
    except Degenerate as error:
        return fail(store, job, record, "degenerate", str(error))
    except Exception as error:
        out_of_memory = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
        message = f"{type(error).__name__}: {error}" if not isinstance(error, ValueError) else str(error)
        status = "out_of_memory" if out_of_memory else "error"
        return fail(store, job, record, status, message, traceback.format_exc())
    return ""


def fail(store: Store, job: Job, record: Record, status: str, message: str, trace: str = "") -> str:
    """Write every cell of a job as failed, and return the message."""
    for cell, group in zip(job.cells, job.groups, strict=True):
        result = result_of(cell, group, record, status, group.problem or message, {"traceback": trace})
        store.write(cell, result, None, None)
    return message


def _load(cache: FeatureCache, job: Job, group: Group, sample_rate: int) -> tuple[dict[str, Clips], float]:
    """Return the clips of each part, as the detector may see them, and the seconds that one clip's features took."""
    assert group.split is not None
    sources = [clip.audio for clip in group.clips]
    features = features_of(job.detector)
    cached = {feature: cache.load(sources, group.channel, feature, sample_rate) for feature in features}
    first, *further = [cached[feature].arrays for feature in features]
    everything = Clips(first, [group.unit] * len(group.clips), further)
    positions = {part: [group.position[c.path] for c in clips] for part, clips in group.split.parts().items()}
    seconds_per_clip = sum(entry.seconds_per_clip for entry in cached.values())
    return {part: everything.take(indices) for part, indices in positions.items()}, seconds_per_clip


def _diagnosis(job: Job, parts: Mapping[str, Clips]) -> Diagnosis:
    split = job.groups[0].split
    return Diagnosis(job.detector, parts["test"], [clip.label for clip in split.test] if split else [])


def _fit(detector: Detector, clips: Clips, diagnosis: Diagnosis | None) -> float:
    """Fit and return the seconds that it took, less those of the diagnosis."""
    if diagnosis is None:
        started = time.perf_counter()
        detector.fit(clips)
        return time.perf_counter() - started
    from detectors.networks.training import observing  # imports torch, before the clock starts

    with observing(diagnosis):
        return _fit(detector, clips, None) - diagnosis.seconds


def _score(detector: Detector, group: Group, parts: Mapping[str, Clips]) -> tuple[pd.DataFrame, float]:
    """The score table of one cell, labels joined, and the seconds that scoring the test clips took.

    Columns as in `score_table`; a secret label is empty.
    """
    assert group.split is not None
    tables, test_seconds = [], 0.0
    for part in PARTS:
        clips = group.split.parts()[part]
        if not clips:
            continue
        started = time.perf_counter()
        scores = np.asarray(detector.score(parts[part]), dtype=np.float64)
        test_seconds = time.perf_counter() - started if part == "test" else test_seconds
        _check(scores, len(clips), part)
        tables.append(score_table(part, clips, scores))
    return pd.concat(tables, ignore_index=True), test_seconds


def score_table(part: str, clips: Sequence[Clip], scores: ArrayLike) -> pd.DataFrame:
    """The score table of one part: `part, path, label, score`, and what else the corpus knows of its clips.

    `domain` where it has domains; `fault` and `severity`, empty for normal clips, where it tells the kinds of anomaly.
    """
    columns = {"path": [clip.path for clip in clips], "label": pd.array([clip.label for clip in clips], "Int64")}
    table = pd.DataFrame({"part": part} | columns | {"score": scores})
    if any(clip.domain for clip in clips):
        table["domain"] = [clip.domain for clip in clips]
    if any(clip.fault for clip in clips):
        table["fault"] = [clip.fault for clip in clips]
        table["severity"] = [clip.severity for clip in clips]
    return table


def _check(scores: np.ndarray, n_clips: int, part: str) -> None:
    if scores.shape != (n_clips,):
        raise ValueError(f"score() gave shape {scores.shape} for {n_clips} {part} clips; return one float per clip")
    if not np.isfinite(scores).all():
        raise Degenerate(f"{np.count_nonzero(~np.isfinite(scores))} of {n_clips} {part} scores are not finite")
    if part == "test" and n_clips > 1 and np.ptp(scores) == 0:
        raise Degenerate(f"all {n_clips} test scores equal {scores[0]:g}: they rank nothing")


def _history(detector: Detector, diagnosis: Diagnosis | None) -> pd.DataFrame | None:
    if (rows := getattr(detector, "history_", None)) is None:
        return None
    history = pd.DataFrame(rows)
    return diagnosis.joined(history) if diagnosis else history


def result_of(
    cell: Cell, group: Group, record: Record, status: str, message: str, measured: Mapping[str, object]
) -> dict[str, Any]:
    """The result.json of a cell, but for its checksums; docs/results.md says what each field means."""
    split = group.split
    labels = [clip.label for clip in split.test] if split else []
    return {
        "schema_version": SCHEMA_VERSION,
        "status": status,
        "message": message,
        "detector": cell.detector,
        "dataset": cell.dataset,
        "machine": cell.machine,
        "unit": cell.unit,
        "snr_db": cell.snr_db,
        "seed": cell.seed,
        "n_train": len(split.train) if split else 0,
        "n_validation": len(split.validation) if split else 0,
        "n_normal": labels.count(0),
        "n_abnormal": labels.count(1),
        **measured,
        "finished": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "peak_memory_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "identity": record.identity,
        "manifest": split.manifest_hash if split else None,
        "config": dict(record.config),
        **record.about,
        "environment": dict(record.environment),
    }
