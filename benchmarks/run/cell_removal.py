"""Removing cells from a store, each whole: a process that is killed leaves no half of a cell."""

import os
import shutil
import uuid
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from features import InputError


def remove(root: Path, folders: Sequence[Path]) -> None:
    """Remove the folders of these cells of the store in `root`, and folders that become empty.

    A cell is renamed first, to a name that `Store.sweep` removes where this process does not come to it. Raises
    `InputError` if the disk refuses; what was removed before stays removed.
    """
    for folder in folders:
        partial = root / "cells" / f".partial-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        try:
            os.rename(folder, partial)
            shutil.rmtree(partial)
        except OSError as error:
            raise InputError(
                f"{folder}: cannot be removed ({error.strerror or error}); check its permissions"
            ) from error
        with suppress(OSError):  # not empty: other cells are there
            folder.parent.rmdir()
            folder.parent.parent.rmdir()
