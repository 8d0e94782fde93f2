"""The header of a clip: its length, channels and sample rate, read without its sound."""

import mmap
import os
from typing import NamedTuple

from benchmarks.datasets.kept_channels import StoredClip
from features import AudioSource, InputError, WavFile, ZipMember
from features.audio import LARGEST_CLIP, open_archive
from features.wav import Wav, parse

_HEAD = 2**12  # bytes; a header of MIMII has 80, other programs write more before the samples


class Header(NamedTuple):
    n_samples: int
    n_channels: int | None  # None where only the sound itself would show it
    sample_rate: int  # Hz


def header(audio: AudioSource) -> Header:
    """Read the header of a clip on disk or in an archive.

    Raises `InputError` where it is missing, is no WAV file, or ends before the samples that it announces.
    """
    if isinstance(audio, StoredClip):
        return header(audio.file)
    wav = _head_of_member(audio) if isinstance(audio, ZipMember) else open_wav(audio)
    if wav is None:
        sound, sample_rate = audio.read(0)  # in full, so that an error says exactly what is wrong
        return Header(len(sound), None, sample_rate)
    n_samples, n_channels = wav.frames.shape
    return Header(n_samples, n_channels, wav.sample_rate)


def open_wav(audio: AudioSource) -> Wav | None:
    """Parse a file through a memory map: only the pages of its header, and the samples that are used, are read.

    None where the source is no WAV file on disk, or one that is empty or too large to map. Raises `InputError`.
    """
    if not (isinstance(audio, WavFile) and audio.identity and 0 < os.stat(audio.path).st_size <= LARGEST_CLIP):
        return None
    try:
        with open(audio.path, "rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise InputError(f"{audio.name}: cannot be read ({error.strerror}); check its permissions") from error
    return parse(memoryview(data), audio.name)


def _head_of_member(audio: ZipMember) -> Wav | None:
    """Decompress only the head of a member, into a buffer of its full size, so that the lengths agree."""
    if not 0 < audio.n_bytes <= LARGEST_CLIP:
        return None
    try:
        with open_archive(audio.archive).open(audio.member) as member:
            head = member.read(_HEAD)
        buffer = mmap.mmap(-1, audio.n_bytes)  # takes no memory where it is not written
        buffer[: len(head)] = head
        return parse(memoryview(buffer), audio.name)
    except Exception:  # of any kind: the clip is then read in full, which raises the right error
        return None
