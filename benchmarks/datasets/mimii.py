"""MIMII: normal and abnormal sound of four kinds of factory machine at three noise levels (Purohit et al., 2019)."""

import os
import re
import warnings
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from benchmarks.datasets.dataset import Clip, Dataset
from features import InputError, WavFile, ZipMember
from features.audio import open_archive

_LABELS = {"normal": 0, "abnormal": 1}
_MACHINES = ("valve", "pump", "fan", "slider")
_UNIT = re.compile(r"id_\d+")
_ARCHIVE = re.compile(r"\.zip(\?download=1)?$", re.IGNORECASE)  # the longer is what wget makes of Zenodo's address
_LEVEL = re.compile(  # what names the SNR: 6_dB_fan, 6dB, min6dB, -6_dB_fan
    rf"(?P<sign>[+-]|min(?:us)?_?)?(?P<level>\d{{1,2}})[_ ]?dB(?:_(?P<machine>{'|'.join(_MACHINES)}))?", re.IGNORECASE
)
_EXPECTED = (
    "expected 6_dB_fan.zip, or 6_dB_fan/fan/id_00/normal/00000000.wav and so on, for 6, 0 and -6 dB, "
    "valve, pump, fan and slider, as at https://zenodo.org/record/3384388"
)


@dataclass(frozen=True)
class Mimii(Dataset):
    """MIMII, public release 1.0: 16 kHz, 8 channels, 10 s; units id_00, id_02, id_04, id_06.

    `root` is a folder that holds, at any depth, the published archives (read in place), their unpacked trees, or any
    part of either; or one archive; or one machine's folder. The noise level is read from the nearest name above that
    states one (`6_dB_fan`, `6dB`, `min6dB`), `root` and the folders above it included.
    A clip found more than once is listed once, with a warning: files before archives, then in order of names.
    """

    root: Path

    name = "mimii"
    title = "MIMII"
    licence = "CC BY-SA 4.0"
    citation = """@inproceedings{purohit2019mimii,
  author    = {Purohit, Harsh and Tanabe, Ryo and Ichige, Kenji and Endo, Takashi and Nikaido, Yuki and
               Suefusa, Kaori and Kawaguchi, Yohei},
  title     = {{MIMII Dataset}: Sound Dataset for Malfunctioning Industrial Machine Investigation and Inspection},
  booktitle = {Proceedings of the Detection and Classification of Acoustic Scenes and Events 2019 Workshop
               (DCASE2019)},
  year      = {2019},
  doi       = {10.33682/m76f-d618},
  note      = {arXiv:1909.09347, data: Zenodo record 3384388}
}"""
    nearest_channel = {"valve": 0, "pump": 2, "fan": 4, "slider": 6}  # noqa: RUF012 - a constant of the class

    @property
    def identity(self) -> str:
        """The release; which clips of it are there is told by their names."""
        return "public 1.0"

    def clips(self) -> list[Clip]:
        """List all clips in order of their paths, which are the same for every layout; no audio is opened.

        Raises `InputError` where `root` is missing, holds no clip of the layout or a damaged archive, and where the
        noise level cannot be told. Warns of clips found twice and of WAV files outside the layout.
        """
        root = os.path.abspath(self.root)
        found: dict[str, Clip] = {}
        n_twice, outside = 0, list[str]()
        for folder in _folders(root):
            place = _place(folder)
            if place is None:
                outside += [f"{folder.where}/{name}" for name in folder.wavs]
                continue
            for name, member in folder.wavs.items():
                clip = _clip(folder, place, name, member)
                n_twice += clip.path in found
                found.setdefault(clip.path, clip)
        if not found:
            raise InputError(f"{root}: no MIMII clip, found {_content(root, outside)}; {_EXPECTED}")
        if n_twice:
            _warn(f"{root}: {n_twice} of {len(found)} clips found twice; used files before archives, in order of names")
        if outside:
            _warn(f"{root}: {len(outside)} WAV files outside the MIMII layout left out, e.g. {outside[0]}; {_EXPECTED}")
        return [found[path] for path in sorted(found)]


class _Folder(NamedTuple):
    """A folder, on disk or in an archive, that holds WAV files."""

    where: str
    parts: tuple[str, ...]  # the names of the folders, and of the archive, above the files
    wavs: Mapping[str, ZipMember | None]  # by file name; None on disk


class _Place(NamedTuple):
    machine: str
    unit: str
    snr_db: int
    label: int
    path: str  # the folder inside the corpus, as in the published archives


def _clip(folder: _Folder, place: _Place, name: str, member: ZipMember | None) -> Clip:
    if not name.isprintable():
        raise InputError(f"{folder.where}/{name!a}: name with unprintable characters; rename or remove the file")
    path = f"{place.path}/{name}"
    audio = member or WavFile(Path(folder.where, name), path)
    return Clip(place.machine, place.unit, float(place.snr_db), place.label, path, audio)


def _place(folder: _Folder) -> _Place | None:
    """Tell machine, unit, level and class from the names above a file; None outside the layout."""
    *above, unit, kind = ("", "", *folder.parts)
    stated = [_stated(part) for part in above]
    levels = [snr_db for snr_db, _ in stated if snr_db is not None]
    machines = [machine for _, machine in stated if machine]
    if kind not in _LABELS or not _UNIT.fullmatch(unit) or stated[-1] == (None, None) or not machines:
        return None
    if not levels:
        raise InputError(
            f"{folder.where}: no name above it states the noise level; put it in a folder named like the archive, "
            f"6_dB_{machines[-1]}, 0_dB_{machines[-1]} or -6_dB_{machines[-1]} (6dB, 0dB, min6dB will do)"
        )
    snr_db, machine = levels[-1], machines[-1]
    return _Place(machine, unit, snr_db, _LABELS[kind], f"{snr_db}_dB_{machine}/{machine}/{unit}/{kind}")


def _stated(part: str) -> tuple[int | None, str | None]:
    """Return the noise level in dB and the machine that the name of a folder or archive states."""
    if part.lower() in _MACHINES:
        return None, part.lower()
    level = _LEVEL.fullmatch(_ARCHIVE.sub("", part))
    if not level:
        return None, None
    snr_db = int(level["level"]) * (-1 if level["sign"] not in (None, "+") else 1)
    return snr_db, level["machine"] and level["machine"].lower()


def _folders(root: str) -> Iterator[_Folder]:
    """Yield what holds WAV files: first folders on disk, then those in archives."""
    archives = []
    if os.path.isdir(root):
        for where, names in _walk(root):
            if wavs := [name for name in names if name.lower().endswith(".wav")]:
                yield _Folder(where, Path(where).parts, dict.fromkeys(wavs))
            archives += [os.path.join(where, name) for name in names if _ARCHIVE.search(name)]
    elif os.path.isfile(root) and _ARCHIVE.search(root):
        archives = [root]
    else:
        found = "a file" if os.path.isfile(root) else "nothing"
        raise InputError(f"{root}: no folder or zip archive there, found {found}; {_EXPECTED}")
    for archive in sorted(archives):
        yield from _members(archive)


def _walk(root: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each folder with its files in order of names; real folders before linked ones, none twice."""
    seen = {_file_id(str(above)) for above in Path(os.path.realpath(root)).parents}  # a link upwards is not followed
    pending = deque([root])
    while pending:
        folder = pending.popleft()
        try:
            if _file_id(folder) in seen:
                continue
            seen.add(_file_id(folder))
            entries = sorted((e for e in os.scandir(folder) if not _is_hidden(e.name)), key=lambda e: e.name)
        except OSError as error:
            raise InputError(f"{folder}: cannot be listed ({error.strerror}); check its permissions") from error
        real = [e for e in entries if e.is_dir(follow_symlinks=False)]
        linked = [e for e in entries if e.is_symlink() and os.path.isdir(e.path)]
        pending.extendleft(e.path for e in reversed(real))
        pending.extend(e.path for e in linked)
        folders = {e.name for e in real + linked}
        yield folder, [e.name for e in entries if e.name not in folders]


def _members(path: str) -> Iterator[_Folder]:
    """Yield the folders of a zip archive, its directory read once."""
    folders: dict[str, dict[str, ZipMember]] = {}
    for entry in open_archive(Path(path)).infolist():
        inner, _, name = entry.filename.rpartition("/")
        if name.lower().endswith(".wav") and not _is_hidden(name):
            member = ZipMember(Path(path), entry.filename, entry.CRC, entry.file_size)
            folders.setdefault(inner, {})[name] = member  # of two with one name the last counts, as in zipfile
    for inner, members in sorted(folders.items()):
        parts = [part for part in inner.split("/") if part]
        if not any(map(_is_hidden, parts)):
            yield _Folder(f"{path}!{inner}", (*Path(path).parts, *parts), members)


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _file_id(path: str) -> tuple[int, int]:
    found = os.stat(path)
    return found.st_dev, found.st_ino


def _content(root: str, outside: list[str]) -> str:
    """Say what is there instead of clips."""
    if outside:
        return f"{len(outside)} WAV files outside its layout, e.g. {outside[0]}"
    names = sorted(os.listdir(root)) if os.path.isdir(root) else []
    return f"no WAV file but {', '.join(names[:5])}" if names else "no WAV file"


def _warn(message: str) -> None:
    warnings.warn(message, UserWarning, stacklevel=3)
