"""MIMII: normal and abnormal sound of four types of factory machine at three noise levels (Purohit et al., 2019)."""

import os
import warnings
from dataclasses import dataclass
from pathlib import Path

from benchmarks.datasets.dataset import Clip, Dataset
from benchmarks.datasets.kept_channels import KeptChannels, StoredClip
from benchmarks.datasets.mimii_layout import EXPECTED, Place, place_of
from benchmarks.datasets.wav_folders import Folder, wav_folders, what_is_there
from features import AudioSource, InputError, WavFile, ZipMember


@dataclass(frozen=True)
class Mimii(Dataset):
    """MIMII, public release 1.0: 16 kHz, 8 channels, 10 s; units id_00, id_02, id_04, id_06.

    `root` is a folder that holds, at any depth, the published archives (read in place), their unpacked trees, mono
    stores, or any part of these; or one archive; or one machine's folder. The noise level is read from the nearest
    name above that states one (`6_dB_fan`, `6dB`, `min6dB`), including `root` and the folders above it.
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
        """The release. Which of its clips are there is seen from their names."""
        return "public 1.0"

    def clips(self) -> list[Clip]:
        """List all clips, sorted by path, without opening audio. Paths are the same for every layout.

        Raises `InputError` where `root` is missing, holds no clip of the layout or a damaged archive, and where no
        name states the noise level. Warns of clips found twice and of WAV files outside the layout.
        """
        root = os.path.abspath(self.root)
        found: dict[str, Clip] = {}
        n_twice, outside = 0, list[str]()
        for folder in wav_folders(root, EXPECTED):
            place = place_of(folder)
            if place is None:
                outside += [f"{folder.where}/{name}" for name in folder.wavs]
                continue
            kept = KeptChannels.read(Path(folder.where)) if folder.has_channels else None
            for name, member in folder.wavs.items():
                clip = clip_of(folder, place, name, member, kept)
                n_twice += clip.path in found
                found.setdefault(clip.path, clip)
        if not found:
            raise InputError(f"{root}: no MIMII clip, found {what_is_there(root, outside)}; {EXPECTED}")
        if n_twice:
            _warn(f"{root}: {n_twice} of {len(found)} clips found twice; files come before archives, in order of names")
        if outside:
            _warn(
                f"{root}: {len(outside)} WAV files outside the MIMII layout are left out, e.g. {outside[0]}; {EXPECTED}"
            )
        return [found[path] for path in sorted(found)]


def clip_of(folder: Folder, place: Place, name: str, member: ZipMember | None, kept: KeptChannels | None) -> Clip:
    """Make the clip of one WAV file. Raises `InputError` where its name would break a table."""
    if not name.isprintable():
        raise InputError(f"{folder.where}/{name!a}: name with unprintable characters; rename or remove the file")
    path = f"{place.path}/{name}"
    audio: AudioSource = member or WavFile(Path(folder.where, name), path)
    if kept and isinstance(audio, WavFile):
        audio = StoredClip(audio, kept)
    return Clip(place.machine, place.unit, float(place.snr_db), place.label, path, audio)


def _warn(message: str) -> None:
    warnings.warn(message, UserWarning, stacklevel=3)
