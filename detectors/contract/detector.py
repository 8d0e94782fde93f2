"""The contract of a detector: `fit` on normal clips, `score` any clips, higher = more anomalous."""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np

from detectors.contract.fields import check_fields
from features import Feature


@dataclass(frozen=True)
class Clips:
    """All that a detector may see of some clips: no label, no path, no SNR.

    features: one array per clip, `(n_frames, n_bins) float32`, read-only; n_frames may differ between clips.
    With all channels, the bins of the channels follow each other: `(n_frames, n_channels * n_bins)`.
    units: one name per clip, the machine unit that made the sound.
    further: for a detector with several features, the arrays of the second feature, of the third, and so on.
    """

    features: Sequence[np.ndarray]
    units: Sequence[str]
    further: Sequence[Sequence[np.ndarray]] = ()

    def __post_init__(self) -> None:
        for features in (self.features, *self.further):
            if len(features) != len(self.units):
                raise ValueError(f"Clips: {len(features)} features but {len(self.units)} units; give one unit a clip")

    def __len__(self) -> int:
        return len(self.units)

    def take(self, indices: Sequence[int] | np.ndarray) -> "Clips":
        """Return the clips at these positions, in this order; no frame is copied.

        >>> clips = Clips([np.zeros((3, 1)), np.ones((2, 1))], ["id_00", "id_02"])
        >>> clips.take([1]).units
        ['id_02']
        """
        return Clips(
            [self.features[i] for i in indices],
            [self.units[i] for i in indices],
            [[features[i] for i in indices] for features in self.further],
        )

    def of(self, position: int) -> "Clips":
        """Return the clips with one feature alone: the first for `position` 0.

        >>> clips = Clips([np.zeros((3, 1))], ["id_00"], [[np.ones((1, 4))]])
        >>> clips.of(1).features[0].shape
        (1, 4)
        """
        return Clips([self.features, *self.further][position], self.units)

    @classmethod
    def joined(cls, parts: "Sequence[Clips]") -> "Clips":
        """Return the clips of all parts, one part after the other; each has the same features.

        >>> one = Clips([np.zeros((3, 1))], ["id_00"])
        >>> len(Clips.joined([one, one]))
        2
        """
        return cls(
            [frames for part in parts for frames in part.features],
            [unit for part in parts for unit in part.units],
            [
                [frames for features in same for frames in features]
                for same in zip(*(part.further for part in parts), strict=True)
            ],
        )


class NotFitted(AttributeError):
    """A detector was asked for a score before `fit`."""


@dataclass
class Detector(ABC):
    """One method of finding anomalous sound.

    A detector is a dataclass. Its fields are its configuration, its `repr` is its identity in results,
    `dataclasses.replace` makes a fresh, unfitted copy. A run sets two fields where a detector has them: `seed`, which
    it has where anything is random, to each of the seeds of the run; and `device`, which it has where it uses torch
    (with `repr=False`), to "auto": the GPU if there is one (`detectors.networks.training.device_of`).
    Fields are checked against their annotations when a detector is made, see `detectors.contract.fields`; a subclass
    with a `__post_init__` of its own calls `super().__post_init__()`.
    Attributes set by `fit` end in `_`; networks leave one row per epoch in `history_`.
    """

    feature: Feature | tuple[Feature, ...]  # what the runner computes; several features arrive in `Clips.further`
    scope: ClassVar[Literal["unit", "machine"]] = "unit"  # one fit per unit, or one over all units of a machine type
    papers: ClassVar[tuple[str, ...]] = ()  # what to cite: keys of benchmarks/reporting/bibliography.bib
    cpu_budget: ClassVar[Mapping[str, object]] = {}  # fields for a shorter training, for runs without a GPU
    sanity: ClassVar[bool] = False  # True for rows that a learned detector must beat
    units_needed: ClassVar[int] = 1  # of a machine; machines with fewer units are left out
    one_channel: ClassVar[str] = ""  # why it takes one channel only; --channel all leaves it out and says this
    needs: ClassVar[str] = ""  # what must be set before it can run; a run of all detectors leaves it out and says this
    registered_as: ClassVar[str] = ""  # set by `register`

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def inner_detectors(self) -> "tuple[Detector, ...]":
        """The detectors that it consists of, for an ensemble."""
        return ()

    @abstractmethod
    def fit(self, clips: Clips) -> Self:
        """Learn what normal sounds like from clips of NORMAL sound only, and return self."""

    @abstractmethod
    def score(self, clips: Clips) -> np.ndarray:
        """Return one anomaly score per clip, `(n_clips,)` float, higher = more anomalous.

        Each score depends on its own clip alone: a clip scored alone gets the score it gets in a batch.
        Raises `NotFitted` before `fit`.
        """

    if not TYPE_CHECKING:  # hidden from the type checker, which would otherwise accept any attribute

        def __getattr__(self, name: str) -> Any:
            """Called for missing attributes only: those ending in `_` are set by `fit`."""
            if name.endswith("_") and not name.startswith("_"):
                raise NotFitted(f"{type(self).__name__} is not fitted ({name} is missing); call fit(clips) first")
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


def run_settings(detector: Detector, seed: int, device: str) -> dict[str, int | str]:
    """The fields that a run sets in a detector, of `seed` and `device` those that it has."""
    names = {field.name for field in dataclasses.fields(detector)}
    return {name: value for name, value in (("seed", seed), ("device", device)) if name in names}


def features_of(detector: Detector) -> tuple[Feature, ...]:
    """Return the features of a detector, in the order in which `Clips` holds their arrays."""
    return detector.feature if isinstance(detector.feature, tuple) else (detector.feature,)


def vectors(clips: Clips) -> np.ndarray:
    """Flatten the feature of each clip into one vector: `(n_clips, n_frames * n_bins) float32`.

    Raises `ValueError` where clips differ in size: pool over time first (`PooledLogMel`).

    >>> vectors(Clips([np.zeros((3, 2)), np.ones((3, 2))], ["id_00", "id_00"])).shape
    (2, 6)
    """
    sizes = {frames.shape for frames in clips.features}
    if len(sizes) > 1:
        raise ValueError(
            f"vectors: clips differ in shape, {sorted(sizes)[:3]}; use a pooled feature such as PooledLogMel"
        )
    return np.stack([np.ravel(frames) for frames in clips.features])


def sampled_frames(clips: Clips, at_most: int, seed: int) -> np.ndarray:
    """Draw frames without replacement, the same number from each clip.

    Returns `(n_frames <= max(at_most, n_clips), n_bins) float32`. It is for detectors that learn from single frames
    and cannot take all of them.
    """
    rng = np.random.default_rng(seed)
    of_each = max(1, at_most // len(clips))
    drawn = [np.sort(rng.permutation(len(frames))[:of_each]) for frames in clips.features]
    return np.concatenate([frames[rows] for frames, rows in zip(clips.features, drawn, strict=True)])
