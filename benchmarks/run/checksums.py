"""Seals: a result carries the checksums of its files and of itself, so that a byte changed later shows.

This guards against accidents and manual edits, not against forgery: who changes a file can also renew its checksum.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

SEAL = "sha256"
ITSELF = "result.json"


def sealed_text(result: Mapping[str, object], folder: Path) -> str:
    """The text of result.json: `result`, and the checksums of the other files in `folder` and of itself."""
    files = {file.name: _hash(file.read_bytes()) for file in sorted(folder.iterdir())}
    return _text(dict(result) | {SEAL: files | {ITSELF: _hash(_text(dict(result) | {SEAL: files}).encode())}})


def changes(folder: Path) -> dict[str, str]:
    """The files of a cell that are not as they were written -> what is wrong; empty where all are."""
    text = (folder / ITSELF).read_text(encoding="utf-8")
    try:
        result = json.loads(text)
        seals = dict(result[SEAL])
    except json.JSONDecodeError as error:
        return {ITSELF: f"line {error.lineno}, column {error.colno}: no JSON ({error.msg})"}
    except (KeyError, TypeError, ValueError):
        return {ITSELF: "no checksums: changed, or written by an older version"}
    found = dict[str, str]()
    own = seals.pop(ITSELF, None)
    if own != _hash(_text(result | {SEAL: seals}).encode()):
        found[ITSELF] = "its content is not what was written"
    elif text != _text(result):
        found[ITSELF] = f"line {differing_line(text, _text(result))}: the same content, written otherwise"
    for name, seal in seals.items():
        if not (folder / name).is_file():
            found[name] = "missing"
        elif _hash((folder / name).read_bytes()) != seal:
            found[name] = "not the bytes that were written"
    return found


def differing_line(text: str, other: str) -> int:
    """Number of the first line in which two texts differ, from 1."""
    lines, others = text.split("\n"), other.split("\n")
    same = (line == there for line, there in zip(lines, others, strict=False))
    return next((number for number, equal in enumerate(same, start=1) if not equal), min(len(lines), len(others)) + 1)


def _text(result: Mapping[str, object]) -> str:
    return json.dumps(result, indent=1) + "\n"


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
