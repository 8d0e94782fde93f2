"""Ensemble: detectors that judge together, each in units of its own spread (Aggarwal and Sathe, 2015)."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Self

import numpy as np

from detectors.contract.detector import Clips, Detector
from detectors.contract.registry import register
from detectors.contract.variants import create, split_names
from features import Bundle, Feature, InputError

COMBINE: dict[str, Callable[..., np.ndarray]] = {"mean": np.mean, "maximum": np.max, "minimum": np.min}


@register("ensemble")
@dataclass
class Ensemble(Detector):
    """Any detectors, joined by `+`: `ensemble[members=mahalanobis+dense_ae]`.

    Score: the mean (maximum, minimum) over members of `(s - median) / spread`. Median and spread (interquartile range
    over 1.35, a standard deviation if the scores are Gaussian) are those of a fifth of the training clips, drawn at
    random, that no member learns from: normal clips alone say how much a point of each member is worth.

    Members with fields of their own go in quotes: `ensemble[members="knn[k=1]+gmm"]`. A member's seed is added to that
    of the ensemble. What the members hear follows from them, so `feature` cannot be set.
    """

    members: str = "mahalanobis+knn_local+gmm"
    combine: Literal["mean", "maximum", "minimum"] = "mean"
    seed: int = 0
    device: str = field(default="auto", repr=False)  # handed to the members that have one
    feature: Feature = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.unfitted = [self._member(text) for text in split_names(self.members, "+")]
        self.feature = Bundle(tuple(dict.fromkeys(member.feature for member in self.unfitted)))

    @property
    def one_channel(self) -> str:  # type: ignore[override]
        """Why its first such member cannot hear several channels."""
        named = zip(split_names(self.members, "+"), self.unfitted, strict=True)
        return next((f"its member {name}: {member.one_channel}" for name, member in named if member.one_channel), "")

    def fit(self, clips: Clips) -> Self:
        if len(clips) < 2:
            raise InputError(
                f"ensemble learns from some clips and calibrates on others; give 2 or more, not {len(clips)}"
            )
        order = np.random.default_rng(self.seed).permutation(len(clips))
        held_out, learnt = (clips.take(part) for part in np.split(order, [max(1, len(clips) // 5)]))
        fresh: list[Any] = self.unfitted
        self.members_ = [dataclasses.replace(member).fit(self._heard(member, learnt)) for member in fresh]
        low, centres, high = np.percentile(self._scores(held_out), [25, 50, 75], axis=1)  # (n_members,) each
        self.centres_, self.spreads_ = centres, np.where(high > low, (high - low) / 1.35, 1.0)  # 1: nothing to go by
        return self

    def score(self, clips: Clips) -> np.ndarray:
        standardised = (self._scores(clips).T - self.centres_) / self.spreads_  # (n_clips, n_members)
        return COMBINE[self.combine](standardised, axis=1)

    def _scores(self, clips: Clips) -> np.ndarray:
        """Return what each member says, `(n_members, n_clips)`."""
        return np.stack([member.score(self._heard(member, clips)) for member in self.members_])

    def _heard(self, member: Detector, clips: Clips) -> Clips:
        """The clips as this member hears them."""
        bundle: Any = self.feature
        part = bundle.features.index(member.feature)
        return Clips([bundle.unpack(column)[part] for column in clips.features], clips.units)

    def _member(self, text: str) -> Detector:
        """Make one member. Raises `InputError` where it is unknown or learns from more than one unit."""
        member: Any = create(text)
        if member.scope != "unit":
            raise InputError(f"ensemble[members={self.members}]: {text} learns from several units; leave it out")
        own = {name.name for name in dataclasses.fields(member)}
        given = {"seed": self.seed + getattr(member, "seed", 0), "device": self.device}
        return dataclasses.replace(member, **{name: given[name] for name in given if name in own})
