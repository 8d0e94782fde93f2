"""Reads label.csv: class and split of each sound file, one per row. Errors name the line and the value."""

import csv
from collections.abc import Sequence
from os.path import splitext
from pathlib import Path
from typing import NamedTuple

from features import InputError

LABEL_FILE = "label.csv"
NEEDED = ("file_id", "abnormal", "split")
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
                f"{where}: file_id {row['file_id']!r} is {path}, as in line {lines[path]}; keep one of them"
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
            reader = csv.DictReader(opened, restval="")
            header = [name.strip() for name in reader.fieldnames or []]
            missing = [name for name in NEEDED if name not in header]
            if missing:
                raise InputError(
                    f"{file}: no column {', '.join(missing)}; found {', '.join(header) or 'an empty file'}"
                )
            reader.fieldnames = header
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{file}: cannot be read ({error}); save it as CSV in UTF-8, separated by commas") from error
    for line, row in rows:
        if None in row:
            raise InputError(f"{file} line {line}: more values than the {len(header)} columns of the header")
    return [(line, {name: value.strip() for name, value in row.items()}) for line, row in rows]


def _sound(where: str, file_id: str, by_id: dict[str, list[str]]) -> str:
    found = by_id.get(file_id, [])
    if not found:
        raise InputError(
            f"{where}: file_id {file_id!r}: there is no such sound file below the folder of {LABEL_FILE}; "
            "correct the row"
        )
    if len(found) > 1:
        raise InputError(f"{where}: file_id {file_id!r} can be {found[0]} or {found[1]}; write the path")
    return found[0]


def _label(where: str, row: dict[str, str]) -> Label:
    split = SPLITS.get(row["split"].lower())
    if split is None:
        raise InputError(f"{where}: split {row['split']!r}; allowed are train, valid (or validation) and test")
    if row["abnormal"] not in ("0", "1"):
        raise InputError(f"{where}: abnormal {row['abnormal']!r}; allowed are 0 (normal) and 1 (abnormal)")
    if split == "train" and row["abnormal"] == "1":
        raise InputError(f"{where}: abnormal 1 in train; detectors learn only from normal clips; move it to test")
    return Label(int(row["abnormal"]), split, row.get("machine", ""), row.get("unit", ""))
