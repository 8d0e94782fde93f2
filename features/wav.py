"""Parsing a WAV file held in memory: PCM of 8 to 32 bits and IEEE floats, plain or extensible header.

Why not a library: for a truncated file, soundfile returns the remaining samples without an error, and so does scipy
where the end lies between two frames. For damaged headers, scipy raises `UnboundLocalError`, or allocates gigabytes for
a chunk of the stated size.
"""

import struct
import uuid
from typing import NamedTuple

import numpy as np

from features.errors import InputError

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_SUBTYPE_TAIL = bytes.fromhex("000000001000800000aa00389b71")  # the bytes after the codec in its GUID (RFC 2361)
_CODECS = {2: "Microsoft ADPCM", 6: "A-law", 7: "mu-law", 17: "IMA ADPCM", 49: "GSM 6.10", 80: "MPEG", 85: "MP3"}
_STREAMED = 0xFFFFFFFF  # the data size in files of recorders that stream and cannot write it later
_MOST_CHUNKS = 1000  # recorders write fewer than ten


class Wav(NamedTuple):
    """The samples of a WAV file as they are stored; `(frames - silence) / full_scale` is the sound."""

    frames: np.ndarray  # (n_samples, n_channels): uint8, int16, int32, float32 or float64; 24 bits are in an int32
    silence: int
    full_scale: float
    sample_rate: int  # Hz


class _Format(NamedTuple):
    codec: int
    bits: int  # of one sample, filled up to whole bytes
    channels: int
    sample_rate: int


_NUMBERS = {  # codec, bits -> stored as, silence, full scale
    (_PCM, 8): ("u1", 128, 2.0**7),
    (_PCM, 16): ("<i2", 0, 2.0**15),
    (_PCM, 24): ("u1", 0, 2.0**31),
    (_PCM, 32): ("<i4", 0, 2.0**31),
    (_FLOAT, 32): ("<f4", 0, 1.0),
    (_FLOAT, 64): ("<f8", 0, 1.0),
}


def parse(data: bytes | memoryview, name: str) -> Wav:
    """Find the samples of a WAV file.

    Chunks other than "fmt " and the first "data" are skipped, and so is the total length in the header. A data size of
    0xFFFFFFFF, from recorders that stream, means: up to the end of the file.
    Raises `InputError`, which starts with `name`, where this is not a WAV file of a known encoding, where it ends
    before the samples that its header announces, and where there are no samples.
    """
    layout, raw = _chunks(memoryview(data), name)
    stored, silence, full_scale = _NUMBERS[layout.codec, layout.bits]
    frames = np.frombuffer(raw, dtype=stored)
    if (layout.codec, layout.bits) == (_PCM, 24):
        padded = np.zeros((len(frames) // 3, 4), dtype=np.uint8)
        padded[:, 1:] = frames.reshape(-1, 3)  # the low byte is 0: 24 bits at the full scale of 32
        frames = padded.reshape(-1).view("<i4")
    return Wav(frames.reshape(-1, layout.channels), silence, full_scale, layout.sample_rate)


def _chunks(data: memoryview, name: str) -> tuple[_Format, memoryview]:
    """Return the format and the samples."""
    if len(data) == 0:
        raise InputError(f"{name}: empty file, 0 bytes; copy or download it again")
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise InputError(f"{name}: no RIFF WAVE file, starts with {bytes(data[:12])!r}; convert it, or leave it out")
    layout, start = None, 12
    for _ in range(_MOST_CHUNKS):
        if start + 8 > len(data):
            break
        kind, size = struct.unpack_from("<4sI", data, start)
        body = data[start + 8 : start + 8 + size]
        if kind == b"fmt ":
            layout = _format(body, name)
        elif kind == b"data" and layout is None:
            raise InputError(f"{name}: damaged header, no 'fmt ' chunk before the data; copy or export it again")
        elif kind == b"data" and layout is not None:
            return layout, _whole(body, size, layout, name)
        start += 8 + size + size % 2  # chunks start at even positions
    raise InputError(f"{name}: no 'data' chunk found in {len(data)} bytes; copy or export it again")


def _format(body: memoryview, name: str) -> _Format:
    if len(body) < 16:
        raise InputError(f"{name}: damaged header, 'fmt ' of {len(body)} bytes, needs 16; copy or export it again")
    codec, channels, sample_rate, _, frame, bits = struct.unpack_from("<HHIIHH", body)
    if codec == _EXTENSIBLE:
        codec = _subtype(body, name)
    layout = _Format(codec, -(-bits // 8) * 8, channels, sample_rate)
    if (codec, layout.bits) not in _NUMBERS:
        found = f"{bits} bits" if codec in (_PCM, _FLOAT) else f"codec {codec:#06x}, {_CODECS.get(codec, 'unknown')}"
        raise InputError(
            f"{name}: unsupported encoding, {found}; convert it to PCM of 8, 16, 24, 32 bits or floats of 32, 64 bits"
        )
    if channels == 0 or sample_rate == 0 or frame != channels * layout.bits // 8:
        raise InputError(
            f"{name}: damaged header, {channels} channels of {bits} bits in frames of {frame} bytes "
            f"at {sample_rate} Hz; copy or export it again"
        )
    return layout


def _subtype(body: memoryview, name: str) -> int:
    """Read the codec of an extensible header from its GUID."""
    guid = bytes(body[24:40])
    if len(guid) < 16:
        raise InputError(f"{name}: damaged header, extensible 'fmt ' of {len(body)} bytes, needs 40; copy it again")
    if guid[2:] != _SUBTYPE_TAIL:
        raise InputError(f"{name}: unsupported encoding, sub-format {uuid.UUID(bytes_le=guid)}; convert it to PCM")
    return int.from_bytes(guid[:2], "little")


def _whole(body: memoryview, size: int, layout: _Format, name: str) -> memoryview:
    """Return the samples. Raises `InputError` where some are missing."""
    frame = layout.channels * layout.bits // 8
    if size == _STREAMED:
        body = body[: len(body) // frame * frame]
    elif len(body) < size:
        raise InputError(
            f"{name}: cut short, {len(body) // frame} samples found of the {size // frame} that its header announces; "
            "copy or download it again"
        )
    elif size % frame:
        raise InputError(f"{name}: damaged, {size} bytes are no whole number of frames of {frame}; copy it again")
    if len(body) == 0:
        raise InputError(f"{name}: no samples; copy or record it again, or leave it out")
    return body
