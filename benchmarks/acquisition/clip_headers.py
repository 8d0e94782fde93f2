"""What a clip's header says, without reading its sound; and what only reading all of it can tell."""

import hashlib
import mmap
import os
from typing import NamedTuple

import numpy as np

from benchmarks.datasets.kept_channels import StoredClip
from features import AudioSource, InputError, WavFile, ZipMember
from features.audio import LARGEST_CLIP, open_archive
from features.wav import Wav, parse

_HEAD = 2**12  # bytes; the 80 of MIMII's header, and room for what other programs put before the samples


class Header(NamedTuple):
    n_samples: int
    n_channels: int | None  # None where only reading all of it would tell
    sample_rate: int  # Hz


def header(audio: AudioSource) -> Header:
    """Read the header of a clip on disk or in an archive.

    Raises `InputError` where it is missing, is no WAV file, or ends before the samples that it announces.
    """
    if isinstance(audio, StoredClip):
        return header(audio.file)
    wav = _head_of_member(audio) if isinstance(audio, ZipMember) else _mapped(audio) if _is_small(audio) else None
    if wav is None:
        sound, sample_rate = audio.read(0)  # in full, which says properly what is wrong
        return Header(len(sound), None, sample_rate)
    n_samples, n_channels = wav.frames.shape
    return Header(n_samples, n_channels, wav.sample_rate)


def _is_small(audio: AudioSource) -> bool:
    return isinstance(audio, WavFile) and bool(audio.identity) and 0 < os.stat(audio.path).st_size <= LARGEST_CLIP


def _mapped(audio: AudioSource) -> Wav:
    """Parse a file through a memory map: only the pages of its header are read."""
    assert isinstance(audio, WavFile)
    try:
        with open(audio.path, "rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise InputError(f"{audio.name}: cannot be read ({error.strerror}); check its permissions") from error
    return parse(memoryview(data), audio.name)


def _head_of_member(audio: ZipMember) -> Wav | None:
    """Inflate the head of a member only, into room of its full size that stays untouched, so that lengths agree."""
    if not 0 < audio.n_bytes <= LARGEST_CLIP:
        return None
    try:
        with open_archive(audio.archive).open(audio.member) as member:
            head = member.read(_HEAD)
        room = mmap.mmap(-1, audio.n_bytes)
        room[: len(head)] = head
        return parse(memoryview(room), audio.name)
    except Exception:  # whatever it is: reading it in full will tell
        return None


def sound_digest(audio: AudioSource) -> bytes:
    """Decode a clip in full and return a digest of its sound.

    Raises `InputError` where a part of it is damaged, and where it is silent from end to end.
    """
    source = audio.file if isinstance(audio, StoredClip) else audio
    sound, _ = source.read("mean")
    if np.ptp(sound) == 0:
        raise InputError(f"{audio.name}: silent, every sample is {sound[0]:g}; copy or download it again")
    return hashlib.blake2b(sound.tobytes(), digest_size=16).digest()
