"""The files of strangers: what may be opened, and how much of it.

A pull request may hold anything: a pipe that never ends, a link to a file of whoever reads it, folders without end. So
a folder is walked once, without opening a file, before anything in it is read.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.run.checksums import CHECKSUM_FILE, COVERED
from features import InputError

MOST_FILES = 500_000
MOST_BYTES = 2**30  # in all
DEEPEST = 16  # folders below the first
LARGEST = {"result.json": 2**20, CHECKSUM_FILE: 2**16}  # bytes by name
LARGEST_OTHER = 2**26


@dataclass(frozen=True)
class _Found:
    path: Path
    mode: int
    n_bytes: int


def read_tree(directory: Path) -> list[Path]:
    """List all files below `directory`, in order of their names, without opening one.

    Raises `InputError` that names the first link, pipe, device or socket, the first file that is too large, and
    `directory` where it is too deep or holds too much.
    """
    files, n_bytes = [], 0
    for found in _walk(directory):
        _check(found)
        files.append(found.path)
        n_bytes += found.n_bytes
        if len(files) > MOST_FILES or n_bytes > MOST_BYTES:
            limits = f"{MOST_FILES} files and {MOST_BYTES >> 20} MiB"
            raise InputError(f"{directory}: more than {limits}; name a smaller part of it")
    return sorted(files)


def check_cell(folder: Path) -> None:
    """Raise `InputError` where a file of a cell is a link, a pipe or a device, or too large; without opening it."""
    for name in (*COVERED, CHECKSUM_FILE):
        with suppress(OSError):  # it is missing, and whoever reads it says so
            state = (folder / name).lstat()
            _check(_Found(folder / name, state.st_mode, state.st_size))


def _walk(directory: Path) -> Iterator[_Found]:
    """Everything below a folder but the folders themselves. Links are not followed."""
    waiting = [(directory, 0)]
    while waiting:
        folder, depth = waiting.pop()
        if depth > DEEPEST:
            raise InputError(f"{folder}: more than {DEEPEST} folders deep; results are not so deep, remove it")
        for found in _entries(folder):
            if stat.S_ISDIR(found.mode):
                waiting.append((found.path, depth + 1))
            else:
                yield found


def _entries(folder: Path) -> list[_Found]:
    try:
        with os.scandir(folder) as entries:
            states = [(Path(entry.path), entry.stat(follow_symlinks=False)) for entry in entries]
    except OSError as error:
        raise InputError(f"{folder}: cannot be read ({error.strerror}); name a folder of results") from error
    return [_Found(path, state.st_mode, state.st_size) for path, state in sorted(states, key=lambda one: one[0])]


def _check(found: _Found) -> None:
    """Raise `InputError` where something is no plain file of a usual size."""
    if not stat.S_ISREG(found.mode):
        what = "a link" if stat.S_ISLNK(found.mode) else "a pipe, a device or a socket"
        raise InputError(f"{found.path}: {what}, which is not opened; put a file there, or remove it")
    largest = LARGEST.get(found.path.name, LARGEST_OTHER)
    if found.n_bytes > largest:
        raise InputError(
            f"{found.path}: {found.n_bytes} bytes, more than {largest}; such a file is not read, remove it"
        )
