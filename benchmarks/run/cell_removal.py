"""Removing cells from a store, each whole: a process that is killed leaves no half of a cell."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from benchmarks.run import folder_swap
from features import InputError


def remove(root: Path, folders: Sequence[Path]) -> None:
    """Remove the folders of these cells of the store in `root`, and folders that become empty.

    Raises `InputError` if the disk refuses; what was removed before stays removed.
    """
    for folder in folders:
        try:
            folder_swap.remove(folder, root / "cells")
        except OSError as error:
            raise InputError(
                f"{folder}: cannot be removed ({error.strerror or error}); check its permissions"
            ) from error
        with suppress(OSError):  # not empty: other cells are there
            folder.parent.rmdir()
            folder.parent.parent.rmdir()
