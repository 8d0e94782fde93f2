"""Score files from elsewhere, in the form of asdbench or of DCASE Task 2, matched to the clips of a protocol.

    asdbench  folders with scores.csv: a header, then part, path, label, score; only path and score are needed
    DCASE     anomaly_score_<machine>_id_<nn>.csv, anomaly_score_<machine>_section_<nn>_test.csv: no header, name, score

A file name may be the path of a clip inside the corpus or the end of that path, if only one clip matches. A folder or
file name such as seed3 gives the seed, which is 0 otherwise. In a corpus with several noise levels, a folder name such
as -6dB gives the level.
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


class Key(NamedTuple):
    """What a score file is about."""

    position: int  # of the group among the groups of the plan
    seed: int


class Row(NamedTuple):
    """One line of a score file."""

    name: str  # of the clip, as the file writes it
    score: float
    part: str  # "" if the file has no such column
    label: str  # "" if the file has no such column
    where: str  # "<file> line <n>"


class Place(NamedTuple):
    """Where a clip belongs."""

    position: int  # of its group
    clip: Clip
    part: str


@dataclass(frozen=True)
class Named:
    """The clips of some groups, by every name that can mean them."""

    places: dict[str, list[Place]]

    @classmethod
    def of(cls, groups: Sequence[tuple[int, Group]], parts: Sequence[str]) -> "Named":
        """List the clips in these parts of some groups; each group with its position."""
        places: dict[str, list[Place]] = {}
        for position, group in groups:
            for part, clips in group.split.parts().items() if group.split else ():
                for clip in clips if part in parts else ():
                    for name in _names(clip.path):
                        places.setdefault(name, []).append(Place(position, clip, part))
        return cls(places)

    def find(self, row: Row) -> Place:
        """The place of the clip that a row means. Raises `InputError` where no clip matches, or several do."""
        found = self.places.get(row.name.replace("\\", "/").removeprefix("./"), [])
        if not found:
            example = next(iter(self.places), "nothing")
            raise InputError(f"{row.where}: {row.name!r} is not a clip that needs a score; an example is {example}")
        if len(found) > 1:
            both = " or ".join(place.clip.path for place in found[:2])
            raise InputError(f"{row.where}: {row.name!r} may be {both}; write the path")
        _check_row(row, found[0])
        return found[0]


def _names(path: str) -> list[str]:
    """A path and its ends.

    >>> _names("fan/normal/0.wav")
    ['fan/normal/0.wav', 'normal/0.wav', '0.wav']
    """
    steps = path.split("/")
    return ["/".join(steps[start:]) for start in range(len(steps))]


@dataclass(frozen=True)
class _File:
    """A score file with the clips that its rows may mean."""

    path: Path
    seed: int
    rows: list[Row]
    named: Named


def read_scores(directory: Path, groups: Sequence[Group]) -> dict[Key, dict[str, Row]]:
    """Read all score files below `directory`: group and seed -> clip path -> row.

    Raises `InputError` where there are no files, or where a line is malformed, matches no clip or several, contradicts
    the corpus, or gives a clip a second score.
    """
    tables: dict[Key, dict[str, Row]] = {}
    for file in _files(directory, groups):
        if not file.rows:
            raise InputError(f"{file.path}: no scores in it; {FORMS}")
        for row in file.rows:
            place = file.named.find(row)
            table, path = tables.setdefault(Key(place.position, file.seed), {}), place.clip.path
            if path in table:
                raise InputError(f"{row.where}: {path} already has a score in {table[path].where}; keep one")
            table[path] = row
    return tables


def _files(directory: Path, groups: Sequence[Group]) -> Iterator[_File]:
    asdbench, dcase = (sorted(directory.rglob(pattern)) for pattern in ("scores.csv", f"{_PREFIX}*.csv"))
    if not asdbench and not dcase:
        found = "no such folder" if not directory.is_dir() else f"found {_examples(directory)}"
        raise InputError(f"{directory}: no score files, {found}; {FORMS}")
    if asdbench and dcase:
        raise InputError(
            f"{directory}: files of two forms, {asdbench[0]} and {dcase[0]}; give a folder with one of them"
        )
    numbered = list(enumerate(groups))
    everything = Named.of(numbered, PARTS)
    for file in asdbench:
        yield _File(file, _seed(directory, file), _read_asdbench(file), everything)
    for file in dcase:
        named = Named.of(_groups_of(directory, file, numbered), ["test"])
        yield _File(file, _seed(directory, file), _read_dcase(file), named)


def _groups_of(directory: Path, file: Path, groups: list[tuple[int, Group]]) -> list[tuple[int, Group]]:
    """The groups that a file name states: of its machine and unit, and of the noise level of its folder, if any."""
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


def _read_asdbench(file: Path) -> list[Row]:
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


def _read_dcase(file: Path) -> list[Row]:
    rows = []
    for where, values in _lines(file):
        if len(values) != 2:
            raise InputError(f"{where}: {len(values)} values; give a file name, a comma and a score")
        rows.append(Row(values[0].strip(), _number(where, values[1]), "", "", where))
    return rows


def _lines(file: Path) -> list[tuple[str, list[str]]]:
    """The lines that are not empty, each with its file and line number."""
    try:
        with open(file, encoding="utf-8-sig", newline="") as opened:
            reader = csv.reader(opened)
            return [(f"{file} line {reader.line_num}", values) for values in reader if any(values)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{file}: cannot be read ({error}); save it as CSV in UTF-8 with commas") from error


def _number(where: str, text: str) -> float:
    try:
        score = math.nan if "_" in text else float(text)  # Python also reads 1_0 as 10
    except ValueError:
        score = math.nan
    if not math.isfinite(score):
        raise InputError(f"{where}: score {text.strip()!r}; give a finite number, higher = more anomalous")
    return score


def _check_row(row: Row, place: Place) -> None:
    """Raise `InputError` where a row contradicts the corpus or the protocol."""
    path, label, part = place.clip.path, place.clip.label, place.part
    if row.part and row.part != part:
        raise InputError(f"{row.where}: part {row.part}, but the protocol has {path} in {part}; use its manifest")
    stated = row.label.removesuffix(".0")
    if stated and label is not None and stated != str(label):
        raise InputError(f"{row.where}: label {row.label}, but {path} is labelled {label} in the corpus")


def _seed(directory: Path, file: Path) -> int:
    """The last number after the word seed in the names of the file and of its folders, up to `directory`."""
    found = _SEED.findall("/".join(file.relative_to(directory).parts))
    return int(found[-1]) if found else 0


def _examples(directory: Path) -> str:
    return ", ".join(sorted(path.name for path in directory.iterdir())[:3]) or "nothing"
