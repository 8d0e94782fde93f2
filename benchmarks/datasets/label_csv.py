"""Reads label.csv: class and split of each sound file, one per row. Errors name the line and the value."""

import csv
import warnings
from collections.abc import Sequence
from os.path import splitext
from pathlib import Path
from typing import NamedTuple

from benchmarks.datasets.label_leaks import near_name
from features import InputError

LABEL_FILE = "label.csv"
NEEDED = ("file_id", "abnormal", "split")
OPTIONAL = ("machine", "unit")
_LONGEST = 60  # characters of a value in a message
SPLITS = {"train": "train", "valid": "validation", "validation": "validation", "test": "test"}


class Label(NamedTuple):
    """One row; machine and unit are empty where the file has no such column."""

    abnormal: int
    split: str
    machine: str
    unit: str


def read_labels(file: Path, sounds: Sequence[str]) -> dict[str, Label]:
    """Read a label.csv; return path of a sound file -> its row.

    sounds: paths of the sound files, such as "sounds/0001.wav". A `file_id` is one of these or its last part, with or
    without its ending. Raises `InputError` where a column is missing, a file is missing, ambiguous or named twice, a
    label is not 0 or 1, a split is not train, valid, validation or test, or an abnormal clip is in train.
    """
    by_id = _ids(sounds)
    labels: dict[str, Label] = {}
    lines = dict[str, int]()
    for line, row in _rows(file):
        where = f"{file} line {line}"
        path = _sound(where, row["file_id"], by_id)
        if path in labels:
            raise InputError(
                f"{where}: file_id {_shown(row['file_id'])} is {path}, as in line {lines[path]}; keep one of them"
            )
        labels[path], lines[path] = _label(where, row), line
    return labels


def _ids(sounds: Sequence[str]) -> dict[str, list[str]]:
    """Return `file_id` -> paths that it can mean."""
    by_id: dict[str, list[str]] = {}
    for path in sounds:
        name = path.rpartition("/")[2]
        for file_id in {path, splitext(path)[0], name, splitext(name)[0]}:
            by_id.setdefault(file_id, []).append(path)
    return by_id


def _rows(file: Path) -> list[tuple[int, dict[str, str]]]:
    """Return each row with its line number, values as stripped text; the header is line 1."""
    try:
        with open(file, encoding="utf-8-sig", newline="") as opened:
            reader = csv.DictReader(opened)
            reader.fieldnames = header = _header(file, reader.fieldnames or [])
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{file}: cannot be read ({error}); save it as CSV in UTF-8, separated by commas") from error
    for line, row in rows:
        if None in row:
            raise InputError(f"{file} line {line}: more values than the {len(header)} columns of the header")
        if short := [name for name in OPTIONAL if row.get(name, "") is None]:
            raise InputError(f"{file} line {line}: ends before column {short[0]}; complete the row")
    return [(line, {name: (value or "").strip() for name, value in row.items()}) for line, row in rows]


def _header(file: Path, names: Sequence[str]) -> list[str]:
    """Return the names of the columns. Warns of one that is nearly named like a column that would be used."""
    header = [name.strip() for name in names]
    if missing := [name for name in NEEDED if name not in header]:
        found = ", ".join(_shown(name)[1:-1] for name in header)
        raise InputError(f"{file}: no column {', '.join(missing)}; found {found[:500] or 'an empty file'}")
    if twice := [name for name in (*NEEDED, *OPTIONAL) if header.count(name) > 1]:
        raise InputError(f"{file}: column {twice[0]} occurs twice; keep one of them")
    for name in header:
        if name not in NEEDED and (key := near_name(name, OPTIONAL)) and key not in header:
            text = f"{file}: column {_shown(name)} looks like {key!r}, but is not used; rename it if it is that"
            warnings.warn(text, UserWarning, stacklevel=4)
    return header


def _shown(value: str) -> str:
    """A value of the file in quotes, on one line and not too long."""
    return repr(value if len(value) <= _LONGEST else f"{value[:_LONGEST]}...")


def _sound(where: str, file_id: str, by_id: dict[str, list[str]]) -> str:
    found = by_id.get(file_id, [])
    if not found:
        raise InputError(
            f"{where}: file_id {_shown(file_id)}: there is no such sound file below the folder of {LABEL_FILE}; "
            "correct the row"
        )
    if len(found) > 1:
        raise InputError(f"{where}: file_id {_shown(file_id)} can be {found[0]} or {found[1]}; write the path")
    return found[0]


def _label(where: str, row: dict[str, str]) -> Label:
    split = SPLITS.get(row["split"].lower())
    if split is None:
        raise InputError(f"{where}: split {_shown(row['split'])}; allowed are train, valid (or validation) and test")
    if row["abnormal"] not in ("0", "1"):
        raise InputError(f"{where}: abnormal {_shown(row['abnormal'])}; allowed are 0 (normal) and 1 (abnormal)")
    if split == "train" and row["abnormal"] == "1":
        raise InputError(f"{where}: abnormal 1 in train; detectors learn only from normal clips; move it to test")
    return Label(int(row["abnormal"]), split, row.get("machine", ""), row.get("unit", ""))
