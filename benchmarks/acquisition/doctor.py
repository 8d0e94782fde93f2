"""What is there of MIMII, what is wrong with it, and what it is good for.

Names are compared with the published layout, counts with the published counts, and every clip's header with the
recordings: 8 channels, 16 kHz, 10 s. Sound is read only on request (`deep`), and so are checksums.
A fault is something that is wrong; a machine, level or unit that is not there at all is none.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.acquisition.callbacks import OnStep, ignore
from benchmarks.acquisition.clip_headers import header, sound_digest
from benchmarks.acquisition.doctor_listing import Fault, FoundArchive, FoundFolder, Listing
from benchmarks.datasets import mimii_release
from benchmarks.datasets.dataset import Clip
from benchmarks.datasets.mimii import Mimii
from benchmarks.datasets.mimii_release import CLIP_SECONDS, RECORDED, SNRS_DB, UNITS, Archive
from benchmarks.run.protocols import CHANNEL_RULES, Protocol
from features import InputError

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
        """Normal and abnormal clips that were published; None for a unit or level that was not."""
        return mimii_release.counts().get((self.machine, self.unit)) if self.snr_db in SNRS_DB else None

    @property
    def found(self) -> tuple[int, int]:
        """Normal and abnormal clips that are there."""
        n_abnormal = sum(clip.label or 0 for clip in self.clips)
        return len(self.clips) - n_abnormal, n_abnormal


@dataclass(frozen=True)
class Report:
    """What `examine` found; n_clips: all that are listed, each once."""

    root: Path
    archives: tuple[FoundArchive, ...]
    sets: tuple[FoundSet, ...]
    faults: tuple[Fault, ...]
    absent: tuple[str, ...]  # published sets of which nothing is there: "fan id_02 at 6 dB"
    obstacles: dict[str, tuple[str, ...]]  # "split code", "channel mean" -> why, for each set that it cannot be run on

    @property
    def n_clips(self) -> int:
        return sum(len(found.clips) for found in self.sets)


def examine(
    root: Path,
    checksums: bool = False,
    deep: bool = False,
    on_step: OnStep = ignore,
    on_clip: Callable[[int, int], None] = lambda done, total: None,
    published: Sequence[Archive] = mimii_release.archives(),
) -> Report:
    """Look at everything under a folder, or at one archive.

    checksums: the MD5 of each archive, too. deep: decode every clip, too, and tell silent and equal ones.
    on_clip is told how many clips have been looked at, of how many.
    Raises `InputError` where there is nothing at `root`; whatever is wrong under it is a fault in the report.
    """
    listing = Listing(checksums, on_step, published)
    listing.list_all(os.path.abspath(root))
    look = _Look(listing, deep, on_clip)
    for folder in listing.folders:
        look.at(folder)
    sets = sorted(look.sets.values(), key=lambda found: (found.machine, found.unit, -found.snr_db))
    for found in sets:
        _count(found, listing)
    archives, faults = tuple(listing.archives), tuple(listing.faults)
    return Report(Path(root), archives, tuple(sets), faults, _absent(sets), _obstacles(sets))


class _Look:
    """Goes through the clips, folder by folder, and gathers the sets."""

    def __init__(self, listing: Listing, deep: bool, on_clip: Callable[[int, int], None]) -> None:
        self.listing, self.deep, self.on_clip = listing, deep, on_clip
        self.sets: dict[tuple[str, str, int], FoundSet] = {}
        self.sounds: dict[bytes, str] = {}  # digest -> the first clip that has it
        self.done, self.total = 0, sum(len(folder.clips) for folder in listing.folders)

    def at(self, folder: FoundFolder) -> None:
        place = folder.place
        key = (place.machine, place.unit, place.snr_db)
        found = self.sets.setdefault(key, FoundSet(*key))
        found.clips += folder.clips
        found.kinds.add(folder.kind)
        found.kept |= {folder.kept.channels} if folder.kept else set()
        oddities: dict[str, list[str]] = {}
        for clip in folder.clips:
            name = clip.audio.name
            try:
                for oddity in self._oddities(clip, folder, found):
                    oddities.setdefault(oddity, []).append(name)
            except InputError as error:
                found.unreadable += 1
                self.listing.complaint(name, error)
            self.done += 1
            self.on_clip(self.done, self.total)
        self.listing.tell(oddities, folder.where, len(folder.clips))

    def _oddities(self, clip: Clip, folder: FoundFolder, found: FoundSet) -> Iterator[str]:
        """Say in what a clip differs from the recordings. Raises `InputError` where it cannot be read."""
        head = header(clip.audio)
        found.sample_rates.add(head.sample_rate)
        found.seconds.add(head.n_samples / head.sample_rate)
        found.n_channels |= set() if head.n_channels is None else {head.n_channels}
        n_channels, stated = (len(folder.kept.channels), "channels.json") if folder.kept else (RECORDED, "the release")
        if head.n_channels not in (n_channels, None):
            yield f"{head.n_channels} channel(s), {n_channels} in {stated}; which microphones these are is not known"
        if head.sample_rate != Mimii.sample_rate:
            yield f"{head.sample_rate} Hz, published are {Mimii.sample_rate} Hz"
        if (seconds := head.n_samples / head.sample_rate) != CLIP_SECONDS:
            yield f"{seconds:g} s long, published are {CLIP_SECONDS} s"
        if self.deep:
            first = self.sounds.setdefault(sound_digest(clip.audio), clip.audio.name)
            if first != clip.audio.name:
                yield f"the very sound of {first}; one of the two is a copy under a wrong name"


def _count(found: FoundSet, listing: Listing) -> None:
    """Compare a set with the published counts."""
    if found.published is None:
        if found.unit not in UNITS or found.snr_db not in SNRS_DB:
            listing.fault(found.name, "not in MIMII, which has id_00 to id_06 at 6, 0 and -6 dB; rename its folder")
        return
    for label, kind in enumerate(("normal", "abnormal")):
        n, published = found.found[label], found.published[label]
        if n != published:
            names = {clip.path[-12:] for clip in found.clips if clip.label == label}
            missing = [f"{i:08d}.wav" for i in range(published) if f"{i:08d}.wav" not in names]
            told = f"; missing are {_some(missing)}" if missing else "; more than there should be"
            listing.fault(found.name, f"{n} {kind} clips, published are {published}{told}")


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _absent(sets: Sequence[FoundSet]) -> tuple[str, ...]:
    there = {found.name for found in sets}
    names = [FoundSet(*key, snr_db).name for key in mimii_release.counts() for snr_db in SNRS_DB]
    return tuple(name for name in names if name not in there)


def _obstacles(sets: Sequence[FoundSet]) -> dict[str, tuple[str, ...]]:
    """For each split and channel rule, why it cannot be run on some sets."""
    told = {f"split {split}": [_why_no_split(found, split) for found in sets] for split in SPLITS}
    told |= {f"channel {channel}": [_why_no_channel(found, channel) for found in sets] for channel in CHANNELS}
    return {rule: tuple(filter(None, reasons)) for rule, reasons in told.items()}


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
