"""Own recordings: sound files in folders normal/ and abnormal/, or with a label.csv that states the class of each."""

import hashlib
import os
import re
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar, NamedTuple

from benchmarks.datasets.dataset import Clip, Dataset
from benchmarks.datasets.label_csv import LABEL_FILE, Label, read_labels
from benchmarks.datasets.mimii_layout import LABELS
from benchmarks.datasets.own_corpus import contents, hash_of, short_name
from benchmarks.datasets.wav_folders import WAV, Folder, wav_folders, what_is_there, without_zip
from features import AudioSource, InputError, WavFile
from features.formats.compressed import ENDINGS, CompressedSound
from features.resample import METHOD, Resampled

EXPECTED = (
    "expected <machine>/<unit>/normal/*.wav and <machine>/<unit>/abnormal/*.wav (or .flac, .ogg, .mp3), "
    f"or such files and a {LABEL_FILE} with the columns file_id, abnormal, split"
)
LEFT_OUT = "that cannot be read"  # in the identity and the title of a corpus without its unreadable clips
READ = (*WAV, *ENDINGS)
NOT_READ = (".aac", ".aif", ".aiff", ".au", ".caf", ".m4a", ".mp4", ".rf64", ".w64", ".wma")
_LEVEL = re.compile(r"(?P<sign>[+-]|min(?:us)?_?)?(?P<level>\d{1,2})[_ ]?dB(?:[_.].*)?", re.IGNORECASE)


@dataclass(frozen=True)
class RecordingFolder(Dataset):
    """WAV, FLAC, Ogg and MP3 files of any rate, length and number of channels, at any depth, or in zip archives.

    They lie in one of two layouts:

    - `<machine>/<unit>/normal/` and `/abnormal/`, with any names; a folder above like `6dB` or `6_dB_press` states the
      noise level; without such a folder it is None;
    - `label.csv` in `root`, with `file_id` (a file's name, or its path below `root`, with or without its ending),
      `abnormal` (0, 1), `split` (train, valid, validation, test), and optionally `machine` and `unit`. Only normal
      clips train and validate: an abnormal clip in train is an error, one in validation is left out with a warning.

    `sample_rate` is in Hz. A clip of another rate is resampled to it; with `resample=False` it is an error.
    `left_out`: paths of clips that are not used, because they cannot be read; the identity and the title count them.
    """

    root: Path
    resample: bool = True
    sample_rate: int = 16_000  # type: ignore[misc]  # a field here, so that own recordings can keep their rate
    left_out: frozenset[str] = frozenset()

    name: ClassVar[str] = "folder"
    title: ClassVar[str] = "Own recordings"
    licence: ClassVar[str] = "that of the recordings"
    citation: ClassVar[str] = "@misc{own_recordings,\n  title = {Own recordings},\n  note  = {not published}\n}"

    def __post_init__(self) -> None:
        if self.sample_rate < 1:
            raise InputError(f"folder: sample_rate={self.sample_rate}; give a rate in Hz, such as 16000")

    @property
    def official_split(self) -> str:  # type: ignore[override]
        """`labels` where there is a label.csv, else `code`."""
        return "labels" if self._label_file.is_file() else "code"

    @cached_property
    def identity(self) -> str:
        """Names, sizes and times (or checksums) of all clips, and what happens to clips of another rate."""
        found = hashlib.sha256("\n".join(clip.audio.identity for clip in self._listed).encode()).hexdigest()[:16]
        other = f"resampled to it by librosa {METHOD}" if self.resample else "refused"
        return f"{len(self._listed)} clips {found}, {self.sample_rate} Hz, other rates {other}{self._without}"

    @cached_property
    def folder(self) -> str:
        """The name of the folder of recordings, and a hash of what is in it: `folder-press-1f0c93aa`.

        Other recordings have another hash, a copy elsewhere has the same. Raises `InputError` as `clips` does.
        """
        return f"{self.name}-{self._short}"

    @property
    def full_title(self) -> str:
        """The title, the name and hash of the folder, and how many clips are left out."""
        return f"{self.title} {self._short}{self._without}"

    @cached_property
    def _short(self) -> str:
        settings = f"{self.resample} {self.sample_rate}"
        return f"{short_name(Path(self.root))}-{hash_of([settings, *contents(self._listed)])}"

    @property
    def _without(self) -> str:
        n = len(self.left_out)
        return f", without {n} clip{'s' * (n > 1)} {LEFT_OUT}" if n else ""

    def clips(self) -> list[Clip]:
        """List all clips, sorted by path, without opening audio.

        Raises `InputError` where `root` is missing or holds no clips, and where label.csv is wrong. Warns of files
        that are not clips, of formats that are not read, of clips found twice, and of abnormal clips that validate.
        """
        return list(self._listed)

    @property
    def _label_file(self) -> Path:
        return Path(self.root) / LABEL_FILE

    @cached_property
    def _listed(self) -> tuple[Clip, ...]:
        root = os.path.abspath(self.root)
        folders = list(_readable(root, wav_folders(root, EXPECTED, READ + NOT_READ)))
        clips = self._labelled(root, folders) if self._label_file.is_file() else self._by_names(root, folders)
        if not clips:
            outside = [f"{folder.where}/{name}" for folder in folders for name in folder.wavs]
            raise InputError(f"{root}: no clips, found {what_is_there(root, outside)}; {EXPECTED}")
        used = [clip for clip in clips if clip.path not in self.left_out]
        if not used:
            raise InputError(f"{root}: none of its {len(clips)} clips can be read; run doctor --dataset folder")
        return tuple(sorted(used, key=lambda clip: clip.path))

    def _by_names(self, root: str, folders: list[Folder]) -> list[Clip]:
        found: dict[str, Clip] = {}
        outside, n_twice = list[str](), 0
        for folder in folders:
            place = _place(folder)
            for name in folder.wavs:
                if place is None:
                    outside.append(f"{folder.where}/{name}")
                    continue
                path = f"{place.path}/{name}"
                n_twice += path in found
                clip = Clip(place.machine, place.unit, place.snr_db, place.label, path, self._audio(folder, name, path))
                found.setdefault(path, clip)
        if n_twice:
            _warn(f"{root}: {n_twice} of {len(found)} clips found twice; files come before archives, in order of names")
        if outside and found:
            _warn(f"{root}: {len(outside)} sound files in no folder normal or abnormal are left out, e.g. {outside[0]}")
        return list(found.values())

    def _labelled(self, root: str, folders: list[Folder]) -> list[Clip]:
        sounds = {path: (folder, name) for folder in folders for name, path in _paths(root, folder)}
        labels = read_labels(self._label_file, list(sounds))
        unnamed = [path for path in sounds if path not in labels]
        if unnamed:
            _warn(f"{root}: {len(unnamed)} sound files that {LABEL_FILE} does not name are left out, e.g. {unnamed[0]}")
        unused = {path: label for path, label in labels.items() if label.split == "validation" and label.abnormal}
        if unused:
            _warn(
                f"{self._label_file}: {len(unused)} abnormal clips in the validation part are left out, since only "
                f"normal clips may validate, e.g. {next(iter(unused))}; move them to test to evaluate them"
            )
        used = [path for path in labels if path not in unused]
        return [self._labelled_clip(root, path, labels[path], *sounds[path]) for path in used]

    def _labelled_clip(self, root: str, path: str, label: Label, folder: Folder, name: str) -> Clip:
        machine = label.machine or without_zip(os.path.basename(root))
        audio = self._audio(folder, name, path)
        return Clip(machine, label.unit or "unit_00", None, label.abnormal, path, audio, label.split)

    def _audio(self, folder: Folder, name: str, path: str) -> AudioSource:
        if not name.isprintable():
            raise InputError(f"{folder.where}/{name!a}: name with unprintable characters; rename or remove the file")
        file = folder.wavs[name] or WavFile(Path(folder.where, name), path)
        audio: AudioSource = file if name.lower().endswith(WAV) else CompressedSound(file)
        return Resampled(audio, self.sample_rate) if self.resample else audio


def _readable(root: str, folders: Iterator[Folder]) -> Iterator[Folder]:
    """Yield the folders with the files that are read; warn of those in other formats of sound."""
    others = list[str]()
    for folder in folders:
        wavs = {name: member for name, member in folder.wavs.items() if name.lower().endswith(READ)}
        others += [f"{folder.where}/{name}" for name in folder.wavs if name not in wavs]
        if wavs:
            yield folder._replace(wavs=wavs)
    if others:
        counts = Counter(os.path.splitext(name)[1].lower() for name in others)
        found = ", ".join(f"{n} {ending}" for ending, n in sorted(counts.items()))
        _warn(
            f"{root}: {len(others)} sound files in formats that are not read are left out ({found}), "
            f"e.g. {others[0]}; convert them to WAV or FLAC"
        )


class _Place(NamedTuple):
    machine: str
    unit: str
    snr_db: float | None
    label: int
    path: str  # the folder inside the corpus, as in MIMII


def _place(folder: Folder) -> _Place | None:
    """Read machine, unit, noise level and class from the names above a file; None where no name states the class."""
    parts = ["", "", "", *(without_zip(part) for part in folder.parts)]
    above, unit, kind = parts[:-2], parts[-2], parts[-1]
    if kind not in LABELS:
        return None
    levels = [(part, level) for part in above if (level := _LEVEL.fullmatch(part))]
    machine = above[-2] if levels and levels[-1][0] == above[-1] else above[-1]  # 6dB/fan/id_00 or fan/6dB/id_00
    if not levels:
        return _Place(machine, unit, None, LABELS[kind], f"{machine}/{unit}/{kind}")
    level = levels[-1][1]
    snr_db = float(level["level"]) * (-1 if level["sign"] not in (None, "+") else 1)
    return _Place(machine, unit, snr_db, LABELS[kind], f"{snr_db:g}_dB_{machine}/{machine}/{unit}/{kind}")


def _paths(root: str, folder: Folder) -> Iterator[tuple[str, str]]:
    """Yield the name of each sound file of a folder and its path below `root`."""
    below = folder.parts[len(Path(root).parts) :]
    for name in folder.wavs:
        yield name, "/".join((*below, name))


def _warn(message: str) -> None:
    warnings.warn(message, UserWarning, stacklevel=4)
