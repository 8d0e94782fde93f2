"""The feature cache: each feature of each group of clips is computed once and memory-mapped from then on.

A group is the list of sources that are read together (one unit at one noise level). Its entry is a folder

    <root>/<key>/frames.f32    all frames of all clips, one after the other, float32
    <root>/<key>/meta.json     shape, frames per clip, configuration, seconds to compute

where the key covers the feature's repr and code, the channel, the sample rate and the identity of every source.
Where the channel is "all", a clip is read once and the bins of its channels follow each other:
`(n_frames, n_channels * n_bins)`.

An entry is complete or absent (it is written under another name, then renamed). A lock prevents two processes from
computing the same group twice. Memory holds one clip at a time, whatever the size of the corpus.
"""

import contextlib
import hashlib
import json
import mmap
import os
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from filelock import FileLock

from features.audio import AudioSource, ChannelSelection
from features.errors import InputError, UnreadableClip
from features.feature import Feature


@dataclass(frozen=True)
class CachedFeature:
    """One feature of a group: read-only arrays `(n_frames, n_bins) float32`, one per source, in their order.

    n_bins is that of the feature, times the number of channels where all are read.

    seconds_per_clip: mean time to read and compute one clip when the entry was made, without the first clip.
    """

    arrays: list[np.ndarray]
    seconds_per_clip: float


@dataclass(frozen=True)
class FeatureCache:
    """A folder of cache entries. Safe to delete at any time between runs, safe to share between processes."""

    root: Path

    def holds(
        self, sources: Sequence[AudioSource], channel: ChannelSelection, feature: Feature, sample_rate: int
    ) -> bool:
        """Whether one feature of a group is there, whole; a source that cannot be found has none."""
        try:
            return _whole(self.entry(sources, channel, feature, sample_rate))
        except InputError:
            return False

    def entry(
        self, sources: Sequence[AudioSource], channel: ChannelSelection, feature: Feature, sample_rate: int
    ) -> Path:
        """The folder of one feature of a group, whether it is there or not. Raises `InputError` without a source."""
        return self.root / _key(sources, channel, feature, sample_rate)

    def ensure(
        self, sources: Sequence[AudioSource], channel: ChannelSelection, features: Sequence[Feature], sample_rate: int
    ) -> int:
        """Compute the missing ones of these features in one pass over the sources; return how many were missing.

        Raises `UnreadableClip` where a source cannot be read, has another sample rate (Hz) or, with all channels,
        another number of them, or the disk cannot be written. Incomplete entries are removed.
        """
        entries = {self.entry(sources, channel, feature, sample_rate): feature for feature in features}
        if all(_whole(entry) for entry in entries):
            return 0
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            group = hashlib.sha256("\n".join(source.identity for source in sources).encode()).hexdigest()[:32]
            with FileLock(self.root / f"{group}.lock"):
                missing = {entry: feature for entry, feature in entries.items() if not _whole(entry)}
                _compute(missing, sources, channel, sample_rate)
                return len(missing)
        except OSError as error:
            raise InputError(
                f"feature cache {self.root}: {error.strerror or error}; "
                "free space or permission, or name another folder with --cache"
            ) from error


def read_entry(entry: Path) -> CachedFeature:
    """Map an entry of a cache into memory. Raises `InputError` where it is no longer there, or not whole.

    The arrays know neither the file nor the names of the clips.
    """
    if not _whole(entry):
        raise InputError(f"feature cache {entry}: was removed or changed during the run; run the same command again")
    meta = json.loads((entry / "meta.json").read_text())
    frames = _mapped(entry / "frames.f32").reshape(sum(meta["n_frames"]), meta["n_bins"])
    ends = np.cumsum(meta["n_frames"])
    return CachedFeature(
        [frames[end - n : end] for end, n in zip(ends, meta["n_frames"], strict=True)], meta["seconds_per_clip"]
    )


def _mapped(file: Path) -> np.ndarray:
    """All numbers of a file, `(n,) float32`, read-only. `numpy.memmap` would keep the name of the file."""
    with open(file, "rb") as opened:
        return np.frombuffer(mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ), dtype=np.float32)


def code_version(*features: Feature) -> str:
    """Hash of the code that computes features: this package and the files of their classes."""
    files = {str(path) for path in Path(__file__).parent.glob("*.py")}.union(*map(_own_files, features))
    return _hash_of_files(tuple(sorted(files)))


def _own_files(feature: Feature) -> set[str]:
    values = [v for value in vars(feature).values() for v in (value if isinstance(value, tuple) else (value,))]
    nested = [value for value in values if isinstance(value, Feature)]
    return {str(sys.modules[type(feature).__module__].__file__)}.union(*(_own_files(inner) for inner in nested))


@lru_cache(maxsize=32)
def _hash_of_files(files: tuple[str, ...]) -> str:
    return hashlib.sha256(b"".join(Path(file).read_bytes() for file in files)).hexdigest()[:16]


def _key(sources: Sequence[AudioSource], channel: ChannelSelection, feature: Feature, sample_rate: int) -> str:
    identities = "\n".join(source.identity for source in sources)
    text = f"{feature!r}\n{code_version(feature)}\n{channel}\n{sample_rate}\n{identities}"
    return f"{type(feature).__name__}-{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def _whole(entry: Path) -> bool:
    """Return whether an entry exists and has the size that its meta.json states."""
    try:
        meta = json.loads((entry / "meta.json").read_text())
        return (entry / "frames.f32").stat().st_size == 4 * sum(meta["n_frames"]) * meta["n_bins"]
    except (OSError, ValueError, KeyError):
        return False


def _compute(
    missing: dict[Path, Feature], sources: Sequence[AudioSource], channel: ChannelSelection, sample_rate: int
) -> None:
    """Read each source once and append its features to the partial entries; commit all or none."""
    writers = [_Writer(entry, feature) for entry, feature in missing.items()]
    try:
        for writer in writers:
            writer.open()
        n_channels = 0
        for source in sources:
            started = time.perf_counter()
            try:
                waveforms = _read(source, channel, sample_rate, n_channels)
            except InputError as error:
                raise UnreadableClip(str(error)) from error
            reading = time.perf_counter() - started
            n_channels = len(waveforms)
            for writer in writers:
                writer.append(source, waveforms, sample_rate, reading)
        for writer in writers:
            writer.commit()
    finally:
        for writer in writers:
            writer.discard()


def _read(source: AudioSource, channel: ChannelSelection, sample_rate: int, n_channels: int) -> np.ndarray:
    """Return the chosen channels of a clip, `(n_waveforms, n_samples) float32`.

    n_channels: the number of channels of the clips before, 0 for the first clip.
    """
    if channel == "all":
        waveforms, rate = source.read_all()
    else:
        waveform, rate = source.read(channel)
        waveforms = waveform[np.newaxis]
    if rate != sample_rate:
        raise InputError(
            f"{source.name}: sampled at {rate} Hz, the corpus at {sample_rate} Hz; resample it or take it out"
        )
    if n_channels not in (0, len(waveforms)):
        raise InputError(
            f"{source.name}: found {len(waveforms)} channel(s), the clips before it have {n_channels}; "
            "choose one microphone with --channel, or take it out"
        )
    return waveforms


class _Writer:
    """Writes one entry under a temporary name, which `commit` changes to the final one. One process uses it."""

    def __init__(self, entry: Path, feature: Feature) -> None:
        self.entry, self.feature = entry, feature
        self.partial = entry.with_name(entry.name + ".partial")
        self.n_frames: list[int] = []
        self.n_bins = 0
        self.seconds = 0.0

    def open(self) -> None:
        shutil.rmtree(self.partial, ignore_errors=True)  # left by a run that was killed
        self.partial.mkdir()
        self.file = open(self.partial / "frames.f32", "wb")  # noqa: SIM115 - closed by commit or discard

    def append(self, source: AudioSource, waveforms: np.ndarray, sample_rate: int, reading_seconds: float) -> None:
        started = time.perf_counter()
        tables = [self._table(source, waveform, sample_rate) for waveform in waveforms]
        if len({len(table) for table in tables}) > 1:
            found = ", ".join(str(len(table)) for table in tables)
            raise InputError(f"{source.name}: {self.feature!r} gave {found} frames, not as many for each channel")
        frames = np.concatenate(tables, axis=1)
        if self.n_frames and frames.shape[1] != self.n_bins:
            raise InputError(f"{source.name}: {self.feature!r} gave {frames.shape[1]} bins, before {self.n_bins}")
        self.n_bins = frames.shape[1]
        self.n_frames.append(len(frames))
        self.file.write(np.ascontiguousarray(frames).data)
        if len(self.n_frames) > 1:  # the first clip also pays for imports
            self.seconds += time.perf_counter() - started + reading_seconds

    def _table(self, source: AudioSource, waveform: np.ndarray, sample_rate: int) -> np.ndarray:
        """Return the feature of one waveform, `(n_frames, n_bins)`."""
        try:
            frames = self.feature(waveform, sample_rate)
        except InputError as error:
            raise InputError(f"{source.name}: {error}") from error
        if frames.dtype != np.float32 or frames.ndim != 2 or not np.isfinite(frames).all():
            raise InputError(
                f"{source.name}: {self.feature!r} must give finite float32 of shape (n_frames, n_bins), "
                f"found {frames.dtype} {frames.shape}, finite: {bool(np.isfinite(frames).all())}"
            )
        return frames

    def commit(self) -> None:
        self.file.close()
        meta = {
            "feature": repr(self.feature),
            "n_bins": self.n_bins,
            "n_frames": self.n_frames,
            "seconds_per_clip": self.seconds / max(1, len(self.n_frames) - 1),
        }
        (self.partial / "meta.json").write_text(json.dumps(meta))
        shutil.rmtree(self.entry, ignore_errors=True)  # an incomplete entry
        os.rename(self.partial, self.entry)

    def discard(self) -> None:
        if hasattr(self, "file"):
            with contextlib.suppress(OSError):  # a full disk fails again on closing; the first failure is reported
                self.file.close()
        shutil.rmtree(self.partial, ignore_errors=True)
