"""How a result differs from what was written, and from its rerun: files, lines and fields."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.run.checksums import changes, checksums, differing_line
from benchmarks.run.result import RESULT_FILE, Result, marked
from benchmarks.run.result_fields import Marker

_NOT_REPEATED = (*marked(Marker.CIRCUMSTANCE), *marked(Marker.MEASURED))


def changed_files(file: Path, result: Result) -> list[str]:
    """The changes that show without a rerun: in the checksums, and in the name of the folder."""
    found = [f"{name}: {what}" for name, what in changes(file.parent).items()]
    expected, actual = Path(result.cell.folder).parts, file.resolve().parent.parts
    if actual[-len(expected) :] != expected:
        there = "/".join(actual[-len(expected) :])
        found.append(f"{RESULT_FILE}: describes {'/'.join(expected)}, but is in {there}")
    return found


def changed_lines(stored: Path, again: Path) -> list[str]:
    """The first changed line of each stored table whose rerun has the checksum that was written.

    stored, again: folders of the cell and of its rerun.
    """
    try:
        written = checksums(stored)
    except ValueError:
        return []
    tables = [name for name, checksum in checksums(again).items() if name.endswith(".csv") and name in written]
    same = [name for name in tables if checksums(again)[name] == written[name] and (stored / name).is_file()]
    return [line for name in same for line in _changed_line(stored / name, again / name)]


def _changed_line(stored: Path, again: Path) -> list[str]:
    text, written = (file.read_text(errors="replace") for file in (stored, again))
    if text == written:
        return []
    number = differing_line(text, written)
    return [f"{stored.name}: line {number} was {_line(written, number)!r}, is {_line(text, number)!r}"]


def _line(text: str, number: int) -> str:
    return [*text.split("\n"), ""][number - 1]


def unnoticed_change(stored: Path, differing: list[str]) -> list[str]:
    """Where a changed result.json must differ if no field that a rerun repeats does; differing: `conditions`."""
    if RESULT_FILE not in changes(stored) or differing:
        return []
    return [f"{RESULT_FILE}: all fields that a rerun repeats are the same; one of {', '.join(_NOT_REPEATED)} changed"]


def conditions(before: Result, now: Result) -> list[str]:
    """Every field that a rerun should repeat but did not; those of `config` and `environment` one by one."""
    then, new = flat(before.as_json()), flat(now.as_json())
    names = [name for name in then | new if name.split(".")[0] not in _NOT_REPEATED or name.startswith("environment.")]
    return [f"{name}: {then.get(name)} then, {new.get(name)} now" for name in names if then.get(name) != new.get(name)]


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Join the names of nested values.

    >>> flat({"config": {"seed": 0}, "status": "ok"})
    {'config.seed': 0, 'status': 'ok'}
    """
    joined: dict[str, Any] = {}
    for name, inner in values.items():
        joined |= flat(inner, f"{prefix}{name}.") if isinstance(inner, dict) else {prefix + name: inner}
    return joined
