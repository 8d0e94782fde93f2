"""Isolation forest: random cuts isolate anomalies early."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from sklearn.ensemble import IsolationForest as Forest

from detectors.contract.detector import Clips, Detector, sampled_frames, vectors
from detectors.contract.fields import Count, CountOrZero, Seed
from detectors.contract.registry import register
from features import Feature, InputError, PooledLogMel


@register("iforest")
@dataclass
class IsolationForest(Detector):
    """Depth at which random trees isolate a clip (isolation forest; Liu, Ting and Zhou, 2008).

    Each tree cuts a random bin at a random value until each clip is alone. Score: `2 ** (-mean depth / c)`, 0..1, where
    c is the expected depth in a tree of that many clips; 0.5 is average.
    """

    trees: Count = 200
    sample_size: Count = 256  # clips (frames) per tree, drawn without replacement; the paper finds no gain beyond 256
    frames: CountOrZero = 0  # 0: one vector per clip; otherwise learn from this many frames, e.g. 50_000, of a feature
    #                          such as `LogMel()`, and score a clip by the mean over its frames
    seed: Seed = 0
    feature: Feature = PooledLogMel()
    papers: ClassVar[tuple[str, ...]] = ("liu2008iforest",)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.frames and isinstance(self.feature, PooledLogMel):
            raise InputError(f"iforest[frames={self.frames}]: choose a feature that has frames, e.g. feature=LogMel()")

    def fit(self, clips: Clips) -> Self:
        normal = sampled_frames(clips, self.frames, self.seed) if self.frames else vectors(clips)
        n_sampled = min(self.sample_size, len(normal))
        self.forest_ = Forest(n_estimators=self.trees, max_samples=n_sampled, random_state=self.seed).fit(normal)
        return self

    def score(self, clips: Clips) -> np.ndarray:  # scikit-learn: higher = normal
        if self.frames:
            return np.array([-self.forest_.score_samples(frames).mean() for frames in clips.features])
        return -self.forest_.score_samples(vectors(clips))
