"""The contract of a detector: `fit` on normal clips, `score` any clips, higher = more anomalous."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np

from features import Feature


@dataclass(frozen=True)
class Clips:
    """All that a detector may see of some clips: no label, no path, no SNR.

    features: one array per clip, `(n_frames, n_bins) float32`, read-only; n_frames may differ between clips.
    Where all channels are heard, the bins of each follow those of the one before: `(n_frames, n_channels * n_bins)`.
    units: one name per clip, the machine unit that made the sound.
    """

    features: Sequence[np.ndarray]
    units: Sequence[str]

    def __post_init__(self) -> None:
        if len(self.features) != len(self.units):
            raise ValueError(f"Clips: {len(self.features)} features but {len(self.units)} units; give one unit a clip")

    def __len__(self) -> int:
        return len(self.units)

    def take(self, indices: Sequence[int] | np.ndarray) -> "Clips":
        """Return the clips at these positions, in this order; no frame is copied."""
        return Clips([self.features[i] for i in indices], [self.units[i] for i in indices])


class NotFitted(AttributeError):
    """A detector was asked for a score before `fit`."""


@dataclass
class Detector(ABC):
    """One method of finding anomalous sound.

    A detector is a dataclass. Its fields are its configuration (`seed: int` among them where anything is random),
    its `repr` is its identity in results, `dataclasses.replace` makes a fresh, unfitted copy.
    Attributes set by `fit` end in `_`; networks leave one row per epoch in `history_`.
    """

    feature: Feature  # a field: what the runner computes for this detector
    scope: ClassVar[Literal["unit", "machine"]] = "unit"  # one fit per unit, or one over all units of a machine type
    cpu_budget: ClassVar[Mapping[str, object]] = {}  # fields that train less than published, for runs without a GPU
    sanity: ClassVar[bool] = False  # True for rows that a learned detector must beat
    units_needed: ClassVar[int] = 1  # of a machine; one that tells units apart needs 2 and is left out where fewer are
    one_channel: ClassVar[str] = (
        ""  # why it cannot hear channels side by side; --channel all leaves it out, saying this
    )
    needs: ClassVar[str] = ""  # what its fields must first be given; a run of all detectors leaves it out, saying this

    @abstractmethod
    def fit(self, clips: Clips) -> Self:
        """Learn what normal sounds like from clips of NORMAL sound only, and return self."""

    @abstractmethod
    def score(self, clips: Clips) -> np.ndarray:
        """Return one anomaly score per clip, `(n_clips,)` float, higher = more anomalous.

        Each score depends on its own clip alone: a clip scored alone gets the score it gets in a batch.
        Raises `NotFitted` before `fit`.
        """

    if not TYPE_CHECKING:  # hidden from the type checker, which would then believe in any attribute

        def __getattr__(self, name: str) -> Any:
            """Called for missing attributes only: those ending in `_` are what `fit` sets."""
            if name.endswith("_") and not name.startswith("_"):
                raise NotFitted(f"{type(self).__name__} is not fitted ({name} is missing); call fit(clips) first")
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


def vectors(clips: Clips) -> np.ndarray:
    """Flatten each clip's feature into one vector: `(n_clips, n_frames * n_bins) float32`.

    Raises `ValueError` where clips differ in size: pool over time first (`PooledLogMel`).
    """
    sizes = {frames.shape for frames in clips.features}
    if len(sizes) > 1:
        raise ValueError(
            f"vectors: clips differ in shape, {sorted(sizes)[:3]}; use a pooled feature such as PooledLogMel"
        )
    return np.stack([np.ravel(frames) for frames in clips.features])


def sampled_frames(clips: Clips, at_most: int, seed: int) -> np.ndarray:
    """Draw frames without replacement, as many from each clip: `(n_frames <= max(at_most, n_clips), n_bins) float32`.

    For detectors that learn from single frames and cannot take them all.
    """
    rng = np.random.default_rng(seed)
    of_each = max(1, at_most // len(clips))
    drawn = [np.sort(rng.permutation(len(frames))[:of_each]) for frames in clips.features]
    return np.concatenate([frames[rows] for frames, rows in zip(clips.features, drawn, strict=True)])
