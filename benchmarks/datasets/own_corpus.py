"""What tells one corpus of a user's own from another: a short name and a hash of what it holds, not where it lies."""

import hashlib
import re
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.datasets.dataset import Clip
from features import AudioSource, InputError, WavFile, ZipMember
from features.formats.compressed import CompressedSound
from features.resample import Resampled

_LONGEST = 24  # characters of the short name
_DIGITS = 8  # of the hash
_WHOLE = 16  # files whose content is part of the hash; of all others it is the size


def short_name(path: Path) -> str:
    """Return the name of a folder or file without ending, as part of a folder's name.

    >>> short_name(Path("/data/press line 2.zip"))
    'press-line-2'
    """
    name = path.absolute().name
    stem = re.sub(r"\.(zip|csv|parquet|npy)$", "", name, flags=re.IGNORECASE)
    return re.sub(r"[^\w.]+", "-", stem).strip("-.")[:_LONGEST] or "unnamed"


def hash_of(parts: Iterable[str]) -> str:
    """Return 8 hexadecimal digits."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:_DIGITS]


def contents(clips: Sequence[Clip]) -> list[str]:
    """Return a line per clip: unit, part, label, path, size, and for 16 clips, evenly spaced, the CRC-32 of the file.

    The lines are the same for a copy elsewhere, and for a zip archive and its unpacked tree.
    """
    step = max(1, len(clips) // _WHOLE)
    return [_line(clip, whole=index % step == 0) for index, clip in enumerate(clips)]


def _line(clip: Clip, whole: bool) -> str:
    file = file_of(clip.audio)
    place = f"{clip.machine!a} {clip.unit!a} {clip.snr_db} {clip.split} {clip.label} {clip.path!a}"
    if isinstance(file, ZipMember):
        return f"{place} {file.n_bytes}" + f" {file.crc:08x}" * whole
    try:
        n_bytes = file.path.stat().st_size
        return f"{place} {n_bytes}" + (f" {_crc(file.path):08x}" if whole else "")
    except OSError:
        return f"{place} unreadable"  # the run names it


def file_of(audio: AudioSource) -> WavFile | ZipMember:
    """Return the file that the sound of a clip of one's own is read from."""
    if isinstance(audio, Resampled):
        audio = audio.source
    if isinstance(audio, CompressedSound):
        audio = audio.file
    if not isinstance(audio, WavFile | ZipMember):
        raise InputError(f"{audio.name}: no file of one's own recordings")
    return audio


def _crc(path: Path) -> int:
    crc = 0
    with open(path, "rb") as file:
        while piece := file.read(2**20):
            crc = zlib.crc32(piece, crc)
    return crc
