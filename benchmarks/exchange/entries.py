"""Scores from elsewhere into the store, and scores of the store in the form of DCASE Task 2.

An imported entry is a row like any other, with two differences: it is marked "scores only", since nobody here has run
it, and it carries what its authors declare as its training data.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from benchmarks.cell import Cell, snr_text
from benchmarks.evaluation.thresholds import gamma_quantile
from benchmarks.exchange.score_files import Row, read_scores
from benchmarks.run.execution import PARTS, Record, result_of, score_table
from benchmarks.run.plan import Group, Plan
from benchmarks.run.store import Store
from detectors.contract.registry import detectors
from features import InputError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._+-]*")


@dataclass(frozen=True)
class Entry:
    """Who made some scores: the row's name, what they declare as training data, and what one fit learnt from.

    scope: "machine" where it heard other units of the machine type; it is then ranked in the track of its own.
    """

    name: str
    trained_on: str
    scope: Literal["unit", "machine"] = "unit"


def import_scores(directory: Path, entry: Entry, plan: Plan, store: Store, command: str = "") -> list[Cell]:
    """Check the score files below `directory` against a plan, write them into the store, return the cells.

    plan: the corpus and the protocol, as from `make_plan` without detectors. Each test clip must have one finite score;
    training and validation clips may have theirs, all of a unit or none. Nothing is written unless everything is right.
    Raises `InputError` that names file and line.
    """
    _check_entry(entry, store)
    tables = read_scores(directory, plan.groups)
    seeds = sorted({seed for _, seed in tables})
    cells = []
    for position, group in enumerate(plan.groups):
        for seed in seeds:
            scores = _table(directory, group, seed, tables.get((position, seed), {}))
            cell = Cell(entry.name, plan.dataset.name, group.machine, group.unit, group.snr_db, seed)
            cells.append((cell, group, scores))
    for cell, group, scores in cells:
        record = _record(entry, plan, group, cell, scores, command)
        measured = dict.fromkeys(("fit_seconds", "score_seconds", "score_seconds_without_features"))
        result = result_of(cell, group, record, "ok", "", measured) | {"peak_memory_mib": None}
        store.write(cell, result, scores, None)
    return [cell for cell, _, _ in cells]


def _check_entry(entry: Entry, store: Store) -> None:
    if not _NAME.fullmatch(entry.name):
        raise InputError(f"--name {entry.name!r}: give letters, digits, spaces and . _ + -, such as 'my-net 1'")
    if not entry.trained_on.strip():
        raise InputError("--trained-on: say in a sentence what the scores were trained on, other corpora included")
    if entry.name in detectors()[0]:
        raise InputError(f"--name {entry.name}: is a detector of asdbench; give another name")
    for folder, result in store.results():
        if result["detector"] == entry.name and not result.get("scores_only"):
            raise InputError(f"--name {entry.name}: {folder} is a run of this name; give another name")


def _table(directory: Path, group: Group, seed: int, rows: Mapping[str, Row]) -> pd.DataFrame:
    """The score table of one cell, parts whole and in the order of the protocol."""
    place = f"{directory}: {group.machine} {group.unit} at {snr_text(group.snr_db)}, seed {seed}"
    if group.split is None:
        raise InputError(f"{place}: {group.problem}")
    tables = []
    for part in PARTS:
        clips = group.split.parts()[part]
        missing = [clip.path for clip in clips if clip.path not in rows]
        if missing and (part == "test" or len(missing) < len(clips)):
            raise InputError(f"{place}: {len(missing)} of {len(clips)} {part} clips have no score, first {missing[0]}")
        if missing or not clips:
            continue
        tables.append(score_table(part, clips, [rows[clip.path].score for clip in clips]))
    test = tables[0]["score"]
    if len(test) > 1 and np.ptp(test) == 0:
        raise InputError(f"{place}: all {len(test)} test scores equal {test[0]:g}: they rank nothing")
    return pd.concat(tables, ignore_index=True)


def _record(entry: Entry, plan: Plan, group: Group, cell: Cell, scores: pd.DataFrame, command: str) -> Record:
    """What a result says of imported scores: their hash stands in for the code that made them."""
    assert group.split is not None
    config = {
        "detector": f"scores only: {entry.name}",
        "seed": cell.seed,
        "dataset": plan.dataset.name,
        "dataset_identity": plan.dataset.identity,
        "split": plan.protocol.split,
        "channel": [group.channel],
        "manifests": [group.split.manifest_hash],
        "scores": hashlib.sha256(scores.to_csv(index=False).encode()).hexdigest()[:16],
    }
    about = {
        "protocol": plan.protocol.name,
        "channel": plan.protocol.channel,
        "split_seed": plan.protocol.seed,
        "quick": plan.quick,
        "units": [group.unit],
        "corpus": plan.dataset.full_title,
        "synthetic": plan.dataset.synthetic,
        "scope": entry.scope,
        "sanity": False,
        "scores_only": True,
        "trained_on": entry.trained_on.strip(),
        "device": None,
        "command": command,
        "threads": None,
        "plugins": [],
    }
    return Record(config, about, plan.dataset.sample_rate)


def export_scores(root: Path, directory: Path, labels: Sequence[str] = ()) -> list[Path]:
    """Write the test scores in `<results>/<dataset>/<protocol>` in the form of DCASE Task 2; return the files.

    labels: the rows to write, all that have scores if empty. Each gets a folder, with folders `seed<n>` and `<snr>dB`
    in it where there are several seeds, or noise levels. Sections also get `decision_result_...`: 1 where a score lies
    above the 0.9 quantile of a gamma law fitted to the training scores, as in the challenge's baselines. Raises
    `InputError` where there is nothing to write, or `directory` holds anything.
    """
    results = [(folder, result) for folder, result in Store(root).results() if result["status"] == "ok"]
    known = sorted({result["detector"] for _, result in results})
    if unknown := [label for label in labels if label not in known]:
        raise InputError(f"{root}: no scores of {unknown[0]!r}; there are {', '.join(known) or 'none'}")
    if not results:
        raise InputError(f"{root}: no scores; name a folder <results>/<dataset>/<protocol> that a run has written")
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise InputError(f"{directory}: a file or a folder that is not empty; give a new folder, or empty this one")
    several_seeds = len({result["seed"] for _, result in results}) > 1
    written = []
    for folder, result in results:
        if not labels or result["detector"] in labels:
            above = directory / result["detector"] / (f"seed{result['seed']}" if several_seeds else "")
            level = "" if result["snr_db"] is None else snr_text(result["snr_db"])
            written += _write_cell(folder, result, above / level)
    return written


def _write_cell(folder: Path, result: Mapping[str, Any], into: Path) -> list[Path]:
    scores = Store.scores(folder)
    test, train = (scores[scores["part"] == part] for part in ("test", "train"))
    is_section = result["unit"].startswith("section_")
    stem = f"{result['machine']}_{result['unit']}{'_test' if is_section else ''}"
    short = dict(zip(scores["path"], _shortest_names(list(scores["path"])), strict=True))
    names = [short[path] for path in test["path"]]
    files = {into / f"anomaly_score_{stem}.csv": [repr(float(score)) for score in test["score"]]}
    if is_section and len(train):
        threshold = gamma_quantile(train["score"].to_numpy(dtype=float))
        files[into / f"decision_result_{stem}.csv"] = [str(int(score > threshold)) for score in test["score"]]
    into.mkdir(parents=True, exist_ok=True)
    for file, values in files.items():
        lines = [f"{name},{value}\n" for name, value in zip(names, values, strict=True)]
        file.write_text("".join(lines), encoding="utf-8", newline="\n")
    return list(files)


def _shortest_names(paths: list[str]) -> list[str]:
    """File names alone where they tell the clips apart, else with as many folders above them as it takes."""
    for n in range(1, 1 + max(path.count("/") for path in paths) + 1):
        names = ["/".join(path.split("/")[-n:]) for path in paths]
        if len(set(names)) == len(names):
            return names
    return paths
