"""Replacing or removing a folder: a kill, a full disk or a power loss leaves the old or the new one whole, or none.

POSIX has no rename onto a folder that is not empty. So the new folder is written beside, the old one is renamed to
`.old-<time><random>-<name>`, the new one gets the name, and the old one is removed. Between the two renames, no folder
has the name: `place_of` then finds the old one, and `sweep_old` gives it back its name. No lock is needed, so this also
works on network file systems. Of several writers at the same time, the last one wins.
"""

import os
import platform
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from benchmarks.run.writing import sync

_OLD = re.compile(r"\.old-[0-9a-f]{24}-(?P<name>.+)")
_PARTIAL = re.compile(r"\.partial-(?P<host>.*)-(?P<pid>\d+)-[0-9a-f]{8}")
_DAY = 24 * 3600.0  # seconds


def make_partial(parent: Path) -> Path:
    """Make a new, empty folder in `parent`, whose name says which process writes it. Raises `OSError`."""
    partial = parent / f".partial-{platform.node()}-{os.getpid()}-{_random()}"
    partial.mkdir(parents=True)
    return partial


def swap(new: Path, final: Path) -> None:
    """Rename the folder `new` to `final`, in place of what is there. Raises `OSError`; the old folder is then kept."""
    final.parent.mkdir(parents=True, exist_ok=True)
    aside: list[Path] = []
    try:
        while not _renamed(new, final):
            aside.append(final.with_name(f".old-{time.time_ns():016x}{_random()}-{final.name}"))
            with suppress(FileNotFoundError):  # another writer moved it
                os.rename(final, aside[-1])
        for folder in (final, *final.parents[:3]):
            sync(folder)
    except OSError:
        for old in aside:
            _give_back(old)
        raise
    for old in aside:
        shutil.rmtree(old, ignore_errors=True)


def _renamed(new: Path, final: Path) -> bool:
    """Rename a folder; False where another one with files in it has the name."""
    try:
        os.rename(new, final)
    except OSError:
        if new.is_dir() and final.is_dir():
            return False
        raise
    return True


def place_of(final: Path) -> Path:
    """Where the files of `final` are now: in `final`, or, if a swap is under way or was cut off, in the old folder."""
    if final.is_dir():
        return final
    aside = [folder for folder in _folders(final.parent) if _name(folder) == final.name and folder != final]
    return max(aside, default=final)  # the newest, by its name


def names_in(parent: Path) -> set[Path]:
    """The folders in `parent`, those whose swap was cut off under the name that they had, without hidden ones."""
    named = {parent / _name(folder) for folder in _folders(parent)}
    return {folder for folder in named if not folder.name.startswith(".")}


def remove(final: Path, parent: Path) -> None:
    """Remove the folder `final` and what cut-off swaps left of it. Raises `OSError`.

    It first goes into a partial folder in `parent`, so that a process that is killed leaves no half of it.
    """
    partial = make_partial(parent)
    for folder in sorted(folder for folder in _folders(final.parent) if _name(folder) == final.name):  # old ones first
        os.rename(folder, partial / folder.name)
    shutil.rmtree(partial)


def sweep_old(parent: Path) -> None:
    """Clear the old folders in `parent` that cut-off swaps left, or give them back their names."""
    for old in sorted(_folders(parent), reverse=True):  # the newest first
        if _OLD.fullmatch(old.name):
            _give_back(old)


def sweep_partial(parent: Path) -> None:
    """Remove the partial folders in `parent` of processes that have ended; of those on other hosts, after a day."""
    for partial in _folders(parent):
        if partial.name.startswith(".partial-") and not _in_use(partial):
            shutil.rmtree(partial, ignore_errors=True)


def _give_back(old: Path) -> None:
    """Give an old folder back its name; remove it if a newer folder has the name. An old folder may be gone already."""
    final = old.with_name(_name(old))
    with suppress(OSError):
        if not final.is_dir():
            os.rename(old, final)
            return
    if final.is_dir():
        shutil.rmtree(old, ignore_errors=True)


def _in_use(partial: Path) -> bool:
    match = _PARTIAL.fullmatch(partial.name)
    if match and match["host"] == platform.node():
        return bool(psutil.pid_exists(int(match["pid"])))
    with suppress(FileNotFoundError):
        return time.time() - partial.stat().st_ctime < _DAY
    return False


def _folders(parent: Path) -> Iterator[Path]:
    with suppress(OSError):
        yield from [folder for folder in parent.iterdir() if folder.is_dir()]


def _name(folder: Path) -> str:
    """The name that an old folder had; that of any other folder."""
    match = _OLD.fullmatch(folder.name)
    return match["name"] if match else folder.name


def _random() -> str:
    return uuid.uuid4().hex[:8]
