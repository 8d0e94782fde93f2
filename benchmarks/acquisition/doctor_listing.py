"""Lists what the doctor finds under a folder: archives, folders of clips, and faults in names and places."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.acquisition.callbacks import OnStep, ignore
from benchmarks.acquisition.disk import disk_errors, hash_file
from benchmarks.datasets import mimii_release
from benchmarks.datasets.dataset import Clip
from benchmarks.datasets.kept_channels import KeptChannels
from benchmarks.datasets.mimii import clip_of
from benchmarks.datasets.mimii_layout import EXPECTED, Place, place_of, why_misplaced
from benchmarks.datasets.mimii_release import Archive
from benchmarks.datasets.wav_folders import Folder, folder_of, folders_in, is_archive, walk, without_zip
from features import InputError

_NAME = re.compile(r"\d{8}\.wav")
_UNFINISHED = {
    ".part": "an unfinished download; the download command continues it, or delete it",
    ".bad": "a download with a wrong checksum; delete it",
    ".partial": "an unfinished mono store; the download command continues it, or delete it",
}
_MISNAMED = "misnamed; published names are like 00000000.wav, and splits depend on their order"
_OTHER_SOUND = (".flac", ".mp3", ".ogg", ".aif", ".aiff", ".m4a")

_LIKELY_CAUSE = {
    "cut short": "cut short: add .part to its name, and the download command fetches the rest",
    "another size": "it can be read, but is a part of the published archive, or was packed again",
}


@dataclass(frozen=True)
class Fault:
    """Something wrong, and where."""

    place: str
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"


@dataclass(frozen=True)
class FoundArchive:
    """An archive on disk."""

    path: Path
    n_bytes: int
    published: Archive | None  # what was published under its name
    n_clips: int
    state: str  # "whole", "verified" (checksum too) or what is wrong


@dataclass(frozen=True)
class FoundFolder:
    """The clips of one folder; those that another folder has too are left out."""

    where: str
    place: Place
    kind: str  # "archive", "tree" or "mono store"
    kept: KeptChannels | None
    clips: tuple[Clip, ...]


@dataclass
class Listing:
    """What has been found so far."""

    checksums: bool = False
    on_step: OnStep = ignore
    published: Sequence[Archive] = mimii_release.archives()
    faults: list[Fault] = field(default_factory=list)
    archives: list[FoundArchive] = field(default_factory=list)
    folders: list[FoundFolder] = field(default_factory=list)
    seen: dict[str, str] = field(default_factory=dict)  # path inside the corpus -> folder that it is used from

    def add_fault(self, place: str, text: str) -> None:
        """Add a fault."""
        self.faults.append(Fault(place, text))

    def add_error(self, place: str, error: InputError) -> None:
        """Add the error of a reader as a fault, naming the place once."""
        self.add_fault(place, str(error).removeprefix(f"{place}: "))

    def add_deviations(self, found: dict[str, list[str]], where: str, n_clips: int) -> None:
        """Add a fault for each clip that deviates, or one for the folder where all of its clips deviate in one way.

        found: what is wrong -> names of the clips. n_clips: in the folder `where`.
        """
        for text, names in found.items():
            if 1 < len(names) == n_clips:
                self.add_fault(where, f"all {n_clips} clips: {text}")
            else:
                for name in names:
                    self.add_fault(name, text)

    def list_all(self, root: str) -> None:
        """List a folder, files before archives, or one archive. Raises `InputError` where there is neither."""
        archives = [root] if os.path.isfile(root) and is_archive(root) else []
        if not archives and not os.path.isdir(root):
            raise InputError(f"{root}: no folder or zip archive there; {EXPECTED}")
        for where, names in walk(root, lambda message: self.add_fault(*message.split(": ", 1))) if not archives else ():
            archives += [os.path.join(where, name) for name in names if is_archive(name)]
            self._add_other_files(where, names)
            if folder := folder_of(where, names):
                self._add(folder, "mono store" if folder.has_channels else "tree")
        for archive in sorted(archives):
            self._add_archive(archive)

    def _add_other_files(self, where: str, names: list[str]) -> None:
        hidden = sorted(entry.name for entry in os.scandir(where) if entry.name.endswith(".partial"))
        for name in [*names, *hidden]:
            suffix = os.path.splitext(name)[1].lower()
            if suffix in _UNFINISHED:
                self.add_fault(os.path.join(where, name), _UNFINISHED[suffix])
            elif suffix in _OTHER_SOUND:
                self.add_fault(
                    os.path.join(where, name), f"sound in the format {suffix[1:]}, which is not read; convert it to WAV"
                )

    def _add(self, folder: Folder, kind: str) -> None:
        try:
            place = place_of(folder)
            kept = KeptChannels.read(Path(folder.where)) if folder.has_channels else None
        except InputError as error:
            self.add_error(folder.where, error)
            return
        if place is None:
            self.add_fault(folder.where, f"{len(folder.wavs)} WAV files outside the layout: {why_misplaced(folder)}")
            return
        clips, deviations = [], dict[str, list[str]]()
        for name, member in folder.wavs.items():
            where = f"{folder.where}/{name}"
            try:
                clip = clip_of(folder, place, name, member, kept)
            except InputError as error:
                self.add_error(where, error)
                continue
            if not _NAME.fullmatch(name):
                deviations.setdefault(_MISNAMED, []).append(where)
            first = self.seen.setdefault(clip.path, folder.where)
            if first == folder.where:
                clips.append(clip)
            else:
                deviations.setdefault(f"a copy of the clip in {first}; delete one of them", []).append(where)
        self.add_deviations(deviations, folder.where, len(folder.wavs))
        self.folders.append(FoundFolder(folder.where, place, kind, kept, tuple(clips)))

    def _add_archive(self, path: str) -> None:
        n_bytes = os.path.getsize(path)
        stem = without_zip(os.path.basename(path))
        published = next((archive for archive in self.published if archive.stem == stem), None)
        state, n_clips = "whole" if published else "not a published name", 0
        try:
            for folder in folders_in(path):
                n_clips += len(folder.wavs)
                self._add(folder, "archive")
        except InputError as error:
            state = "damaged"
            self.add_error(path, error)
        if published and n_bytes != published.n_bytes:
            state = "cut short" if state == "damaged" and n_bytes < published.n_bytes else "another size"
            self.add_fault(path, f"{n_bytes} bytes, but {published.n_bytes} were published; {_LIKELY_CAUSE[state]}")
        elif published and self.checksums:
            state = self._checksum(path, published)
        if not n_clips and state != "damaged" and state != "cut short":
            self.add_fault(path, "holds no WAV file")
        self.archives.append(FoundArchive(Path(path), n_bytes, published, n_clips, state))

    def _checksum(self, path: str, published: Archive) -> str:
        with disk_errors(Path(path), 0):
            found = hash_file(Path(path), self.on_step).hexdigest()
        if found == published.md5:
            return "verified"
        self.add_fault(path, f"MD5 {found}, but {published.md5} was published; download it again")
        return "wrong checksum"
