"""Isolation forest (Liu, Ting and Zhou, 2008): what random cuts isolate early is anomalous."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from sklearn.ensemble import IsolationForest as Forest

from detectors.detector import Clips, Detector, vectors
from detectors.registry import register
from features import Feature, PooledLogMel


@register("iforest")
@dataclass
class IsolationForest(Detector):
    """Trees cut a random bin at a random value until each clip stands alone.

    Score: `2 ** (-mean depth / c)`, 0..1, where c is the depth to expect in a tree of that many clips; 0.5 is average.
    """

    trees: int = 200
    clips_per_tree: int = 256  # drawn without replacement; the paper finds no gain beyond
    seed: int = 0
    feature: Feature = PooledLogMel()

    def fit(self, clips: Clips) -> Self:
        n_samples = min(self.clips_per_tree, len(clips))
        self.forest_ = Forest(n_estimators=self.trees, max_samples=n_samples, random_state=self.seed)
        self.forest_.fit(vectors(clips))
        return self

    def score(self, clips: Clips) -> np.ndarray:
        return -self.forest_.score_samples(vectors(clips))  # scikit-learn: higher = normal
