"""The folders that hold WAV files under a corpus's root, on disk and in zip archives. Every recorded corpus uses it.

A corpus that reads other formats names their endings; its files are then listed in the place of WAV files alone.
"""

import os
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from features import InputError, ZipMember
from features.audio import open_archive

CHANNELS_FILE = "channels.json"  # beside the WAV files of a mono store, see kept_channels.py
WAV = (".wav",)  # the endings of the files that are listed, in lower case
_ARCHIVE = re.compile(r"\.zip(\?download=1)?$", re.IGNORECASE)  # wget appends the query of Zenodo's address


class Folder(NamedTuple):
    """A folder, on disk or in an archive, that holds WAV files."""

    where: str
    parts: tuple[str, ...]  # the names of the folders, and of the archive, above the files
    wavs: Mapping[str, ZipMember | None]  # by file name; None on disk
    has_channels: bool = False  # whether a mono store's list of channels lies beside them


def wav_folders(root: str, expected: str, endings: tuple[str, ...] = WAV) -> Iterator[Folder]:
    """Yield the folders with WAV files at or under `root`: first those on disk, then those in archives, by name.

    Raises `InputError` where `root` is neither a folder nor an archive; `expected` is added to its message.
    """
    archives = []
    if os.path.isdir(root):
        for where, names in walk(root):
            if folder := folder_of(where, names, endings):
                yield folder
            archives += [os.path.join(where, name) for name in names if is_archive(name)]
    elif os.path.isfile(root) and is_archive(root):
        archives = [root]
    else:
        found = "a file" if os.path.isfile(root) else "nothing"
        raise InputError(f"{root}: no folder or zip archive there, found {found}; {expected}")
    for archive in sorted(archives):
        yield from folders_in(archive, endings)


def what_is_there(root: str, outside: list[str]) -> str:
    """Return what is under `root` instead of clips; outside: WAV files that are not in the layout of the corpus."""
    if outside:
        return f"{len(outside)} WAV files outside its layout, e.g. {outside[0]}"
    names = sorted(os.listdir(root)) if os.path.isdir(root) else []
    return f"no WAV file but {', '.join(names[:5])}" if names else "no WAV file"


def is_archive(name: str) -> bool:
    """Whether a file's name is that of a zip archive."""
    return _ARCHIVE.search(name) is not None


def without_zip(name: str) -> str:
    """Return the name of an archive without its suffix, and any other name unchanged.

    >>> without_zip("6_dB_fan.zip?download=1"), without_zip("6_dB_fan")
    ('6_dB_fan', '6_dB_fan')
    """
    return _ARCHIVE.sub("", name)


def folder_of(where: str, names: list[str], endings: tuple[str, ...] = WAV) -> Folder | None:
    """Return a folder on disk by its WAV files; None where it holds none."""
    wavs = [name for name in names if name.lower().endswith(endings)]
    return Folder(where, Path(where).parts, dict.fromkeys(wavs), CHANNELS_FILE in names) if wavs else None


def folders_in(archive: str, endings: tuple[str, ...] = WAV) -> Iterator[Folder]:
    """Yield the folders of a zip archive, its directory read once. Raises `InputError` where it is damaged."""
    folders: dict[str, dict[str, ZipMember]] = {}
    for entry in open_archive(Path(archive)).infolist():
        inner, _, name = entry.filename.rpartition("/")
        if name.lower().endswith(endings) and not is_hidden(name):
            member = ZipMember(Path(archive), entry.filename, entry.CRC, entry.file_size)
            folders.setdefault(inner, {})[name] = member  # of two members with one name the last counts, as in zipfile
    for inner, members in sorted(folders.items()):
        parts = [part for part in inner.split("/") if part]
        if not any(map(is_hidden, parts)):
            yield Folder(f"{archive}!{inner}", (*Path(archive).parts, *parts), members)


def _refuse(message: str) -> None:
    raise InputError(message)


def walk(root: str, on_error: Callable[[str], None] = _refuse) -> Iterator[tuple[str, list[str]]]:
    """Yield each folder with its files in order of names; real folders before linked ones, none twice.

    Hidden names are skipped. `on_error` receives a message for each folder that cannot be listed; without it, the
    message is raised as `InputError`.
    """
    seen = {
        _file_id(str(above)) for above in Path(os.path.realpath(root)).parents
    }  # a link to a folder above is not followed
    pending = deque([root])
    while pending:
        folder = pending.popleft()
        try:
            if _file_id(folder) in seen:
                continue
            seen.add(_file_id(folder))
            entries = sorted((e for e in os.scandir(folder) if not is_hidden(e.name)), key=lambda e: e.name)
        except OSError as error:
            on_error(f"{folder}: cannot be listed ({error.strerror}); check its permissions")
            continue
        real = [e for e in entries if e.is_dir(follow_symlinks=False)]
        linked = [e for e in entries if e.is_symlink() and os.path.isdir(e.path)]
        pending.extendleft(e.path for e in reversed(real))
        pending.extend(e.path for e in linked)
        folders = {e.name for e in real + linked}
        yield folder, [e.name for e in entries if e.name not in folders]


def is_hidden(name: str) -> bool:
    """Whether a file or folder is none of the corpus's, by its name."""
    return name.startswith(".") or name == "__MACOSX"


def _file_id(path: str) -> tuple[int, int]:
    found = os.stat(path)
    return found.st_dev, found.st_ino
