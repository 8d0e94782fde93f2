"""DCASE Task 2 and related corpora: the names of files state section, domain, part and class.

    2020          fan/train/normal_id_00_00000000.wav, fan/test/anomaly_id_00_00000000.wav
    2021          fan/train/section_00_source_train_normal_0000_<attributes>.wav, fan/source_test/, fan/target_test/
    2022 to 2025  the same names, fan/test/ for both domains; 2025 also has fan/supplemental/

In evaluation sets no name states the class (`id_05_00000000.wav`, `section_03_source_test_0000.wav`), from 2022 on
also the domain (`section_00_0000.wav`). The editions, one class each, are in `dcase_editions.py`.
"""

import os
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple

from benchmarks.datasets.dataset import Clip, Dataset
from benchmarks.datasets.wav_folders import Folder, wav_folders, what_is_there
from features import InputError, WavFile, ZipMember

Layout = Literal[2020, 2021, 2022]  # the first year of its use

EXPECTED: dict[Layout, str] = {
    2020: "expected fan/train/normal_id_00_00000000.wav, fan/test/anomaly_id_00_00000000.wav and so on",
    2021: "expected fan/train/section_00_source_train_normal_0000_....wav, fan/source_test/..., fan/target_test/...",
    2022: "expected fan/train/section_00_source_train_normal_0000_....wav, fan/test/section_00_source_test_...",
}
_PARTS = {"train": "train", "test": "test", "source_test": "test", "target_test": "test"}
_IGNORED = "supplemental"  # noise or clean machine sound; belongs to neither part
_LABELS = {"normal": 0, "anomaly": 1, None: None}
_ID = re.compile(r"(?:(?P<kind>normal|anomaly)_)?(?P<unit>id_\d\d)_\d+\.wav")
_SECTION = re.compile(
    r"(?P<unit>section_\d\d)(?:_(?P<domain>source|target))?(?:_(?:train|test))?(?:_(?P<kind>normal|anomaly))?"
    r"_\d+(?:_(?P<attributes>.*))?\.wav"
)
_STATED = re.compile(r"dcase[ _-]?(?P<year>20\d\d)|mimii[ _-]?(?P<sister>due|dg)(?![a-z])", re.IGNORECASE)


class Recording(NamedTuple):
    """A WAV file in one of the layouts."""

    folder: Folder
    name: str
    machine: str
    place: str  # its folder: train, test, source_test, target_test
    match: re.Match[str]
    stated: str | None  # the edition that a folder or archive above names: "dcase2023" of `dcase2023t2`

    @property
    def has_section(self) -> bool:
        return self.match.re is _SECTION


class Found(NamedTuple):
    """What a root holds: recordings of any layout, WAV files outside the layouts, whether any are supplemental."""

    recordings: list[Recording]
    outside: list[str]
    supplemental: bool


@dataclass(frozen=True)
class Dcase(Dataset):
    """One edition: 16 kHz, one channel, 6 to 18 s; training clips are normal, test clips of both classes or secret.

    `root` is a folder that holds, at any depth, the published archives (read in place), their unpacked trees, or any
    part of either. A unit is a section, or an id in 2020. Recordings below a folder that names another edition
    (`dcase2021t2`) are left out, and so is `supplemental/`. A clip found more than once is listed once, with a warning.
    """

    root: Path

    layout: ClassVar[Layout]
    sample_rate: ClassVar[int] = 16_000
    official_split: ClassVar[str] = "labels"

    @property
    def identity(self) -> str:
        """The title of the edition. Which of its clips are there is seen from their names."""
        return self.title

    def clips(self) -> list[Clip]:
        """List all clips, sorted by path. A path is `<machine>/<train|test>/<name>` in every layout.

        Raises `InputError` where `root` is missing, holds no clip of this edition or a damaged archive. Warns of clips
        found twice and of WAV files that are not clips of this edition.
        """
        root = os.path.abspath(self.root)
        recordings, outside, _ = find_recordings(root, EXPECTED[self.layout])
        chosen = list[Recording]()
        for recording in recordings:
            if self._is_of_edition(recording):
                chosen.append(recording)
            else:
                outside.append(f"{recording.folder.where}/{recording.name}")
        self._check(root, chosen, outside)
        found: dict[str, Clip] = {}
        for recording in chosen:
            clip = _clip(recording)
            found.setdefault(clip.path, clip)
        if n_twice := len(chosen) - len(found):
            _warn(f"{root}: {n_twice} of {len(found)} clips found twice; files come before archives, in order of names")
        if outside:
            _warn(f"{root}: {len(outside)} WAV files are not clips of {self.title} and are left out, e.g. {outside[0]}")
        return [found[path] for path in sorted(found)]

    def _is_of_edition(self, recording: Recording) -> bool:
        return recording.has_section == (self.layout > 2020) and recording.stated in (None, self.name)

    def _check(self, root: str, chosen: list[Recording], outside: list[str]) -> None:
        expected = f"{EXPECTED[self.layout]}, below no folder that names another edition"
        if not chosen:
            raise InputError(f"{root}: no clip of {self.title}, found {what_is_there(root, outside)}; {expected}")
        shifted = [recording for recording in chosen if recording.place not in ("train", "test")]
        if self.layout == 2022 and shifted:
            raise InputError(
                f"{shifted[0].folder.where}: {self.title} has no folder {shifted[0].place}, which is in the layout "
                "of 2021; choose --dataset dcase2021 or mimii_due, or give a folder that holds only one edition"
            )


def find_recordings(root: str, expected: str) -> Found:
    """Read the names of all WAV files under `root`. Raises `InputError`, with `expected`, where it is missing."""
    recordings, outside, supplemental = [], list[str](), False
    for folder in wav_folders(root, expected):
        machine, place = ("", "", *folder.parts)[-2:]
        if place == _IGNORED:
            supplemental = True
            continue
        stated = _stated(folder.parts)
        for name in folder.wavs:
            match = (
                (_ID.fullmatch(name) or _SECTION.fullmatch(name)) if place in _PARTS and name.isprintable() else None
            )
            if match:
                recordings.append(Recording(folder, name, machine, place, match, stated))
            else:
                outside.append(f"{folder.where}/{name}")
    return Found(recordings, outside, supplemental)


def _stated(parts: Sequence[str]) -> str | None:
    """Return the edition that the last of these names states, if one does."""
    for part in reversed(parts):
        if stated := _STATED.search(part):
            return f"dcase{stated['year']}" if stated["year"] else f"mimii_{stated['sister'].lower()}"
    return None


def _clip(recording: Recording) -> Clip:
    folder, name, machine, place, match, _ = recording
    named = match.groupdict()
    split = _PARTS[place]
    path = f"{machine}/{split}/{name}"
    label = _LABELS[named["kind"] or ("normal" if split == "train" else None)]
    domain = named.get("domain") or (place.removesuffix("_test") if place.endswith("_test") else None)
    member: ZipMember | None = folder.wavs[name]
    audio = member or WavFile(Path(folder.where, name), path)
    return Clip(machine, named["unit"], None, label, path, audio, split, domain, named.get("attributes") or "")


def _warn(message: str) -> None:
    warnings.warn(message, UserWarning, stacklevel=3)
