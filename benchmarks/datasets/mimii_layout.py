"""The layouts that MIMII is found in: which names, on disk and inside archives, say machine, unit, level and class."""

import os
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from features import InputError, ZipMember
from features.audio import open_archive

MACHINES = ("valve", "pump", "fan", "slider")
LABELS = {"normal": 0, "abnormal": 1}
CHANNELS_FILE = "channels.json"  # beside the WAV files of a mono store, see kept_channels.py
EXPECTED = (
    "expected 6_dB_fan.zip, or 6_dB_fan/fan/id_00/normal/00000000.wav and so on, for 6, 0 and -6 dB, "
    "valve, pump, fan and slider, as at https://zenodo.org/record/3384388"
)
_UNIT = re.compile(r"id_\d+")
_ARCHIVE = re.compile(r"\.zip(\?download=1)?$", re.IGNORECASE)  # the longer is what wget makes of Zenodo's address
_LEVEL = re.compile(  # what names the SNR: 6_dB_fan, 6dB, min6dB, -6_dB_fan
    rf"(?P<sign>[+-]|min(?:us)?_?)?(?P<level>\d{{1,2}})[_ ]?dB(?:_(?P<machine>{'|'.join(MACHINES)}))?", re.IGNORECASE
)


class Folder(NamedTuple):
    """A folder, on disk or in an archive, that holds WAV files."""

    where: str
    parts: tuple[str, ...]  # the names of the folders, and of the archive, above the files
    wavs: Mapping[str, ZipMember | None]  # by file name; None on disk
    has_channels: bool = False  # whether a mono store's list of channels lies beside them


class Place(NamedTuple):
    """What the names above a clip say."""

    machine: str
    unit: str
    snr_db: int
    label: int
    path: str  # the folder inside the corpus, as in the published archives


def place_of(folder: Folder) -> Place | None:
    """Tell machine, unit, level and class from the names above a file; None outside the layout.

    Raises `InputError` where all but the noise level is told.
    """
    *above, unit, kind = ("", "", *folder.parts)
    stated = [_stated(part) for part in above]
    levels = [snr_db for snr_db, _ in stated if snr_db is not None]
    machines = [machine for _, machine in stated if machine]
    if kind not in LABELS or not _UNIT.fullmatch(unit) or stated[-1] == (None, None) or not machines:
        return None
    if not levels:
        raise InputError(
            f"{folder.where}: no name above it states the noise level; put it in a folder named like the archive, "
            f"6_dB_{machines[-1]}, 0_dB_{machines[-1]} or -6_dB_{machines[-1]} (6dB, 0dB, min6dB will do)"
        )
    snr_db, machine = levels[-1], machines[-1]
    return Place(machine, unit, snr_db, LABELS[kind], f"{snr_db}_dB_{machine}/{machine}/{unit}/{kind}")


def why_misplaced(folder: Folder) -> str:
    """Say which name above its WAV files keeps a folder out of the layout."""
    *above, unit, kind = ("", "", *folder.parts)
    if kind not in LABELS:
        return f"the folder {kind!r} should be called normal or abnormal"
    if not _UNIT.fullmatch(unit):
        return f"the folder {unit!r} should be called like id_00"
    return f"the folder {above[-1]!r} should be called {', '.join(MACHINES[:-1])} or {MACHINES[-1]}, or like 6_dB_fan"


def _stated(part: str) -> tuple[int | None, str | None]:
    """Return the noise level in dB and the machine that the name of a folder or archive states."""
    if part.lower() in MACHINES:
        return None, part.lower()
    level = _LEVEL.fullmatch(_ARCHIVE.sub("", part))
    if not level:
        return None, None
    snr_db = int(level["level"]) * (-1 if level["sign"] not in (None, "+") else 1)
    return snr_db, level["machine"] and level["machine"].lower()


def is_archive(name: str) -> bool:
    return _ARCHIVE.search(name) is not None


def published_name(name: str) -> str:
    """Return an archive's name as it was published, without what wget added."""
    return _ARCHIVE.sub(".zip", name)


def folder_of(where: str, names: list[str]) -> Folder | None:
    """Return a folder on disk by its WAV files; None where it holds none."""
    wavs = [name for name in names if name.lower().endswith(".wav")]
    return Folder(where, Path(where).parts, dict.fromkeys(wavs), CHANNELS_FILE in names) if wavs else None


def folders_in(archive: str) -> Iterator[Folder]:
    """Yield the folders of a zip archive, its directory read once. Raises `InputError` where it is damaged."""
    folders: dict[str, dict[str, ZipMember]] = {}
    for entry in open_archive(Path(archive)).infolist():
        inner, _, name = entry.filename.rpartition("/")
        if name.lower().endswith(".wav") and not is_hidden(name):
            member = ZipMember(Path(archive), entry.filename, entry.CRC, entry.file_size)
            folders.setdefault(inner, {})[name] = member  # of two with one name the last counts, as in zipfile
    for inner, members in sorted(folders.items()):
        parts = [part for part in inner.split("/") if part]
        if not any(map(is_hidden, parts)):
            yield Folder(f"{archive}!{inner}", (*Path(archive).parts, *parts), members)


def _refuse(message: str) -> None:
    raise InputError(message)


def walk(root: str, on_error: Callable[[str], None] = _refuse) -> Iterator[tuple[str, list[str]]]:
    """Yield each folder with its files in order of names; real folders before linked ones, none twice.

    Hidden names are passed over. `on_error` is told of a folder that cannot be listed; without it, `InputError`.
    """
    seen = {_file_id(str(above)) for above in Path(os.path.realpath(root)).parents}  # a link upwards is not followed
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
    return name.startswith(".") or name == "__MACOSX"


def _file_id(path: str) -> tuple[int, int]:
    found = os.stat(path)
    return found.st_dev, found.st_ino
