"""The plan of a run: its cells, the clips of each cell, and the cells that share a fit."""

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from benchmarks.cell import Cell, snr_text
from benchmarks.datasets.dataset import Clip, Dataset
from benchmarks.run.protocols import Protocol, Split
from detectors import Detector
from detectors.contract.code_version import code_version
from detectors.contract.detector import features_of, run_settings
from features import ChannelSelection, Feature, InputError

GroupKey = tuple[str, str, float | None]  # machine, unit, SNR in dB


@dataclass(frozen=True)
class Group:
    """The clips of one unit at one noise level, which are read and split together.

    clips: in an order that says nothing about their labels, see `_shuffled`; it is that of the group's features.
    split: None where the protocol cannot split them; `problem` then says why.
    """

    machine: str
    unit: str
    snr_db: float | None
    clips: tuple[Clip, ...]
    channel: ChannelSelection
    split: Split | None
    problem: str = ""

    @property
    def key(self) -> GroupKey:
        """What tells it from the other groups of a plan."""
        return self.machine, self.unit, self.snr_db

    @cached_property
    def positions(self) -> dict[str, tuple[int, ...]]:
        """Part -> indices in `clips`, in the order in which a detector gets them.

        That is the order of the split for the clips to learn from, and the order of `clips` for those of the test.
        """
        index = {clip.path: position for position, clip in enumerate(self.clips)}
        parts = self.split.parts() if self.split else {}
        given = {part: tuple(index[clip.path] for clip in clips) for part, clips in parts.items()}
        return given | {"test": tuple(sorted(given["test"]))} if given else {}


@dataclass(frozen=True)
class Job:
    """One fit and its cells: one cell, or for a detector of scope "machine" the cells of all units."""

    detector: Detector  # configured, unfitted, seed and device set
    cells: tuple[Cell, ...]
    groups: tuple[Group, ...]  # one per cell

    @property
    def features(self) -> tuple[Feature, ...]:
        """What must be computed of each clip."""
        return features_of(self.detector)


@dataclass(frozen=True)
class Plan:
    """All jobs of a run on one corpus under one protocol."""

    dataset: Dataset
    protocol: Protocol
    groups: tuple[Group, ...]
    jobs: tuple[Job, ...]
    quick: bool = False  # whether only a part of the clips was kept
    left_out: tuple[str, ...] = ()  # a line for each detector that cannot run, here or anywhere, and why

    @property
    def cells(self) -> list[Cell]:
        return [cell for job in self.jobs for cell in job.cells]


@dataclass(frozen=True)
class Selection:
    """What part of a corpus to run on; an empty tuple means all.

    quick: a fast first look: one unit per machine, one noise level, few clips.
    """

    machines: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    snrs_db: tuple[float, ...] = ()
    quick: bool = False


QUICK_CLIPS = {0: 60, 1: 20}  # label -> clips kept of each unit


def make_plan(
    dataset: Dataset,
    protocol: Protocol,
    detectors: Mapping[str, Detector],
    seeds: Sequence[int] = (0,),
    selection: Selection = Selection(),
    device: str = "auto",
) -> Plan:
    """List the jobs of a run. Opens no audio; where a channel other than the first is chosen, one clip.

    `detectors`: row label -> unfitted detector. One without a field `seed` gives the same result for each seed: it is
    run once, and its cell has seed 0 whatever the seeds, so that no later run with other seeds repeats it.
    A detector is left out of the run where it takes one channel and all are asked for, where it needs sound and the
    corpus is a table of vectors, or where it cannot be prepared at all; and it is left out of a machine with fewer
    units than it needs. `Plan.left_out` says so.
    Raises `InputError` where nothing is selected, no unit can be split, no unit has the channel that is chosen, or
    every detector is left out.
    """
    groups = _groups(dataset, protocol, selection)
    if all(group.split is None for group in groups):
        raise InputError(groups[0].problem)
    _check_channel(protocol, groups)
    obstacles = {label: _obstacle(dataset, protocol, detector) for label, detector in detectors.items()}
    able = {label: detector for label, detector in detectors.items() if not obstacles[label]}
    jobs: list[Job] = []
    lacking: dict[str, list[str]] = {}
    for bundles, scope in ((_by_unit(groups), "unit"), (_by_machine(groups), "machine")):
        for bundle in bundles:
            for label, detector in able.items():
                if detector.scope != scope:
                    continue
                if len(bundle) < detector.units_needed:
                    lacking.setdefault(label, []).append(f"{bundle[0].machine} at {snr_text(bundle[0].snr_db)}")
                else:
                    jobs += _jobs(dataset, label, detector, bundle, seeds, device)
    lines = [f"{label} is left out: {reason}" for label, reason in obstacles.items() if reason]
    lines += [_left_out(label, detectors[label], places) for label, places in lacking.items()]
    if detectors and not jobs:
        raise InputError("; ".join(lines[:3]))
    return Plan(dataset, protocol, groups, tuple(jobs), selection.quick, tuple(lines))


def _check_channel(protocol: Protocol, groups: Sequence[Group]) -> None:
    """Raise `InputError` where no group has the channel, by its first clip in name order.

    A clip that cannot be read at all says nothing. Where some groups have the channel, the others are rows with their
    reason.
    """
    lacking = ""
    for group in groups:
        if group.channel in (0, "mean", "all") or not (lack := _lack(group)):
            return
        lacking = lacking or lack
    if lacking:
        raise InputError(f"--channel {protocol.channel}: {lacking}")


def _lack(group: Group) -> str:
    """Why the first clip of a group does not have its channel, "" where it has, or is damaged altogether."""
    audio = min(group.clips, key=lambda clip: clip.path).audio
    try:
        audio.read(0)
    except InputError:
        return ""
    try:
        audio.read(group.channel)  # type: ignore[arg-type]  # an index
    except InputError as error:
        return str(error)
    return ""


def _obstacle(dataset: Dataset, protocol: Protocol, detector: Detector) -> str:
    """Why a detector cannot run on this corpus under this protocol, "" if it can.

    A defect of the detector itself is a reason too: it must not end the run of the others.
    """
    if protocol.channel == "all" and detector.one_channel:
        return f"under --channel all, {detector.one_channel}"
    try:
        _prepared(dataset, detector)
        code_version(detector)
        repr(detector)
    except InputError as error:
        return str(error)
    except Exception as error:
        return f"it cannot be prepared: {type(error).__name__}: {error}"
    return ""


def _prepared(dataset: Dataset, detector: Detector, **settings: Any) -> Detector:
    """A fresh copy with these settings and with the feature that the corpus gives for the one asked for."""
    feature = detector.feature
    given = tuple(map(dataset.feature_for, feature)) if isinstance(feature, tuple) else dataset.feature_for(feature)
    changed: dict[str, Any] = {} if given == feature else {"feature": given}
    return dataclasses.replace(detector, **changed, **settings)


def _left_out(label: str, detector: Detector, places: list[str]) -> str:
    shown = ", ".join(places[:3]) + (f" and {len(places) - 3} more" if len(places) > 3 else "")
    return (
        f"{label} is left out on {shown}: it learns from {detector.units_needed} units of a machine or more, "
        "and fewer are here or chosen"
    )


def _groups(dataset: Dataset, protocol: Protocol, selection: Selection) -> tuple[Group, ...]:
    by_key: dict[tuple, list[Clip]] = {}
    for clip in dataset.clips():
        by_key.setdefault((clip.machine, clip.unit, clip.snr_db), []).append(clip)
    chosen = _select(by_key, selection)
    return tuple(
        _group(dataset, protocol, key, _thin(clips) if selection.quick else clips) for key, clips in chosen.items()
    )


def _select(by_key: dict[tuple, list[Clip]], selection: Selection) -> dict[tuple, list[Clip]]:
    axes = (("machine", selection.machines), ("unit", selection.units), ("SNR", selection.snrs_db))
    for position, (axis, wanted) in enumerate(axes):
        there = sorted({key[position] for key in by_key}, key=str)
        if missing := [value for value in wanted if value not in there]:
            raise InputError(f"no {axis} {missing[0]!r} in the corpus; there are: {', '.join(map(str, there))}")
        by_key = {key: clips for key, clips in by_key.items() if not wanted or key[position] in wanted}
        if not by_key:
            raise InputError(f"no clips are left after choosing {axis} {', '.join(map(str, wanted))}")
    if selection.quick:
        first = {key[0]: key for key in sorted(by_key, key=_loudest_first, reverse=True)}
        by_key = {key: clips for key, clips in by_key.items() if key in first.values()}
    return {key: by_key[key] for key in sorted(by_key, key=_loudest_first)}


def _loudest_first(key: tuple) -> tuple:
    """Order of groups: machine, unit, then from the highest SNR to the lowest."""
    machine, unit, snr_db = key
    return machine, unit, -(snr_db or 0)


def _thin(clips: list[Clip]) -> list[Clip]:
    """Keep evenly spaced clips of each label, one of each of `QUICK_CLIPS` equal stretches in name order.

    The position within a stretch moves on from one stretch to the next: where three kinds of anomaly alternate, every
    third clip would be of one kind.
    """
    kept = []
    for label in (0, 1, None):
        of_label = [clip for clip in clips if clip.label == label]
        n = min(len(of_label), QUICK_CLIPS.get(label or 0, len(of_label)))
        kept += [of_label[i * len(of_label) // n + i % (len(of_label) // n)] for i in range(n)]
    return kept


def _group(dataset: Dataset, protocol: Protocol, key: tuple, clips: list[Clip]) -> Group:
    machine, unit, snr_db = key
    ordered = _shuffled(clips)
    channel = protocol.channel_of(dataset, machine)
    try:
        return Group(machine, unit, snr_db, ordered, channel, protocol.apply(ordered))
    except InputError as error:
        return Group(machine, unit, snr_db, ordered, channel, None, str(error))


def _shuffled(clips: Sequence[Clip]) -> tuple[Clip, ...]:
    """The clips in the order of a hash of their paths.

    In the order of names, all abnormal clips would follow each other: a detector whose scores drift from one clip to
    the next would gain by it, and the place of a clip in memory would tell its label.
    """
    return tuple(sorted(clips, key=lambda clip: hashlib.sha256(clip.path.encode("utf-8", "surrogatepass")).digest()))


def is_seeded(detector: Detector) -> bool:
    """Whether a detector has a field `seed`: it draws at random, so another seed gives another result."""
    return any(field.name == "seed" for field in dataclasses.fields(detector))


def _by_unit(groups: Sequence[Group]) -> list[tuple[Group, ...]]:
    return [(group,) for group in groups]


def _by_machine(groups: Sequence[Group]) -> list[tuple[Group, ...]]:
    bundles: dict[tuple, list[Group]] = {}
    for group in groups:
        bundles.setdefault((group.machine, group.snr_db), []).append(group)
    return [tuple(bundle) for bundle in bundles.values()]


def _jobs(
    dataset: Dataset, label: str, detector: Detector, groups: tuple[Group, ...], seeds: Sequence[int], device: str
) -> list[Job]:
    jobs = []
    for seed in seeds if is_seeded(detector) else (0,):
        settings = run_settings(detector, seed, device)
        cells = tuple(Cell(label, dataset.name, g.machine, g.unit, g.snr_db, seed) for g in groups)
        jobs.append(Job(_prepared(dataset, detector, **settings), cells, groups))
    return jobs
