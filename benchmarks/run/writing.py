"""Writing files whole: a reader, a kill, a full disk or a power loss never meets half a file."""

import os
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from features import InputError

_PROBE_BYTES = 1 << 20


def write_text(file: Path, text: str, advice: str = "free space or permission, and run it again") -> Path:
    """Write a UTF-8 text file whole or not at all, create its folder if needed, and return the file.

    The text goes to a temporary name in the same folder first, which then replaces the file. Raises `InputError` with
    the file, the reason and the `advice` if it cannot be written.
    """
    return write_texts({file: text}, advice)[0]


def write_texts(texts: Mapping[Path, str], advice: str = "free space or permission, and run it again") -> list[Path]:
    """Write several text files, as `write_text` does, all or none: the first is replaced once all are on the disk.

    A lone surrogate, which UTF-8 cannot hold and a strange file name can bring in, is written as an escape: `\\udcff`.
    """
    partials: dict[Path, Path] = {}
    file = Path()
    try:
        for file, text in texts.items():
            _check_may_be_replaced(file)
            partials[file] = file.with_name(f".{file.name}.{uuid.uuid4().hex[:8]}.partial")
            file.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(partials[file], text.encode("utf-8", "backslashreplace"))
        for file, partial in partials.items():
            os.replace(partial, file)
    except OSError as error:
        raise InputError(f"{file}: {error.strerror or error}; {advice}") from error
    finally:
        for partial in partials.values():
            with suppress(OSError):  # it is there only if something failed
                partial.unlink()
    for folder in {file.parent for file in texts}:
        sync(folder)
    return list(texts)


def write_bytes(file: Path, content: bytes) -> None:
    """Write a file and wait until it is on the disk. Raises `OSError`."""
    with file.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def sync(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, where the file system can."""
    with suppress(OSError):  # some network file systems refuse it for folders
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def try_writing(folder: Path) -> None:
    """Write 1 MiB into a folder, make it if needed, and remove the file again. Raises `OSError` if the disk refuses."""
    folder.mkdir(parents=True, exist_ok=True)
    probe = folder / f".probe-{uuid.uuid4().hex[:8]}"
    try:
        write_bytes(probe, bytes(_PROBE_BYTES))
    finally:
        with suppress(OSError):
            probe.unlink()


def _check_may_be_replaced(file: Path) -> None:
    if not file.name or (file.exists() and not file.is_file()):
        raise InputError(f"{file}: a folder, a device, a pipe or no name; give the name of a file")
