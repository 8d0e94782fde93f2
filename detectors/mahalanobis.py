"""Mahalanobis distance to the mean of the normal clips."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from sklearn.covariance import LedoitWolf
from sklearn.preprocessing import StandardScaler

from detectors.contract.detector import Clips, Detector, vectors
from detectors.contract.registry import register
from features import Feature, PooledLogMel


@register("mahalanobis")
@dataclass
class Mahalanobis(Detector):
    """Mahalanobis distance (Mahalanobis, 1936) under a shrunk covariance (Ledoit and Wolf, 2004).

    Score: `sqrt((x - m)^T C^-1 (x - m))`: the distance from the mean m of the training clips, in standard deviations
    along each principal axis. C is the covariance of the standardised training clips, shrunk towards a multiple of the
    identity by the amount that minimises its expected error. So it can be inverted with fewer clips than bins.
    """

    feature: Feature = PooledLogMel()
    papers: ClassVar[tuple[str, ...]] = ("mahalanobis1936distance", "ledoit2004shrinkage")

    def fit(self, clips: Clips) -> Self:
        self.scaler_ = StandardScaler()
        self.covariance_ = LedoitWolf().fit(self.scaler_.fit_transform(vectors(clips).astype(np.float64)))
        return self

    def score(self, clips: Clips) -> np.ndarray:
        standardised = self.scaler_.transform(vectors(clips).astype(np.float64))
        return np.sqrt(self.covariance_.mahalanobis(standardised))
