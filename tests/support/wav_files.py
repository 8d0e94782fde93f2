"""WAV files made byte by byte, so that tests can also make those that no library would write."""

import struct
import zipfile
from pathlib import Path

import numpy as np

_FORMATS = {"uint8": (1, 8), "int16": (1, 16), "int32": (1, 32), "float32": (3, 32), "float64": (3, 64)}
_SUBTYPE_TAIL = bytes.fromhex("000000001000800000aa00389b71")


def chunk(kind: bytes, body: bytes, size: int | None = None) -> bytes:
    """One RIFF chunk, padded to an even length; `size` is what its header says where that is not the truth."""
    return kind + struct.pack("<I", len(body) if size is None else size) + body + b"\0" * (len(body) % 2)


def format_chunk(codec: int, channels: int, bits: int, sample_rate: int = 16_000, extensible: bool = False) -> bytes:
    frame = channels * -(-bits // 8)
    fields = (channels, sample_rate, sample_rate * frame, frame, bits)
    if not extensible:
        return chunk(b"fmt ", struct.pack("<HHIIHH", codec, *fields))
    extension = struct.pack("<HHIH", 22, bits, 2**channels - 1, codec) + _SUBTYPE_TAIL
    return chunk(b"fmt ", struct.pack("<HHIIHH", 0xFFFE, *fields) + extension)


def riff(*chunks: bytes, size: int | None = None) -> bytes:
    """A WAV file of these chunks."""
    body = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body) if size is None else size) + body


def wav_bytes(
    frames: np.ndarray, sample_rate: int = 16_000, bits: int | None = None, extensible: bool = False
) -> bytes:
    """A whole WAV file of `(n_samples, n_channels)` numbers, stored as their own type; bits=24 keeps the low 24 bits.

    Extensible files have the 80-byte header of MIMII's.
    """
    codec, own_bits = _FORMATS[frames.dtype.name]
    raw = frames.tobytes()
    if bits == 24:
        raw = frames.astype("<i4").reshape(-1, 1).view(np.uint8)[:, :3].tobytes()
    layout = format_chunk(codec, frames.shape[1], bits or own_bits, sample_rate, extensible)
    fact = chunk(b"fact", struct.pack("<I", len(frames))) if extensible else b""
    return riff(layout, fact, chunk(b"data", raw))


def noise(n_samples: int = 100, n_channels: int = 2, seed: int = 0) -> np.ndarray:
    """`(n_samples, n_channels) int16` noise."""
    return np.random.default_rng(seed).integers(-(2**15), 2**15, (n_samples, n_channels)).astype(np.int16)


def write_wav(path: Path, frames: np.ndarray | None = None, sample_rate: int = 16_000) -> Path:
    """Write a WAV file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(wav_bytes(noise() if frames is None else frames, sample_rate))
    return path


def write_zip(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    """Write a zip archive and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path
