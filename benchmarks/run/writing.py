"""Writing text files whole: a reader never finds half a file."""

import os
from contextlib import suppress
from pathlib import Path

from features import InputError


def write_text(file: Path, text: str, advice: str = "free space or permission, and run it again") -> Path:
    """Write a UTF-8 text file whole or not at all, create its folder if needed, and return the file.

    The text goes to a temporary name in the same folder first, which then replaces the file. Raises `InputError` with
    the file, the reason and the `advice` if it cannot be written.
    """
    if not file.name or (file.exists() and not file.is_file() and not file.is_dir()):
        raise InputError(f"{file}: no file but a device, a pipe or no name; give the name of a file")
    partial = file.with_name(f".{file.name}.{os.getpid()}.partial")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(text, encoding="utf-8", newline="\n")
        os.replace(partial, file)
    except OSError as error:
        raise InputError(f"{file}: {error.strerror or error}; {advice}") from error
    finally:
        with suppress(OSError):  # it is there only if something failed
            partial.unlink()
    return file
