"""Checks a copy of MIMII: what a folder holds, what is wrong with it, and what it can be used for.

Names are compared with the published layout, counts with the published counts, and the header of each clip with that
of the recordings: 8 channels, 16 kHz, 10 s. Sound and checksums are read only on request. A machine, noise level or
unit that is missing as a whole is not a fault.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.acquisition.callbacks import OnStep, ignore
from benchmarks.acquisition.clip_headers import header
from benchmarks.acquisition.doctor_listing import Fault, FoundArchive, FoundFolder, Listing
from benchmarks.datasets import mimii_release
from benchmarks.datasets.dataset import Clip
from benchmarks.datasets.kept_channels import StoredClip
from benchmarks.datasets.mimii import Mimii
from benchmarks.datasets.mimii_release import CLIP_SECONDS, RECORDED, SNRS_DB, UNITS, Archive
from benchmarks.run.protocols import CHANNEL_RULES, Protocol
from features import AudioSource, InputError

SPLITS = ("code", "paper", "holdout")  # MIMII has no split of its own for `labels`
CHANNELS = ("0", *CHANNEL_RULES)


@dataclass
class FoundSet:
    """The clips of one unit at one noise level."""

    machine: str
    unit: str
    snr_db: int
    clips: list[Clip] = field(default_factory=list, repr=False)
    unreadable: int = 0
    kinds: set[str] = field(default_factory=set)  # "archive", "tree", "mono store"
    kept: set[tuple[int, ...]] = field(default_factory=set)  # channels of mono stores
    n_channels: set[int] = field(default_factory=set)  # of a clip
    sample_rates: set[int] = field(default_factory=set)  # Hz
    seconds: set[float] = field(default_factory=set)

    @property
    def name(self) -> str:
        return f"{self.machine} {self.unit} at {self.snr_db} dB"

    @property
    def published(self) -> tuple[int, int] | None:
        """Numbers of normal and abnormal clips that were published; None where the unit or level was not."""
        return mimii_release.counts().get((self.machine, self.unit)) if self.snr_db in SNRS_DB else None

    @property
    def found(self) -> tuple[int, int]:
        """Numbers of normal and abnormal clips that were found."""
        n_abnormal = sum(clip.label or 0 for clip in self.clips)
        return len(self.clips) - n_abnormal, n_abnormal


@dataclass(frozen=True)
class Report:
    """What `examine` found."""

    root: Path
    archives: tuple[FoundArchive, ...]
    sets: tuple[FoundSet, ...]
    faults: tuple[Fault, ...]
    absent: tuple[str, ...]  # published sets without any clip: "fan id_02 at 6 dB"
    obstacles: dict[
        str, tuple[str, ...]
    ]  # "split code", "channel mean" -> a reason for each set that it cannot be used on

    @property
    def n_clips(self) -> int:
        """The number of clips; one that was found twice counts once."""
        return sum(len(found.clips) for found in self.sets)


def examine(
    root: Path,
    checksums: bool = False,
    deep: bool = False,
    on_step: OnStep = ignore,
    on_clip: Callable[[int, int], None] = lambda done, total: None,
    published: Sequence[Archive] = mimii_release.archives(),
) -> Report:
    """Examine everything under a folder, or one archive.

    checksums: also compare the MD5 of each archive. deep: also decode each clip and find damaged, silent, equal ones.
    on_clip: called with the number of clips examined and the number of all.
    Raises `InputError` where `root` does not exist; everything that is wrong under it is a fault in the report.
    """
    listing = Listing(checksums, on_step, published)
    listing.list_all(os.path.abspath(root))
    examination = _Examination(listing, deep, on_clip)
    for folder in listing.folders:
        examination.add(folder)
    sets = sorted(examination.sets.values(), key=lambda found: (found.machine, found.unit, -found.snr_db))
    for found in sets:
        _count(found, listing)
    archives, faults = tuple(listing.archives), tuple(listing.faults)
    return Report(Path(root), archives, tuple(sets), faults, _absent(sets), _obstacles(sets))


class _Examination:
    """Examines the clips, folder by folder, and collects the sets."""

    def __init__(self, listing: Listing, deep: bool, on_clip: Callable[[int, int], None]) -> None:
        self.listing, self.deep, self.on_clip = listing, deep, on_clip
        self.sets: dict[tuple[str, str, int], FoundSet] = {}
        self.sounds: dict[bytes, str] = {}  # digest -> the first clip that has it
        self.done, self.total = 0, sum(len(folder.clips) for folder in listing.folders)

    def add(self, folder: FoundFolder) -> None:
        place = folder.place
        key = (place.machine, place.unit, place.snr_db)
        found = self.sets.setdefault(key, FoundSet(*key))
        found.clips += folder.clips
        found.kinds.add(folder.kind)
        found.kept |= {folder.kept.channels} if folder.kept else set()
        deviations: dict[str, list[str]] = {}
        for clip in folder.clips:
            name = clip.audio.name
            try:
                for deviation in self._deviations(clip, folder, found):
                    deviations.setdefault(deviation, []).append(name)
            except InputError as error:
                found.unreadable += 1
                self.listing.add_error(name, error)
            self.done += 1
            self.on_clip(self.done, self.total)
        self.listing.add_deviations(deviations, folder.where, len(folder.clips))

    def _deviations(self, clip: Clip, folder: FoundFolder, found: FoundSet) -> Iterator[str]:
        """Yield how a clip differs from the recordings. Raises `InputError` where it cannot be read."""
        head = header(clip.audio)
        found.sample_rates.add(head.sample_rate)
        found.seconds.add(head.n_samples / head.sample_rate)
        found.n_channels |= set() if head.n_channels is None else {head.n_channels}
        n_channels, stated = (len(folder.kept.channels), "channels.json") if folder.kept else (RECORDED, "the release")
        if head.n_channels not in (n_channels, None):
            yield f"{head.n_channels} channel(s), {n_channels} in {stated}; it is not known which microphones these are"
        if head.sample_rate != Mimii.sample_rate:
            yield f"{head.sample_rate} Hz, but the release has {Mimii.sample_rate} Hz"
        if (seconds := head.n_samples / head.sample_rate) != CLIP_SECONDS:
            yield f"{seconds:g} s long, but clips of the release have {CLIP_SECONDS} s"
        if self.deep:
            first = self.sounds.setdefault(_sound_digest(clip.audio), clip.audio.name)
            if first != clip.audio.name:
                yield f"has the same sound as {first}; one of the two is a copy under a wrong name"


def _sound_digest(audio: AudioSource) -> bytes:
    """Decode a clip in full and return a digest of its sound. Raises `InputError` where it is damaged or silent."""
    source = audio.file if isinstance(audio, StoredClip) else audio
    sound, _ = source.read("mean")
    if np.ptp(sound) == 0:
        raise InputError(f"{audio.name}: silent, every sample is {sound[0]:g}; copy or download it again")
    return hashlib.blake2b(sound.tobytes(), digest_size=16).digest()


def _count(found: FoundSet, listing: Listing) -> None:
    """Compare a set with the published counts."""
    if found.published is None:
        if found.unit not in UNITS or found.snr_db not in SNRS_DB:
            listing.add_fault(found.name, "not in MIMII, which has id_00 to id_06 at 6, 0 and -6 dB; rename its folder")
        return
    for label, kind in enumerate(("normal", "abnormal")):
        n, published = found.found[label], found.published[label]
        if n != published:
            names = {clip.path[-12:] for clip in found.clips if clip.label == label}
            missing = [f"{i:08d}.wav" for i in range(published) if f"{i:08d}.wav" not in names]
            which = f"; missing: {_some(missing)}" if missing else ""
            listing.add_fault(found.name, f"{n} {kind} clips, but {published} were published{which}")


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _absent(sets: Sequence[FoundSet]) -> tuple[str, ...]:
    present = {found.name for found in sets}
    names = [FoundSet(*key, snr_db).name for key in mimii_release.counts() for snr_db in SNRS_DB]
    return tuple(name for name in names if name not in present)


def _obstacles(sets: Sequence[FoundSet]) -> dict[str, tuple[str, ...]]:
    """Return, for each split and channel rule, the sets that it cannot be used on, with the reason."""
    by_rule = {f"split {split}": [_why_no_split(found, split) for found in sets] for split in SPLITS}
    by_rule |= {f"channel {channel}": [_why_no_channel(found, channel) for found in sets] for channel in CHANNELS}
    return {rule: tuple(filter(None, reasons)) for rule, reasons in by_rule.items()}


def _why_no_split(found: FoundSet, split: str) -> str:
    try:
        Protocol(split).apply(found.clips)
    except InputError as error:
        return f"{found.name}: {str(error).partition(': ')[2]}"
    return ""


def _why_no_channel(found: FoundSet, rule: str) -> str:
    channel = {"0": 0, "nearest": Mimii.nearest_channel[found.machine]}.get(rule)
    for kept in found.kept:
        if (channel is None and len(kept) < RECORDED) or (channel is not None and channel not in kept):
            return f"{found.name}: the mono store keeps {', '.join(map(str, kept))}"
    if found.kinds != {"mono store"} and found.n_channels and min(found.n_channels) <= (channel or 0):
        return f"{found.name}: clips of {min(found.n_channels)} channel(s)"
    if rule == "all" and len(found.n_channels) > 1:
        return f"{found.name}: clips of {', '.join(map(str, sorted(found.n_channels)))} channels"
    return ""
