"""Score files that others wrote, in our form or in that of DCASE Task 2, matched to the clips of a protocol.

    ours   folders with scores.csv: a header, then part, path, label, score; only path and score are needed
    DCASE  anomaly_score_<machine>_id_<nn>.csv, anomaly_score_<machine>_section_<nn>_test.csv: no header, name, score

A file name may be a clip's path inside the corpus or the end of it, as long as it means one clip. The seed is told by a
folder or file named like seed3, else it is 0; the noise level, where a corpus has several, by a folder named like -6dB.
"""

import csv
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from benchmarks.datasets.dataset import Clip
from benchmarks.run.execution import PARTS
from benchmarks.run.plan import Group
from features import InputError

FORMS = (
    "give folders with scores.csv (columns path and score), or files anomaly_score_<machine>_id_<nn>.csv or "
    "anomaly_score_<machine>_section_<nn>_test.csv (file name and score, no header)"
)
_PREFIX = "anomaly_score_"
_ENDS = ("", "_test", "_source_test", "_target_test")
_SEED = re.compile(r"seed[_-]?(\d+)")
_LEVEL = re.compile(r"(-?\d+(?:\.\d+)?)[_ ]?dB")

Key = tuple[int, int]  # position of a group, seed


class Row(NamedTuple):
    """One line of a score file; part and label are empty where the file does not say."""

    name: str
    score: float
    part: str
    label: str
    where: str  # "<file> line <n>"


@dataclass(frozen=True)
class Named:
    """The clips of some groups, by every name that they go by."""

    by_name: dict[str, list[tuple[int, Clip, str]]]  # name -> position of the group, clip, part

    @classmethod
    def of(cls, groups: Sequence[tuple[int, Group]], parts: Sequence[str]) -> "Named":
        by_name: dict[str, list[tuple[int, Clip, str]]] = {}
        for position, group in groups:
            for part in parts if group.split else ():
                for clip in group.split.parts()[part]:  # type: ignore[union-attr]
                    steps = clip.path.split("/")
                    for start in range(len(steps)):
                        by_name.setdefault("/".join(steps[start:]), []).append((position, clip, part))
        return cls(by_name)

    def find(self, row: Row) -> tuple[int, Clip, str]:
        """The clip that a row means, its group and part. Raises `InputError` where there is none, or several."""
        name = row.name.replace("\\", "/").removeprefix("./")
        found = self.by_name.get(name, [])
        if not found:
            example = next(iter(self.by_name), "nothing")
            raise InputError(f"{row.where}: {row.name!r} is no clip that is scored here; one that is: {example}")
        if len(found) > 1:
            both = " or ".join(clip.path for _, clip, _ in found[:2])
            raise InputError(f"{row.where}: {row.name!r} may be {both}; write the path")
        _check_row(row, *found[0][1:])
        return found[0]


def read_scores(directory: Path, groups: Sequence[Group]) -> dict[Key, dict[str, Row]]:
    """Read all score files below `directory`: (position of a group, seed) -> clip path -> row.

    Raises `InputError` where there are none, where a line is broken, means no clip or several, contradicts the corpus,
    or gives a clip its second score.
    """
    tables: dict[Key, dict[str, Row]] = {}
    for file, seed, rows, named in _files(directory, groups):
        for row in rows:
            position, clip, _ = named.find(row)
            table = tables.setdefault((position, seed), {})
            if clip.path in table:
                raise InputError(f"{row.where}: {clip.path} has a score in {table[clip.path].where} already; keep one")
            table[clip.path] = row
        if not rows:
            raise InputError(f"{file}: no scores in it; {FORMS}")
    return tables


def _files(directory: Path, groups: Sequence[Group]) -> Iterator[tuple[Path, int, list[Row], Named]]:
    """Each score file with its seed, its rows and the clips that they may mean."""
    ours, theirs = (sorted(directory.rglob(pattern)) for pattern in ("scores.csv", f"{_PREFIX}*.csv"))
    if not ours and not theirs:
        found = "no such folder" if not directory.is_dir() else f"found {_examples(directory)}"
        raise InputError(f"{directory}: no score files, {found}; {FORMS}")
    if ours and theirs:
        raise InputError(f"{directory}: files of two forms, {ours[0]} and {theirs[0]}; give a folder with one of them")
    numbered = list(enumerate(groups))
    everything = Named.of(numbered, PARTS)
    for file in ours:
        yield file, _seed(directory, file), _read_ours(file), everything
    for file in theirs:
        about = Named.of(_about(directory, file, numbered), ["test"])
        yield file, _seed(directory, file), _read_theirs(file), about


def _about(directory: Path, file: Path, groups: list[tuple[int, Group]]) -> list[tuple[int, Group]]:
    """The groups of the machine and unit, and of the noise level if there is one, that a file's name states."""
    stem = re.sub(r"_seed[_-]?\d+", "", file.stem.removeprefix(_PREFIX))
    found = [(i, group) for i, group in groups if stem in {f"{group.machine}_{group.unit}{end}" for end in _ENDS}]
    if not found:
        names = sorted({f"{group.machine}_{group.unit}" for _, group in groups})
        raise InputError(f"{file}: no machine and unit {stem!r} in the corpus; there are {', '.join(names)}")
    levels = [float(match[1]) for match in map(_LEVEL.fullmatch, file.relative_to(directory).parts[:-1]) if match]
    if not levels:
        return found
    at_level = [(i, group) for i, group in found if group.snr_db == levels[-1]]
    if not at_level:
        there = ", ".join(f"{group.snr_db:g}dB" for _, group in found if group.snr_db is not None) or "none"
        raise InputError(f"{file}: no noise level of {levels[-1]:g} dB in the corpus; there are {there}")
    return at_level


def _read_ours(file: Path) -> list[Row]:
    lines = _lines(file)
    header = [name.strip() for name in lines[0][1]] if lines else []
    if lacking := [name for name in ("path", "score") if name not in header]:
        raise InputError(f"{file}: no column {', '.join(lacking)}, found {', '.join(header) or 'nothing'}; {FORMS}")
    rows = []
    for where, values in lines[1:]:
        if len(values) != len(header):
            raise InputError(f"{where}: {len(values)} values for {len(header)} columns; fix or remove the line")
        row = dict(zip(header, values, strict=True))
        score = _number(where, row["score"])
        rows.append(Row(row["path"].strip(), score, row.get("part", ""), row.get("label", ""), where))
    return rows


def _read_theirs(file: Path) -> list[Row]:
    rows = []
    for where, values in _lines(file):
        if len(values) != 2:
            raise InputError(f"{where}: {len(values)} values; give a file name and a score, with a comma between")
        rows.append(Row(values[0].strip(), _number(where, values[1]), "", "", where))
    return rows


def _lines(file: Path) -> list[tuple[str, list[str]]]:
    """The lines that are not empty, each with where it is."""
    try:
        with open(file, encoding="utf-8-sig", newline="") as opened:
            reader = csv.reader(opened)
            return [(f"{file} line {reader.line_num}", values) for values in reader if any(values)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{file}: cannot be read ({error}); save it as CSV in UTF-8 with commas between") from error


def _number(where: str, text: str) -> float:
    try:
        score = float(text)
    except ValueError:
        score = math.nan
    if not math.isfinite(score):
        raise InputError(f"{where}: score {text.strip()!r}; give a finite number, higher = more anomalous")
    return score


def _check_row(row: Row, clip: Clip, part: str) -> None:
    """Raise `InputError` where a row says other than the corpus and the protocol."""
    if row.part and row.part != part:
        raise InputError(f"{row.where}: part {row.part}, but the protocol has {clip.path} in {part}; use its manifest")
    stated = row.label.removesuffix(".0")
    if stated and clip.label is not None and stated != str(clip.label):
        raise InputError(f"{row.where}: label {row.label}, but {clip.path} is labelled {clip.label} in the corpus")


def _seed(directory: Path, file: Path) -> int:
    """The last number after the word seed in the names of the file and of its folders, up to `directory`."""
    found = _SEED.findall("/".join(file.relative_to(directory).parts))
    return int(found[-1]) if found else 0


def _examples(directory: Path) -> str:
    return ", ".join(sorted(path.name for path in directory.iterdir())[:3]) or "nothing"
