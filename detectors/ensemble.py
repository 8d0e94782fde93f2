"""Ensemble: the standardised scores of several detectors, combined."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self

import numpy as np

from detectors.contract.detector import Clips, Detector
from detectors.contract.fields import Seed
from detectors.contract.registry import register
from detectors.contract.variants import create, split_names
from features import Feature, InputError

COMBINE: dict[str, Callable[..., np.ndarray]] = {"mean": np.mean, "maximum": np.max, "minimum": np.min}


@register("ensemble")
@dataclass
class Ensemble(Detector):
    """Several detectors, whose standardised scores are combined (Aggarwal and Sathe, 2015).

    Score: the mean (maximum, minimum) over members of `(s - median) / spread`. The spread is the interquartile range
    over 1.35, which is the standard deviation of a Gaussian. Median and spread are those of a random fifth of the
    training clips, which no member learns from. So normal clips alone decide the weight of each member.
    """

    members: str = "mahalanobis+knn_local+gmm"  # joined by +; those with fields in quotes: members="knn[k=1]+gmm"
    combine: Literal["mean", "maximum", "minimum"] = "mean"
    seed: Seed = 0  # added to the seed of each member
    device: str = field(default="auto", repr=False)  # passed to the members that have one
    feature: Feature | tuple[Feature, ...] = ()  # of each member, in order, or one for all; (): each member's own
    papers: ClassVar[tuple[str, ...]] = ("aggarwal2015ensembles",)

    def __post_init__(self) -> None:
        super().__post_init__()
        names = split_names(self.members, "+")
        if not names:
            raise InputError("ensemble[members='']: name at least one detector, e.g. members=knn+gmm")
        members = [self._member(name) for name in names]
        given = self.feature if isinstance(self.feature, tuple) else (self.feature,) * len(names)
        if given and len(given) != len(names):
            raise InputError(
                f"ensemble[members={self.members}]: feature has {len(given)} features for {len(names)} members; "
                "give one for each, or feature=() for each member's own"
            )
        if given:
            members = [_changed(member, feature=feature) for member, feature in zip(members, given, strict=True)]
        self.unfitted = members
        self.feature = tuple(member.feature for member in members if isinstance(member.feature, Feature))

    @property
    def inner_detectors(self) -> tuple[Detector, ...]:
        """Its members, unfitted."""
        return tuple(self.unfitted)

    @property
    def one_channel(self) -> str:  # type: ignore[override]
        """Why it takes one channel only: the reason of its first such member."""
        named = zip(split_names(self.members, "+"), self.unfitted, strict=True)
        return next((f"its member {name}: {member.one_channel}" for name, member in named if member.one_channel), "")

    def fit(self, clips: Clips) -> Self:
        if len(clips) < 2:
            raise InputError(
                f"ensemble learns from some clips and calibrates on others; give 2 or more, not {len(clips)}"
            )
        order = np.random.default_rng(self.seed).permutation(len(clips))
        held_out, learnt = (clips.take(part) for part in np.split(order, [max(1, len(clips) // 5)]))
        self.members_ = [_changed(member).fit(learnt.of(i)) for i, member in enumerate(self.unfitted)]
        low, centres, high = np.percentile(self._scores(held_out), [25, 50, 75], axis=1)  # (n_members,) each
        self.centres_ = centres
        self.spreads_ = np.where(high > low, (high - low) / 1.35, 1.0)  # 1 where all held-out scores are equal
        return self

    def score(self, clips: Clips) -> np.ndarray:
        standardised = (self._scores(clips).T - self.centres_) / self.spreads_  # (n_clips, n_members)
        return COMBINE[self.combine](standardised, axis=1)

    def _scores(self, clips: Clips) -> np.ndarray:
        """Return the scores of each member, `(n_members, n_clips)`."""
        return np.stack([member.score(clips.of(i)) for i, member in enumerate(self.members_)])

    def _member(self, text: str) -> Detector:
        """Make one member. Raises `InputError` where it is unknown, or learns from several units or features."""
        member = create(text)
        if member.scope != "unit":
            raise InputError(f"ensemble[members={self.members}]: {text} learns from several units; leave it out")
        if isinstance(member.feature, tuple):
            raise InputError(
                f"ensemble[members={self.members}]: {text} needs several features, a member has one; leave it out"
            )
        return _changed(member, seed=self.seed + getattr(member, "seed", 0), device=self.device)


def _changed(member: Any, **values: object) -> Detector:
    """Return an unfitted copy with these fields, where the member has them. `Any`: it is a dataclass."""
    own = {field.name for field in dataclasses.fields(member)}
    return dataclasses.replace(member, **{name: value for name, value in values.items() if name in own})
