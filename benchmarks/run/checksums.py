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
    files = [folder / name for name in COVERED if (folder / name).is_file()]
    return "".join(f"{_hash(file.read_bytes())}  {file.name}\n" for file in files)


def checksums(folder: Path) -> dict[str, str]:
    """File name -> checksum, as SHA256SUMS states it. Raises `ValueError` that says what is wrong with SHA256SUMS."""
    try:
        lines = (folder / CHECKSUM_FILE).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError("missing or unreadable") from error
    matches = [_LINE.fullmatch(line) for line in lines]
    if None in matches:
        raise ValueError(f"line {matches.index(None) + 1}: not a checksum, two spaces and a file name")
    return {match[2]: match[1] for match in matches if match}


def changes(folder: Path) -> dict[str, str]:
    """The files of a cell that are not as they were written -> what is wrong with each; empty if nothing changed."""
    try:
        written = checksums(folder)
    except ValueError as error:
        return {CHECKSUM_FILE: str(error)}
    names = [*written, *(name for name in COVERED if name not in written and (folder / name).is_file())]
    found = {name: _change(folder / name, written) for name in names}
    return {name: what for name, what in found.items() if what}


def _change(file: Path, written: Mapping[str, str]) -> str:
    """What is wrong with a file, "" if nothing."""
    if file.name not in written:
        return f"no checksum in {CHECKSUM_FILE}"
    if not file.is_file():
        return "missing"
    content = file.read_bytes()
    if _hash(content) == written[file.name]:
        return ""
    return _json_change(content, written[file.name]) if file.suffix == ".json" else "not the bytes that were written"


def _json_change(content: bytes, checksum: str) -> str:
    """Whether a changed JSON file is broken, has another content, or only another layout."""
    try:
        text = content.decode("utf-8")
        layout = json.dumps(json.loads(text), indent=1) + "\n"
    except json.JSONDecodeError as error:
        return f"line {error.lineno}, column {error.colno}: no JSON ({error.msg})"
    except UnicodeDecodeError as error:
        return f"byte {error.start}: no UTF-8 text"
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
