"""Isolation forest (Liu, Ting and Zhou, 2008): what random cuts isolate early is anomalous."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from sklearn.ensemble import IsolationForest as Forest

from detectors.contract.detector import Clips, Detector, sampled_frames, vectors
from detectors.contract.registry import register
from features import Feature, InputError, PooledLogMel


@register("iforest")
@dataclass
class IsolationForest(Detector):
    """Trees cut a random bin at a random value until each clip stands alone.

    Score: `2 ** (-mean depth / c)`, 0..1, where c is the depth to expect in a tree of that many clips; 0.5 is average.
    With `frames`, and a feature such as `LogMel()`, it is frames that are isolated, and the score is their mean.
    """

    trees: int = 200
    sample_size: int = 256  # clips (frames) per tree, drawn without replacement; the paper finds no gain beyond
    frames: int = 0  # 0 = one vector per clip; otherwise the number of frames to learn from, e.g. 50_000
    seed: int = 0
    feature: Feature = PooledLogMel()

    def __post_init__(self) -> None:
        if self.frames and isinstance(self.feature, PooledLogMel):
            raise InputError(f"frames={self.frames} needs a feature that has frames, such as feature=LogMel()")

    def fit(self, clips: Clips) -> Self:
        normal = sampled_frames(clips, self.frames, self.seed) if self.frames else vectors(clips)
        n_sampled = min(self.sample_size, len(normal))
        self.forest_ = Forest(n_estimators=self.trees, max_samples=n_sampled, random_state=self.seed).fit(normal)
        return self

    def score(self, clips: Clips) -> np.ndarray:  # scikit-learn: higher = normal
        if self.frames:
            return np.array([-self.forest_.score_samples(frames).mean() for frames in clips.features])
        return -self.forest_.score_samples(vectors(clips))
