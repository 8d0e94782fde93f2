"""Check that a table follows from its scores: for submissions.

Every folder that holds a results.csv is checked for three things: its cells are as they were written (checksums); the
clips and labels are those of the protocol; the metrics of the stored scores give the rows of results.csv. This needs no
recordings: the clips of public MIMII follow from its published counts, those of the synthetic corpus from its code. On
other corpora the clips are compared with the hash of the manifest, if all parts have scores.
"""

import time
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.datasets import Clip, Synthetic
from benchmarks.evaluation.stored_results import COLUMNS, load_results
from benchmarks.exchange.submitted_files import read_tree
from benchmarks.run.checksums import changes
from benchmarks.run.manifest import public_mimii_clips
from benchmarks.run.protocols import manifest_hash
from benchmarks.run.result import Result, marked
from benchmarks.run.result_fields import Marker
from benchmarks.run.spreadsheet import with_formulas
from benchmarks.run.store import Store
from features import InputError

KEY = ["detector", "dataset", "machine", "unit", "snr_db", "seed"]
STATED = [column for column in COLUMNS if column not in (*KEY, "message", *marked(Marker.MEASURED))]
TOLERANCE = 1e-9
MOST_SECONDS = 900  # of one check


def verify_results(directory: Path) -> dict[Path, list[str]]:
    """Check every folder below `directory` that holds results.csv; return the faults of each, one line per fault.

    The files may be those of strangers: links, pipes and devices are refused, and so is what is too large, see
    `submitted_files`; what is not checked within `MOST_SECONDS` is a fault. Raises `InputError` there, and where there
    is no results.csv.
    """
    files = [file for file in read_tree(directory) if file.name == "results.csv"]
    if not files:
        raise InputError(
            f"{directory}: no results.csv in it; name a folder <results>/<dataset>/<protocol>, or a folder above it"
        )
    deadline = time.monotonic() + MOST_SECONDS
    return {file.parent: _faults(file, deadline) for file in files}


def _faults(file: Path, deadline: float) -> list[str]:
    root, faults = file.parent, list[str]()
    for cell in Store(root).folders():
        if time.monotonic() > deadline:
            return [*faults, f"{cell.relative_to(root)}: not checked within {MOST_SECONDS} s, nor is what follows it"]
        faults += [f"{cell.relative_to(root)}: {fault}" for fault in _cell_faults(cell)]
    try:
        return faults + _row_faults(with_formulas(pd.read_csv(file)), load_results(root))
    except Exception as error:  # files of strangers may break anything that reads them
        return [*faults, f"cannot be computed again: {_reason(error)}"]


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, (ValueError, KeyError)) else f"{type(error).__name__}: {error}"


def _cell_faults(folder: Path) -> list[str]:
    """Where the files of a cell have changed, or its clips are not those of the protocol."""
    try:
        if faults := [f"{name}: {what}" for name, what in changes(folder).items()]:
            return faults
        result, scores = Store.read(folder)
        return [] if scores is None else _clip_faults(scores, result)
    except Exception as error:  # files of strangers may break anything that reads them
        return [f"cannot be checked: {_reason(error)}"]


def _row_faults(stated: pd.DataFrame, found: pd.DataFrame) -> list[str]:
    """Where the rows of results.csv do not follow from the stored scores."""
    if lacking := [column for column in (*KEY, *STATED) if column not in stated]:
        return [f"results.csv: no column {', '.join(lacking)}"]
    stated = stated.assign(line=range(2, len(stated) + 2))
    both = stated.merge(found, how="outer", on=KEY, suffixes=("_stated", "_found"), indicator=True)
    faults = []
    for row in both.sort_values("line").to_dict("records"):
        place = f"{row['detector']} on {row['machine']} {row['unit']}, SNR {row['snr_db']}, seed {row['seed']}"
        if row["_merge"] == "right_only":
            faults.append(f"results.csv: no row for {place}, which has a result")
        elif row["_merge"] == "left_only":
            faults.append(f"results.csv line {row['line']:.0f}: no stored result of {place}")
        else:
            where = f"results.csv line {row['line']:.0f}: {place}"
            pairs = ((name, row[f"{name}_stated"], row[f"{name}_found"]) for name in STATED)
            faults += [f"{where}: {name} {a} stated, {b} from its scores" for name, a, b in pairs if _differ(a, b)]
    return faults


def _differ(stated: Any, found: Any) -> bool:
    if pd.isna(stated) or pd.isna(found):
        return bool(pd.isna(stated) != pd.isna(found))
    if isinstance(stated, str) or isinstance(found, str):
        return bool(stated != found)
    return bool(abs(stated - found) > TOLERANCE)


def _clip_faults(scores: pd.DataFrame, result: Result) -> list[str]:
    """Where a score table has other clips than the protocol, or says other things of them than the corpus."""
    if scores.duplicated(["path"]).any():
        return [f"scores.csv: {scores.loc[scores.duplicated(['path']), 'path'].iloc[0]} occurs twice"]
    known = _known_clips(result)
    if known is None:
        return _manifest_faults(scores, result)
    split = result.protocol_rules.apply(known)
    if split.manifest_hash != result.manifest:
        found = f"manifest {result.manifest}, but the corpus and the protocol give {split.manifest_hash}"
        return [f"{found}: the run used other clips, or only a part of them"]
    faults = []
    for part, clips in split.parts().items():
        table = scores[scores["part"] == part].set_index("path")
        if len(table) or part == "test":
            faults += [f"scores.csv: {fault}" for fault in _part_faults(table, part, clips)]
    return faults


def _part_faults(table: pd.DataFrame, part: str, clips: Sequence[Clip]) -> Iterator[str]:
    """The faults of one part; kind and severity of anomalies are checked where the table has them."""
    expected = {clip.path: clip for clip in clips}
    if missing := sorted(expected.keys() - set(table.index)):
        yield f"{len(missing)} {part} clips have no score, first {missing[0]}"
    if strange := sorted(set(table.index) - expected.keys()):
        yield f"{len(strange)} clips are not in the {part} part, first {strange[0]}"
    for name, plural in (("label", "labels"), ("fault", "kinds of anomaly"), ("severity", "severities")):
        stated = table[name].items() if name in table else ()
        both = [(path, value, getattr(expected[str(path)], name)) for path, value in stated if path in expected]
        if wrong := [path for path, value, known in both if _differ(value, None if known == "" else known)]:
            yield f"{len(wrong)} {part} {plural} are not those of the corpus, first of {wrong[0]}"


def _known_clips(result: Result) -> tuple[Clip, ...] | None:
    """The clips of a unit on corpora whose clips are known without recordings; None on others, and in quick runs."""
    if result.quick:
        return None
    if result.dataset == "mimii":
        return tuple(public_mimii_clips(result.machine, result.unit, result.snr_db)) or None
    if result.dataset == Synthetic.name:
        return _synthetic_clips(result.config.dataset_identity, result.machine, result.unit, result.snr_db)
    return None


@lru_cache(maxsize=32)
def _synthetic_clips(identity: str, machine: str, unit: str, snr_db: float | None) -> tuple[Clip, ...] | None:
    """The clips of a unit, or None where the corpus is another one, or other code made it."""
    if snr_db is None:
        return None
    corpus = Synthetic.of_identity(identity, machines=(machine,), units=(unit,), snrs_db=(snr_db,))
    return tuple(corpus.clips()) if corpus.identity == identity else None


def _manifest_faults(scores: pd.DataFrame, result: Result) -> list[str]:
    """Compare parts, paths and labels of a table with the hash of the manifest, if every part has all its scores."""
    n_train, n_validation = ((scores["part"] == part).sum() for part in ("train", "validation"))
    if (n_train, n_validation) != (result.n_train, result.n_validation) or not n_train:
        return []
    labels = [None if pd.isna(label) else int(label) for label in scores["label"]]
    parts: dict[str, list[tuple[str, int | None]]] = {"train": [], "validation": [], "test": []}
    for part, path, label in zip(scores["part"], scores["path"], labels, strict=True):
        parts.setdefault(part, []).append((path, label))
    found = manifest_hash(parts)
    if found == result.manifest:
        return []
    return [f"manifest {result.manifest}, but the parts, paths and labels of scores.csv give {found}"]
