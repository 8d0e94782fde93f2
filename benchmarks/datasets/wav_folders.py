"""The folders that hold WAV files under a corpus's root, on disk and in zip archives; what each corpus starts from."""

import os
from collections.abc import Iterator

from benchmarks.datasets.mimii_layout import Folder, folder_of, folders_in, is_archive, walk
from features import InputError


def wav_folders(root: str, expected: str) -> Iterator[Folder]:
    """Yield what holds WAV files at or under `root`: first folders on disk, then those in archives, by name.

    Raises `InputError` where `root` is no folder and no archive; `expected` then says what the corpus looks like.
    """
    archives = []
    if os.path.isdir(root):
        for where, names in walk(root):
            if folder := folder_of(where, names):
                yield folder
            archives += [os.path.join(where, name) for name in names if is_archive(name)]
    elif os.path.isfile(root) and is_archive(root):
        archives = [root]
    else:
        found = "a file" if os.path.isfile(root) else "nothing"
        raise InputError(f"{root}: no folder or zip archive there, found {found}; {expected}")
    for archive in sorted(archives):
        yield from folders_in(archive)


def what_is_there(root: str, outside: list[str]) -> str:
    """Say what is under `root` instead of clips; `outside`: WAV files that are not in the corpus's layout."""
    if outside:
        return f"{len(outside)} WAV files outside its layout, e.g. {outside[0]}"
    names = sorted(os.listdir(root)) if os.path.isdir(root) else []
    return f"no WAV file but {', '.join(names[:5])}" if names else "no WAV file"
