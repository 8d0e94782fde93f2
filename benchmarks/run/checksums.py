"""SHA256SUMS: the checksums of a cell's files, written beside them, so that a later change is found.

The format is that of `sha256sum`: `sha256sum -c SHA256SUMS` in the folder of a cell checks its files. Checksums find
accidents and manual edits. They do not stop forgery: whoever changes a file can also write a new checksum.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path

CHECKSUM_FILE = "SHA256SUMS"
COVERED = ("result.json", "scores.csv", "history.csv")
_LINE = re.compile(r"([0-9a-f]{64}) [ *]([^/\\]+)")


def checksum_text(folder: Path) -> str:
    r"""The text of SHA256SUMS: one line for each file of the cell in `folder`.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "scores.csv").write_text("part,path,label,score\n")
    ...     print(checksum_text(Path(folder)), end="")
    f6a23eb830e9ab1742d753e89d3f553c55c34b492d2ac34a971ce0346f9c28c7  scores.csv
    """
    return "".join(f"{_hash(content)}  {name}\n" for name, content in contents(folder).items() if name in COVERED)


def contents(folder: Path) -> dict[str, bytes]:
    """File name -> bytes, of SHA256SUMS and of each file of a cell that is there. Raises `OSError`."""
    files = [folder / name for name in (CHECKSUM_FILE, *COVERED)]
    return {file.name: file.read_bytes() for file in files if file.is_file()}


def checksums(folder: Path) -> dict[str, str]:
    """File name -> checksum, as SHA256SUMS states it. Raises `ValueError` that says what is wrong with SHA256SUMS."""
    return _stated(contents(folder))


def _stated(found: Mapping[str, bytes]) -> dict[str, str]:
    try:
        lines = found[CHECKSUM_FILE].decode("utf-8").splitlines()
    except (KeyError, UnicodeDecodeError) as error:
        raise ValueError("missing or unreadable") from error
    matches = [_LINE.fullmatch(line) for line in lines]
    if None in matches:
        raise ValueError(f"line {matches.index(None) + 1}: not a checksum, two spaces and a file name")
    return {match[2]: match[1] for match in matches if match}


def changes(folder: Path) -> dict[str, str]:
    """The files of a cell that are not as they were written -> what is wrong with each; empty if nothing changed.

    Raises `OSError` where a file cannot be read.
    """
    return changes_in(contents(folder))


def changes_in(found: Mapping[str, bytes]) -> dict[str, str]:
    """The same of `contents`, which were read before."""
    try:
        stated = _stated(found)
    except ValueError as error:
        return {CHECKSUM_FILE: str(error)}
    names = dict.fromkeys([*stated, *(name for name in COVERED if name in found)])
    return {name: what for name in names if (what := _change(name, found, stated))}


def _change(name: str, found: Mapping[str, bytes], stated: Mapping[str, str]) -> str:
    """What is wrong with a file, "" if nothing."""
    if name not in stated:
        return f"no checksum in {CHECKSUM_FILE}"
    if name not in found:
        return "missing" if name in COVERED else f"in {CHECKSUM_FILE}, but not a file of a cell"
    if _hash(found[name]) == stated[name]:
        return ""
    return _json_change(found[name], stated[name]) if name.endswith(".json") else "not the bytes that were written"


def _json_change(content: bytes, checksum: str) -> str:
    """Whether a changed JSON file is broken, has another content, or only another layout."""
    try:
        text = content.decode("utf-8")
        layout = json.dumps(json.loads(text), indent=1) + "\n"
    except json.JSONDecodeError as error:
        return f"line {error.lineno}, column {error.colno}: no JSON ({error.msg})"
    except UnicodeDecodeError as error:
        return f"byte {error.start}: no UTF-8 text"
    except (ValueError, RecursionError):  # a number of thousands of digits, or thousands of nested lists
        return "not the bytes that were written"
    if _hash(layout.encode()) != checksum:
        return "its content is not what was written"
    return f"line {differing_line(text, layout)}: the same content in another layout"


def differing_line(text: str, other: str) -> int:
    r"""Number of the first line in which two texts differ, from 1.

    >>> differing_line("a\nb\nc", "a\nx\nc")
    2
    """
    lines, others = text.split("\n"), other.split("\n")
    same = (line == there for line, there in zip(lines, others, strict=False))
    return next((number for number, equal in enumerate(same, start=1) if not equal), min(len(lines), len(others)) + 1)


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
