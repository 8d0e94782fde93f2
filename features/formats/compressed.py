"""Sound files other than WAV, decoded by libsndfile: FLAC, Ogg (Vorbis, Opus) and MP3.

FLAC gives exactly the samples of the WAV file that it was made from. Ogg and MP3 are lossy: they remove sound that
people do not hear, which may be what a fault sounds like. A file that was cut short is an error where its format shows
it; MP3 does not always state its length, so a shorter clip may be read.
"""

import io
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

import numpy as np

from features.audio import LARGEST_CLIP, Channel, WavFile, ZipMember, all_channels, one_channel
from features.errors import InputError
from features.wav import Wav

if TYPE_CHECKING:
    import soundfile

ENDINGS = {".flac": "FLAC", ".ogg": "OGG", ".oga": "OGG", ".opus": "OGG", ".mp3": "MP3"}  # -> libsndfile's name
_INTEGER = "FLAC"  # the format whose samples are whole numbers of up to 24 bits
_OGG_PAGE, _OGG_LAST = b"OggS", 4  # what a page of Ogg starts with, and the flag of the last one


@dataclass(frozen=True)
class CompressedSound:
    """A file of one of `ENDINGS`, on disk or in a zip archive; follows the contract of `features.AudioSource`."""

    file: WavFile | ZipMember  # where its bytes are

    @property
    def name(self) -> str:
        """That of the file."""
        return self.file.name

    @property
    def identity(self) -> str:
        """That of the file, and the version of the decoder. Raises `InputError` where there is no such file."""
        import soundfile  # here, because a report on stored results needs no sound

        return f"{self.file.identity} decoded by libsndfile {soundfile.__libsndfile_version__}"

    def read(self, channel: Channel) -> tuple[np.ndarray, int]:
        """Return `((n_samples,) float32, sample_rate in Hz)`; FLAC stays below 1. Raises `InputError`."""
        return one_channel(self._decoded(), channel, self.name)

    def read_all(self) -> tuple[np.ndarray, int]:
        """Return `((n_channels, n_samples) float32, sample_rate in Hz)`. Raises `InputError`."""
        return all_channels(self._decoded(), self.name)

    def _decoded(self) -> Wav:
        data = self.file._inflate(self.name) if isinstance(self.file, ZipMember) else _bytes(self.file)
        return decode(data, self.name)


def _bytes(file: WavFile) -> bytes:
    assert file.identity  # raises where it is missing, a folder, a pipe or a device
    try:
        if (size := file.path.stat().st_size) <= LARGEST_CLIP:
            return file.path.read_bytes()
    except OSError as error:
        raise InputError(f"{file.name}: cannot be read ({error.strerror}); check its permissions") from error
    raise InputError(f"{file.name}: {size} bytes, at most {LARGEST_CLIP}; cut it into shorter clips")


def decode(data: bytes, name: str) -> Wav:
    """Decode a file held in memory; the ending of `name` states its format.

    Raises `InputError`, which starts with `name`, where the content has another format, is damaged, cut short or empty.
    """
    import soundfile

    expected = ENDINGS[PurePath(name).suffix.lower()]
    if not data:
        raise InputError(f"{name}: empty file, 0 bytes; copy or download it again")
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as opened:
            return _samples(opened, data, expected, name)
    except InputError:
        raise
    except (soundfile.SoundFileError, OSError, ValueError, MemoryError) as error:
        raise InputError(
            f"{name}: cannot be decoded as {expected} ({error}); copy it again, or leave it out"
        ) from error


def _samples(opened: "soundfile.SoundFile", data: bytes, expected: str, name: str) -> Wav:
    if opened.format != expected:
        raise InputError(f"{name}: holds {opened.format}, not {expected}; give it the ending of its format")
    if opened.frames * opened.channels * 4 > LARGEST_CLIP:
        raise InputError(f"{name}: states {opened.frames} samples, too many to decode; cut it into shorter clips")
    stored = "int32" if expected == _INTEGER else "float32"
    frames = opened.read(dtype=stored, always_2d=True)
    if len(frames) < opened.frames or (expected == "OGG" and not _ends(data)):
        raise InputError(f"{name}: cut short, {len(frames)} samples found; copy or download it again")
    if not len(frames):
        raise InputError(f"{name}: no samples; copy or record it again, or leave it out")
    return Wav(frames, 0, 2.0**31 if expected == _INTEGER else 1.0, opened.samplerate)


def _ends(data: bytes) -> bool:
    """Whether an Ogg file holds its last page, whole."""
    start = data.rfind(_OGG_PAGE)
    if len(data) < start + 27 or not data[start + 5] & _OGG_LAST:
        return False
    n_segments = data[start + 26]
    return len(data) >= start + 27 + n_segments + sum(data[start + 27 : start + 27 + n_segments])
