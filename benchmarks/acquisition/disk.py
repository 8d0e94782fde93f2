"""What downloads and stores ask of a disk: room, checksums, and failures told so that one can go on."""

import contextlib
import errno
import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from benchmarks.acquisition.meter import Meter, OnStep, ignore, size_text
from features import InputError

_CHUNK = 2**20


def free_bytes(folder: Path) -> int:
    """Free bytes where a folder is or will be."""
    there = folder.absolute()
    while not there.exists():
        there = there.parent
    return shutil.disk_usage(there).free


def hash_file(file: Path, on_step: OnStep = ignore) -> "hashlib._Hash":
    """Return the MD5 of a file, read in pieces. Raises `OSError`."""
    md5, done = hashlib.md5(usedforsecurity=False), 0
    meter = Meter(on_step, "checking", file.name, 0, file.stat().st_size)
    with open(file, "rb") as stream:
        while data := stream.read(_CHUNK):
            md5.update(data)
            done += len(data)
            meter.at(done)
    return md5


@contextlib.contextmanager
def disk_errors(path: Path, missing: int) -> Iterator[None]:
    """Turn a failure of the disk into an `InputError` that says what to do; `missing`: bytes still to be written."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            cause = f"the disk is full; at least {size_text(missing)} more are needed; free them"
        elif error.errno == errno.EFBIG:
            cause = "the file system takes no larger file (FAT32 ends at 4 GiB); use another disk or raise the limit"
        else:
            cause = f"{error.strerror or error}; see to the disk or its permissions, or name another folder with --data"
        raise InputError(f"{path}: {cause}; the same command then goes on from what is there") from error
