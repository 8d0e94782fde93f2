"""Makes a mono store: some channels of an archive, without loss. Each takes an eighth of the unpacked size.

    <data>/6_dB_fan/channels.json                    marks the store and lists the channels that it keeps
    <data>/6_dB_fan/fan/id_00/normal/channels.json   the same list; it stays with the clips when they are moved
    <data>/6_dB_fan/fan/id_00/normal/00000000.wav    16 bit PCM, the kept channels, in the given order

A store is built in the hidden folder `<data>/.6_dB_fan.partial`. It gets its name only when each clip has been read
back and is equal to that of the archive. A store that lacks a channel cannot give the mean over all channels.
"""

import os
import shutil
import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.acquisition.callbacks import OnStep, ignore
from benchmarks.acquisition.disk import disk_errors
from benchmarks.datasets.kept_channels import KeptChannels, StoredClip
from benchmarks.datasets.mimii import clip_of
from benchmarks.datasets.mimii_layout import place_of
from benchmarks.datasets.mimii_release import RECORDED
from benchmarks.datasets.wav_folders import CHANNELS_FILE, folders_in, is_hidden
from features import InputError, WavFile, ZipMember
from features.audio import open_archive

_FULL_SCALE = 2.0**15  # of 16 bits


def store_of(archive: Path) -> Path:
    """Return the folder of an archive's store.

    >>> store_of(Path("data/6_dB_fan.zip")).name
    '6_dB_fan'
    """
    return archive.with_name(archive.name.removesuffix(".zip"))


def partial_of(archive: Path) -> Path:
    """Return the folder in which an archive's store is built.

    >>> partial_of(Path("data/6_dB_fan.zip")).name
    '.6_dB_fan.partial'
    """
    return archive.with_name(f".{store_of(archive).name}.partial")


def has_store(archive: Path, channels: Sequence[int]) -> bool:
    """Whether the store of an archive exists and keeps these channels.

    Raises `InputError` where its folder holds something else, which is never overwritten.
    """
    store = store_of(archive)
    if not store.exists():
        return False
    if not (store / CHANNELS_FILE).is_file():
        raise InputError(f"{store}: exists, but is not a mono store; move it away, or keep the archives as they are")
    kept = KeptChannels.read(store)
    if missing := sorted(set(channels) - set(kept.channels)):
        raise InputError(
            f"{store}: keeps channels {kept.text}, but --keep-channels also names {', '.join(map(str, missing))}; "
            "move the folder away, and the store is made again from the archive"
        )
    return True


def make_store(archive: Path, channels: Sequence[int], on_step: OnStep = ignore) -> Path:
    """Make the mono store of an archive, or compare the existing one clip by clip; return its folder.

    Continues where an earlier call was interrupted. Raises `InputError` where the archive holds anything but clips of
    the layout, a clip is not 16 bit or lacks a channel, the disk is full, or a stored clip differs.
    """
    clips = _clips(archive)
    kept = KeptChannels(tuple(channels), RECORDED, archive.name)
    store, partial = store_of(archive), partial_of(archive)
    is_made = has_store(archive, channels)
    folder = store if is_made else _prepare(partial, kept)
    done, total = 0, sum(member.n_bytes for member in clips.values())
    on_step("storing", archive.name, done, total)
    for path, member in clips.items():
        file = folder / path
        sound, sample_rate = _read(member, channels)
        if not _holds(file, channels, sound, sample_rate):
            if is_made:
                raise InputError(f"{file}: missing, or differs from {archive}!{member.member}; move {store} away")
            with disk_errors(file, len(channels) * (total - done) // RECORDED):
                _write(file, kept, _pcm(sound, member), sample_rate)
            if not _holds(file, channels, sound, sample_rate):
                raise InputError(f"{file}: read back, it differs from what was written; check the disk")
        done += member.n_bytes
        on_step("storing", archive.name, done, total)
    if not is_made:
        with disk_errors(store, 0):
            os.rename(partial, store)
    return store


def _clips(archive: Path) -> dict[str, ZipMember]:
    """Return path inside the store -> clip. Raises `InputError` where the archive holds files that would be lost."""
    clips, stem = {}, store_of(archive).name
    for folder in folders_in(str(archive)):
        place = place_of(folder)
        for name, member in folder.wavs.items():
            if place is None or member is None:
                continue
            clip = clip_of(folder, place, name, member, None)
            if not clip.path.startswith(f"{stem}/") or {"\\", ":"} & set(name):
                raise InputError(f"{archive}!{member.member}: does not belong in {archive.name}; keep the archive")
            clips[clip.path.removeprefix(f"{stem}/")] = member
    members = {member.member for member in clips.values()}
    others = [entry.filename for entry in open_archive(archive).infolist() if entry.filename not in members]
    others = [name for name in others if not (name.endswith("/") or any(map(is_hidden, name.split("/"))))]
    if others or not clips:
        raise InputError(
            f"{archive}: {len(clips)} clips of the layout, and {len(others)} other files that a mono store would lose"
            f"{f', e.g. {others[0]!a}' if others else ''}; keep the archive"
        )
    return clips


def _prepare(partial: Path, kept: KeptChannels) -> Path:
    """Prepare the folder of an unfinished store; one with other channels is deleted."""
    with disk_errors(partial, 0):
        if partial.exists() and not _is_of(partial, kept):
            shutil.rmtree(partial)
        partial.mkdir(parents=True, exist_ok=True)
        kept.write(partial)
    return partial


def _is_of(folder: Path, kept: KeptChannels) -> bool:
    try:
        return KeptChannels.read(folder) == kept
    except InputError:
        return False


def _read(member: ZipMember, channels: Sequence[int]) -> tuple[np.ndarray, int]:
    """Return the channels of a clip `(n_samples, n_kept) float32` and its sample rate in Hz."""
    sounds = [member.read(channel) for channel in channels]
    return np.stack([sound for sound, _ in sounds], axis=1), sounds[0][1]


def _holds(file: Path, channels: Sequence[int], sound: np.ndarray, sample_rate: int) -> bool:
    """Whether a stored clip exists and is equal to that of the archive, sample for sample."""
    if not file.exists():
        return False
    try:
        stored = StoredClip(WavFile(file), KeptChannels.read(file.parent))
        found = [stored.read(channel) for channel in channels]
    except InputError:
        return False
    return all(rate == sample_rate and np.array_equal(kept, sound[:, i]) for i, (kept, rate) in enumerate(found))


def _pcm(sound: np.ndarray, member: ZipMember) -> np.ndarray:
    """Return the recorded samples, `(n_samples, n_kept) int16`."""
    scaled = sound * np.float32(_FULL_SCALE)  # exact: a power of two
    if not (np.array_equal(scaled, np.rint(scaled)) and scaled.min() >= -_FULL_SCALE and scaled.max() < _FULL_SCALE):
        raise InputError(f"{member.archive}!{member.member}: finer than the 16 bit of a mono store; keep the archive")
    return scaled.astype("<i2")


def _write(file: Path, kept: KeptChannels, pcm: np.ndarray, sample_rate: int) -> None:
    """Write a clip under a temporary name and rename it, so that a clip with its own name is complete."""
    file.parent.mkdir(parents=True, exist_ok=True)
    kept.write(file.parent)
    unfinished = file.with_name(f".{file.name}.part")
    with open(unfinished, "wb") as stream:
        with wave.open(stream, "wb") as wav:
            wav.setnchannels(pcm.shape[1])
            wav.setsampwidth(2)
            wav.setframerate(sample_rate)
            wav.writeframes(pcm.tobytes())
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(unfinished, file)
