"""Scores that others computed, imported into the store.

An imported entry is a row like any other, with two differences: the row is marked "scores only", because this
benchmark has not run it, and it carries the training data that its authors declare.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from benchmarks.cell import Cell, snr_text
from benchmarks.exchange.score_files import Key, Row, read_scores
from benchmarks.run.cell_writer import score_table
from benchmarks.run.execution import PARTS
from benchmarks.run.folder_swap import place_of
from benchmarks.run.plan import Group, Plan
from benchmarks.run.record import Record, config_of, here, of_plan, result_of
from benchmarks.run.result import RESULT_FILE, Result
from benchmarks.run.result_fields import Outcome, Provenance, Status
from benchmarks.run.store import Store
from detectors.contract.registry import detectors, reserved_by
from features import InputError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._+-]*")


@dataclass(frozen=True)
class Entry:
    """The description of imported scores, as their authors declare it."""

    name: str  # of the row
    trained_on: str  # training data, in a sentence
    scope: Literal["unit", "machine"] = "unit"  # "machine": it learns from other units too, cross-unit track
    command: str = ""  # the command line of the import, for the record


@dataclass(frozen=True)
class _Scored:
    """One cell of the plan with its score table."""

    cell: Cell
    group: Group
    scores: pd.DataFrame


def import_scores(directory: Path, entry: Entry, plan: Plan, store: Store) -> list[Cell]:
    """Check the score files below `directory` against a plan, write them into the store, return the cells.

    plan: the corpus and the protocol, as from `make_plan` without detectors. Every test clip must have one finite
    score. Training clips may have scores, too, but then all of a unit must; the same holds for validation clips.
    Nothing is written unless all files are right. Raises `InputError` that names file and line.
    """
    _check_entry(entry, store)
    cells = list(_cells(directory, entry, plan))
    for one in cells:
        store.write(_result(one, entry, plan), one.scores)
    return [one.cell for one in cells]


def _check_entry(entry: Entry, store: Store) -> None:
    if not _NAME.fullmatch(entry.name):
        raise InputError(f"--name {entry.name!r}: give letters, digits, spaces and . _ + -, such as 'my-net 1'")
    if not entry.trained_on.strip():
        raise InputError("--trained-on: say in a sentence what the scores were trained on, including other corpora")
    if reserved_by(entry.name) or entry.name in detectors()[0]:
        raise InputError(f"--name {entry.name}: is a detector of asdbench, or may be one; give another name")
    _check_name_is_free(entry.name, store)


def _check_name_is_free(name: str, store: Store) -> None:
    """An import may replace an earlier import, but never a run."""
    place = store.root / "cells" / name
    for folder in store.folders():
        if place not in folder.parents:
            continue
        try:
            result = Result.read(place_of(folder) / RESULT_FILE)
        except InputError as error:
            raise InputError(f"--name {name}: {error}; to import the scores anew, remove {place}") from error
        if not result.scores_only:
            raise InputError(f"--name {name}: {folder} is a run of this name; give another name")


def _cells(directory: Path, entry: Entry, plan: Plan) -> Iterator[_Scored]:
    """Every cell of the plan with its scores, for each seed that the files name."""
    rows = read_scores(directory, plan.groups)
    seeds = sorted({key.seed for key in rows})
    for position, group in enumerate(plan.groups):
        for seed in seeds:
            cell = Cell(entry.name, plan.dataset.name, group.machine, group.unit, group.snr_db, seed)
            place = f"{directory}: {group.machine} {group.unit} at {snr_text(group.snr_db)}, seed {seed}"
            yield _Scored(cell, group, _table(place, group, rows.get(Key(position, seed), {})))


def _table(place: str, group: Group, rows: Mapping[str, Row]) -> pd.DataFrame:
    """The score table of one cell, with complete parts in the order of the protocol."""
    if group.split is None:
        raise InputError(f"{place}: {group.problem}")
    tables = []
    for part in PARTS:
        clips = group.split.parts()[part]
        missing = [clip.path for clip in clips if clip.path not in rows]
        if missing and (part == "test" or len(missing) < len(clips)):
            raise InputError(f"{place}: {len(missing)} of {len(clips)} {part} clips have no score, first {missing[0]}")
        if clips and not missing:
            tables.append(score_table(part, clips, [rows[clip.path].score for clip in clips]))
    test = tables[0]["score"]
    if len(test) > 1 and np.ptp(test) == 0:
        raise InputError(f"{place}: all {len(test)} test scores equal {test[0]:g}, so they cannot rank the clips")
    return pd.concat(tables, ignore_index=True)


def _result(one: _Scored, entry: Entry, plan: Plan) -> Result:
    """The result of imported scores: the hash of the scores replaces that of the code."""
    scores_hash = hashlib.sha256(one.scores.to_csv(index=False).encode()).hexdigest()[:16]
    config = config_of(plan, [one.group], f"scores only: {entry.name}", one.cell.seed)
    provenance = Provenance(
        config=config.model_copy(update={"scores": scores_hash}),
        scope=entry.scope,
        sanity=False,
        scores_only=True,
        trained_on=entry.trained_on.strip(),
        device=None,
        command=entry.command,
        plugins=(),
        environment=here(),
        **of_plan(plan, [one.group]),
    )
    outcome = Outcome(status=Status.OK, message="")
    return result_of(one.cell, one.group, Record(provenance, plan.dataset.sample_rate), outcome)
