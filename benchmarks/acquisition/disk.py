"""What downloads and mono stores need of a disk: free space, checksums, and errors that say how to continue."""

import contextlib
import errno
import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from rich.filesize import decimal

from benchmarks.acquisition.callbacks import OnStep, ignore
from features import InputError

_CHUNK = 2**20


def free_bytes(folder: Path) -> int:
    """Return the free bytes on the disk where a folder is or will be."""
    there = folder.absolute()
    while not there.exists():
        there = there.parent
    return shutil.disk_usage(there).free


def hash_file(file: Path, on_step: OnStep = ignore) -> "hashlib._Hash":
    """Return the MD5 of a file, read in pieces. Raises `OSError`."""
    md5, done, total = hashlib.md5(usedforsecurity=False), 0, file.stat().st_size
    on_step("checking", file.name, done, total)
    with open(file, "rb") as stream:
        while data := stream.read(_CHUNK):
            md5.update(data)
            done += len(data)
            on_step("checking", file.name, done, total)
    return md5


@contextlib.contextmanager
def disk_errors(path: Path, missing: int) -> Iterator[None]:
    """Turn an `OSError` into an `InputError` that says what to do.

    missing: bytes that were still to be written.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            cause = f"the disk is full; free at least {decimal(missing)}"
        elif error.errno == errno.EFBIG:
            cause = "the file system takes no larger file (FAT32: 4 GiB); use another disk or raise the limit"
        else:
            cause = f"{error.strerror or error}; check the disk and its permissions, or name another folder with --data"
        raise InputError(f"{path}: {cause}; the same command then continues from what is there") from error
