"""From a fit to its cells: here the scores meet the labels, for the first time, and are written."""

from collections.abc import Sequence

import pandas as pd
from numpy.typing import ArrayLike

from benchmarks.datasets.dataset import Clip
from benchmarks.run.diagnosis import with_test_auc
from benchmarks.run.execution import PARTS, Ended, UnitScores
from benchmarks.run.plan import Group, Job
from benchmarks.run.record import Record, result_of
from benchmarks.run.result_fields import Outcome, Status
from benchmarks.run.store import Store


def write_cells(store: Store, job: Job, record: Record, ended: Ended) -> str:
    """Write every cell of a job; return its failure in a line, "" where all cells are ok.

    Raises `InputError` where the disk refuses.
    """
    if ended.status is not Status.OK:
        for cell, group in zip(job.cells, job.groups, strict=True):
            outcome = Outcome(status=ended.status, message=group.problem or ended.message, traceback=ended.traceback)
            store.write(result_of(cell, group, record, outcome, ended.peak_memory_mib))
        return ended.message
    for cell, group, unit in zip(job.cells, job.groups, ended.units, strict=True):
        result = result_of(cell, group, record, _outcome(job, ended, unit), ended.peak_memory_mib)
        store.write(result, _scores(group, unit), _history(group, ended))
    return ""


def _outcome(job: Job, ended: Ended, unit: UnitScores) -> Outcome:
    assert ended.fit_seconds is not None
    return Outcome(
        status=Status.OK,
        message="",
        fit_seconds=ended.fit_seconds / len(job.cells),
        score_seconds=unit.seconds + unit.feature_seconds,
        score_seconds_without_features=unit.seconds,
    )


def _scores(group: Group, unit: UnitScores) -> pd.DataFrame:
    """The score table of one cell, in the order of its split; a secret label is empty."""
    assert group.split is not None
    tables = []
    for part in PARTS:
        if part in unit.scores:
            scored = [group.clips[position].path for position in group.positions[part]]
            of_path = dict(zip(scored, unit.scores[part], strict=True))
            clips = group.split.parts()[part]
            tables.append(score_table(part, clips, [of_path[clip.path] for clip in clips]))
    return pd.concat(tables, ignore_index=True)


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


def _history(group: Group, ended: Ended) -> pd.DataFrame | None:
    if ended.history is None:
        return None
    labels = [group.clips[position].label for position in group.positions["test"]]
    return with_test_auc(ended.history, ended.scores_by_epoch, labels)
