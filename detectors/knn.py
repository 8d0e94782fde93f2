"""Distance to the nearest normal clips (Ramaswamy et al., 2000; Angiulli and Pizzuti, 2002)."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.preprocessing import StandardScaler

from detectors.detector import Clips, Detector, vectors
from detectors.registry import register
from features import Feature, PooledLogMel


@register("knn")
@dataclass
class NearestNeighbours(Detector):
    """Mean distance to the k closest training clips, in standard deviations of the training clips."""

    k: int = 5  # neighbours averaged, at most as many as there are training clips
    feature: Feature = PooledLogMel()

    def fit(self, clips: Clips) -> Self:
        self.scaler_ = StandardScaler()
        self.normal_ = self.scaler_.fit_transform(vectors(clips).astype(np.float64))  # (n_training, n_bins)
        return self

    def score(self, clips: Clips) -> np.ndarray:
        distances = cdist(self.scaler_.transform(vectors(clips).astype(np.float64)), self.normal_)
        return np.sort(distances, axis=1)[:, : self.k].mean(axis=1)  # (n_clips, n_training) -> (n_clips,)
