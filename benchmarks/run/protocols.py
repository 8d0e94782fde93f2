"""Protocols: which clips train, validate and test, and which channel of a clip the detectors get.

A split rule decides for the clips of one unit at one noise level:

    code      the test part is the first N normal clips in name order and all N abnormal clips; the other normal clips
              train (the official MIMII code since 2020-01-05); deterministic, the default
    paper     the same sizes, but the N normal test clips are drawn at random (Purohit et al. 2019, arXiv 1909.09347)
    holdout   the test part is a random 20 % of the normal clips and all abnormal clips; a random 10 % of the other
              normal clips validate
    labels    the corpus itself says which clip is in which part

`calibrate` takes a share of the training clips of any split out of the fit. They join the validation part, and
thresholds for alarms are set on their scores (benchmarks/evaluation/thresholds.py). The test part stays the same.

A channel rule decides what all detectors of a run get of a clip: one microphone by its index, `nearest` (the one that
faces the machine), the `mean` over all microphones, or `all` of them with their features side by side
(features/cache.py).

The draw depends on the protocol's seed, the machine and the unit, but not on the noise level: clip n is the same
machine sound at every level, and it is in the same part at every level.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.datasets.dataset import Clip, Dataset
from features import ChannelSelection, InputError

SPLIT_RULES = ("code", "paper", "holdout", "labels")
CHANNEL_RULES = ("nearest", "mean", "all")  # beside any index from 0
HOLDOUT_TEST = 0.2  # of the normal clips
HOLDOUT_VALIDATION = 0.1  # of the normal clips that do not test
LEAST_CALIBRATE, MOST_CALIBRATE = 0.01, 0.9  # of the training clips


@dataclass(frozen=True)
class Split:
    """The parts of one unit at one noise level. An abnormal clip outside `test`, or a clip in two parts, is refused."""

    train: tuple[Clip, ...]
    validation: tuple[Clip, ...]
    test: tuple[Clip, ...]

    def __post_init__(self) -> None:
        for part, clips in (("train", self.train), ("validation", self.validation)):
            for clip in clips:
                if clip.label != 0:
                    raise InputError(f"{clip.path}: labelled {clip.label}, but only normal clips (0) may {part}")
        paths = [clip.path for clip in self.train + self.validation + self.test]
        if len(set(paths)) < len(paths):
            twice = next(path for path in paths if paths.count(path) > 1)
            raise InputError(f"{twice}: is in the split twice; every clip has one part")

    def parts(self) -> dict[str, tuple[Clip, ...]]:
        return {"train": self.train, "validation": self.validation, "test": self.test}

    @property
    def manifest_hash(self) -> str:
        """Hash of the parts and their clips, from paths and labels alone."""
        return manifest_hash({part: [(clip.path, clip.label) for clip in of] for part, of in self.parts().items()})


def manifest_hash(parts: Mapping[str, Sequence[tuple[str, int | None]]]) -> str:
    """Hash of part -> (path, label) of its clips, in any order."""
    manifest = {part: sorted(clips) for part, clips in parts.items()}
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Protocol:
    """A split rule, a channel rule, the seed of the draw, and the share of the training clips that sets thresholds."""

    split: str = "code"
    channel: str = "0"  # a 0-based index, "nearest" (the microphone that faces the machine), "mean" or "all"
    seed: int = 0  # of the draws in `paper`, `holdout` and `calibrate`; the detector's seed is another
    calibrate: float = 0.0  # share of the training clips that is held out for thresholds; 0, or 0.01 to 0.9

    def __post_init__(self) -> None:
        if self.split not in SPLIT_RULES:
            raise InputError(f"split {self.split!r}: choose one of {', '.join(SPLIT_RULES)}")
        if self.channel not in CHANNEL_RULES and not re.fullmatch("0|[1-9][0-9]{0,3}", self.channel):
            raise InputError(
                f"channel {self.channel!r}: give an index from 0 to 9999, or one of {', '.join(CHANNEL_RULES)}"
            )
        if self.calibrate and not LEAST_CALIBRATE <= self.calibrate <= MOST_CALIBRATE:
            raise InputError(
                f"calibrate {self.calibrate:g}: give a share of the training clips from {LEAST_CALIBRATE:g} to "
                f"{MOST_CALIBRATE:g}, for example 0.2, or 0 to hold out none"
            )

    @property
    def name(self) -> str:
        """The folder of its results: `code-ch0`, `holdout-all`, `paper-mean-seed1`, `code-ch0-cal0.2`."""
        channel = f"ch{self.channel}" if self.channel.isdecimal() else self.channel
        seed = f"-seed{self.seed}" if self.seed else ""
        return f"{self.split}-{channel}{seed}" + (f"-cal{self.calibrate:g}" if self.calibrate else "")

    def channel_of(self, dataset: Dataset, machine: str) -> ChannelSelection:
        """The channel of this machine's clips. Raises `InputError` where the corpus does not name the nearest one."""
        if self.channel == "mean":
            return "mean"
        if self.channel == "all":
            return "all"
        if self.channel != "nearest":
            return int(self.channel)
        if machine not in dataset.nearest_channel:
            raise InputError(
                f"--channel nearest: {dataset.name} does not say which microphone faces {machine!r}; "
                "give an index or 'mean', or generate the synthetic corpus with --n-channels 8"
            )
        return dataset.nearest_channel[machine]

    def apply(self, clips: Sequence[Clip]) -> Split:
        """Split the clips of one unit at one noise level. Raises `InputError` where a part would be empty."""
        ordered = sorted(clips, key=lambda clip: clip.path)
        normal = [clip for clip in ordered if clip.label == 0]
        abnormal = [clip for clip in ordered if clip.label == 1]
        place = f"{ordered[0].path.rpartition('/')[0].rpartition('/')[0]}" if ordered else "no clips"
        if self.split != "labels" and not (normal and abnormal):
            raise InputError(
                f"{place}: {len(normal)} normal and {len(abnormal)} abnormal clips; "
                f"the {self.split} split needs both; complete the folder or leave the unit out with --units"
            )
        split = _RULES[self.split](normal, abnormal, ordered, self._draw(ordered[0]))
        if not split.train:
            raise InputError(_nothing_to_train_on(place, self.split, normal, abnormal))
        return self._hold_out(split, place) if self.calibrate else split

    def _hold_out(self, split: Split, place: str) -> Split:
        """Move a random share of the training clips, at least one, to the validation part."""
        n = max(1, round(self.calibrate * len(split.train)))
        if n == len(split.train):
            raise InputError(
                f"{place}: {n} training clip{'s' * (n > 1)} cannot be shared between the fit and --calibrate "
                f"{self.calibrate:g}; add normal clips, leave out --calibrate, or leave the unit out with --units"
            )
        chosen = set(self._draw(split.train[0], "calibrate").permutation(len(split.train))[:n].tolist())
        held_out = tuple(clip for i, clip in enumerate(split.train) if i in chosen)
        kept = tuple(clip for i, clip in enumerate(split.train) if i not in chosen)
        return Split(kept, split.validation + held_out, split.test)

    def _draw(self, clip: Clip, purpose: str = "") -> np.random.Generator:
        digest = hashlib.sha256(f"{self.split} {self.seed} {clip.machine} {clip.unit}{purpose}".encode()).digest()
        return np.random.default_rng(np.frombuffer(digest, dtype=np.uint32))


def split_text(split: str, calibrate: float) -> str:
    """A split rule and what is held out of it, in words.

    >>> split_text("code", 0.2)
    'code, 20 % of its training clips held out for thresholds'
    """
    return split + (f", {100 * calibrate:g} % of its training clips held out for thresholds" if calibrate else "")


def _code(normal: list[Clip], abnormal: list[Clip], clips: list[Clip], draw: np.random.Generator) -> Split:
    n = len(abnormal)
    return Split(train=tuple(normal[n:]), validation=(), test=tuple(normal[:n] + abnormal))


def _paper(normal: list[Clip], abnormal: list[Clip], clips: list[Clip], draw: np.random.Generator) -> Split:
    order = draw.permutation(len(normal))
    return _code([normal[i] for i in order], abnormal, clips, draw)


def _holdout(normal: list[Clip], abnormal: list[Clip], clips: list[Clip], draw: np.random.Generator) -> Split:
    shuffled = [normal[i] for i in draw.permutation(len(normal))]
    n_test = max(1, round(HOLDOUT_TEST * len(normal)))
    n_validation = round(HOLDOUT_VALIDATION * (len(normal) - n_test))
    validation, train = shuffled[n_test : n_test + n_validation], shuffled[n_test + n_validation :]
    return Split(tuple(train), tuple(validation), tuple(shuffled[:n_test] + abnormal))


def _labels(normal: list[Clip], abnormal: list[Clip], clips: list[Clip], draw: np.random.Generator) -> Split:
    for clip in clips:
        if clip.split not in ("train", "validation", "test"):
            raise InputError(
                f"{clip.path}: the corpus assigns it to {clip.split!r}, not to train, validation or test; "
                "correct its label file, or choose --split code, paper or holdout"
            )
    return Split(*(tuple(clip for clip in clips if clip.split == part) for part in ("train", "validation", "test")))


_RULES: dict[str, Callable[[list[Clip], list[Clip], list[Clip], np.random.Generator], Split]] = {
    "code": _code,
    "paper": _paper,
    "holdout": _holdout,
    "labels": _labels,
}


def _nothing_to_train_on(place: str, split: str, normal: list[Clip], abnormal: list[Clip]) -> str:
    found = f"{place}: {len(normal)} normal and {len(abnormal)} abnormal clips leave nothing to train on"
    if split == "labels":
        return f"{found}: the corpus assigns no clip to train; choose --split code, paper or holdout"
    left = len(normal) - max(1, round(HOLDOUT_TEST * len(normal)))
    if split == "holdout" or not left:
        return f"{found} under --split {split}; add normal clips or leave the unit out with --units"
    return (
        f"{found} under --split {split}, which tests as many normal clips as there are abnormal ones; "
        f"--split holdout trains and validates on {left} of them"
    )
