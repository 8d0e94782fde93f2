"""Reading one channel or all channels of a WAV file, on disk or inside a zip archive, as float32."""

import os
import stat
import struct
import zipfile
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from features.errors import InputError
from features.wav import Wav, parse

Channel = int | Literal["mean"]  # one waveform: a 0-based index, or the mean over all channels
ChannelSelection = Channel | Literal["all"]  # what is read of each clip: one waveform, or that of each channel

LARGEST_CLIP = 2**30  # bytes, as a file or inflated: over an hour of MIMII's 8 channels, and it fits into memory
_LOUDEST = 2.0**31  # the power of a float sample beyond this would overflow float32
_DAMAGE = (OSError, EOFError, ValueError, OverflowError, RuntimeError, struct.error, zlib.error, zipfile.BadZipFile)


class AudioSource(Protocol):
    """A source of the sound of one clip. It can be pickled, so another process can read it."""

    @property
    def identity(self) -> str:
        """Text that changes when the sound may have changed (path, size, time or checksum)."""

    @property
    def name(self) -> str:
        """Its name in messages: where a user finds it."""

    def read(self, channel: Channel) -> tuple[np.ndarray, int]:
        """Return `((n_samples,) float32 at full scale 1, sample_rate in Hz)`.

        Raises `InputError`, naming the file, where it is missing, damaged, empty, holds NaN or lacks the channel.
        """

    def read_all(self) -> tuple[np.ndarray, int]:
        """Return `((n_channels, n_samples) float32, sample_rate in Hz)`, reading once; row c is equal to `read(c)`.

        Raises `InputError` as `read` does.
        """


@dataclass(frozen=True)
class WavFile:
    """A WAV file on disk: PCM of 8 to 32 bits or IEEE floats of 32 or 64, any number of channels.

    `inside` is its name inside the corpus. The identity contains it instead of the path, so a corpus can be moved.

    >>> WavFile(Path("fan/id_00/normal/00000000.wav")).name
    'fan/id_00/normal/00000000.wav'
    """

    path: Path
    inside: str | None = None

    @property
    def name(self) -> str:
        """Its path."""
        return str(self.path)

    @property
    def identity(self) -> str:
        """Name, size in bytes and modification time in ns. Raises `InputError` where there is no such file."""
        found = _stat(self.path)
        return f"{self.inside or str(Path(self.path).absolute())!a} {found.st_size} {found.st_mtime_ns}"

    def read(self, channel: Channel) -> tuple[np.ndarray, int]:
        """Return `((n_samples,) float32, sample_rate in Hz)`; only floats may exceed 1. Raises `InputError`."""
        return one_channel(self._wav(), channel, self.name)

    def read_all(self) -> tuple[np.ndarray, int]:
        """Return `((n_channels, n_samples) float32, sample_rate in Hz)`. Raises `InputError`."""
        return all_channels(self._wav(), self.name)

    def _wav(self) -> Wav:
        size = _stat(self.path).st_size
        if size > LARGEST_CLIP:
            raise InputError(f"{self.path}: {size} bytes, at most {LARGEST_CLIP}; cut it into shorter clips")
        try:
            with open(self.path, "rb") as file:
                data = file.read(size)
        except OSError as error:
            raise InputError(f"{self.path}: cannot be read ({error.strerror}); check its permissions") from error
        return parse(data, self.name)


@dataclass(frozen=True)
class ZipMember:
    """A WAV file inside a zip archive, read without unpacking; CRC-32 and size are those in the archive's directory."""

    archive: Path
    member: str
    crc: int
    n_bytes: int  # inflated

    @property
    def name(self) -> str:
        """`archive!member`."""
        return f"{self.archive}!{self.member}"

    @property
    def identity(self) -> str:
        """Member, size in bytes and CRC-32, which do not depend on the path or the name of the archive."""
        return f"{self.member!a} {self.n_bytes} {self.crc:08x}"

    def read(self, channel: Channel) -> tuple[np.ndarray, int]:
        """Return `((n_samples,) float32, sample_rate in Hz)`; only floats may exceed 1. Raises `InputError`."""
        return one_channel(parse(self._inflate(self.name), self.name), channel, self.name)

    def read_all(self) -> tuple[np.ndarray, int]:
        """Return `((n_channels, n_samples) float32, sample_rate in Hz)`. Raises `InputError`."""
        return all_channels(parse(self._inflate(self.name), self.name), self.name)

    def _inflate(self, name: str) -> bytes:
        archive = open_archive(self.archive)
        try:
            entry = archive.getinfo(self.member)
        except KeyError:
            raise InputError(f"{name}: the archive holds no such member; list the dataset again") from None
        _check(entry, self, name)
        try:
            with archive.open(entry) as member:
                data = member.read(entry.file_size)  # no more bytes than this are inflated; the CRC is checked
        except _DAMAGE as error:
            raise InputError(f"{name}: damaged archive ({error}); download the archive again") from error
        if len(data) != entry.file_size:
            raise InputError(
                f"{name}: damaged archive, {len(data)} bytes found of {entry.file_size}; download the archive again"
            )
        return data


def open_archive(path: Path) -> zipfile.ZipFile:
    """Return an open zip archive for all threads of this process; its directory is read once per process.

    Raises `InputError` where it is missing, no zip archive, or cut short.
    """
    found = _stat(path)
    return _open_archive(str(path), found.st_size, found.st_mtime_ns, os.getpid())


@lru_cache(maxsize=16)  # MIMII is 12 archives
def _open_archive(path: str, size: int, mtime_ns: int, pid: int) -> zipfile.ZipFile:
    """Open an archive; because of `pid`, a forked process does not share the file position of its parent."""
    try:
        return zipfile.ZipFile(path)
    except _DAMAGE as error:
        raise InputError(
            f"{path}: cannot be read as a zip archive of {size} bytes ({error}); complete or repeat the download"
        ) from error


def _check(entry: zipfile.ZipInfo, listed: ZipMember, name: str) -> None:
    """Raise `InputError` for a member that must not or cannot be inflated."""
    if (entry.CRC, entry.file_size) != (listed.crc, listed.n_bytes):
        raise InputError(f"{name}: the archive has changed since it was listed; list the dataset again")
    if entry.flag_bits & 1:
        raise InputError(f"{name}: encrypted; unpack the archive with its password and give the folder")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise InputError(
            f"{name}: compression method {entry.compress_type}, known are 0 (stored) and 8 (deflated); "
            "unpack the archive and give the folder"
        )
    if entry.file_size > LARGEST_CLIP:
        raise InputError(f"{name}: {entry.file_size} bytes inflated, at most {LARGEST_CLIP}; leave it out")


def _stat(path: Path) -> os.stat_result:
    """Return size and time of a file. Raises `InputError` for a pipe or a device, which could block forever."""
    try:
        found = os.stat(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: no such file ({error}); check the path and list the dataset again") from error
    if not stat.S_ISREG(found.st_mode):
        raise InputError(f"{path}: found no regular file but a folder, pipe or device; give a file")
    return found


def one_channel(wav: Wav, channel: Channel, name: str) -> tuple[np.ndarray, int]:
    n_channels = wav.frames.shape[1]
    if channel != "mean" and not (isinstance(channel, int | np.integer) and 0 <= channel < n_channels):
        raise InputError(
            f"{name}: channel {channel!r} asked for, found {n_channels} channel(s); give 0..{n_channels - 1} or 'mean'"
        )
    with np.errstate(all="ignore"):  # `_sound` refuses values that overflow or are NaN
        chosen = wav.frames.mean(axis=1, dtype=np.float64) if channel == "mean" else wav.frames[:, int(channel)]
    return _sound(wav, chosen, name), wav.sample_rate


def all_channels(wav: Wav, name: str) -> tuple[np.ndarray, int]:
    return _sound(wav, wav.frames.T, name), wav.sample_rate


def _sound(wav: Wav, chosen: np.ndarray, name: str) -> np.ndarray:
    """Scale samples as they are stored to full scale 1; the result has contiguous rows."""
    with np.errstate(all="ignore"):
        if wav.full_scale == 1 and not np.abs(chosen).max() <= _LOUDEST:
            raise InputError(f"{name}: holds samples that are NaN, infinite or beyond 2^31; export it again")
        return (chosen.astype(np.float32, order="C") - np.float32(wav.silence)) / np.float32(wav.full_scale)
