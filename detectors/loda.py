"""LODA: densities of random one-dimensional projections.

Why not PyOD's: it gives a clip outside the range of the training clips the density of the outermost bin, which is more
than that of an empty bin inside the range. With few training clips its scores therefore have the wrong order.
"""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from sklearn.preprocessing import StandardScaler

from detectors.contract.detector import Clips, Detector, vectors
from detectors.contract.fields import Count, Seed
from detectors.contract.registry import register
from features import Feature, PooledLogMel


@register("loda")
@dataclass
class Loda(Detector):
    """Mean over histograms of random projections of minus log density, in nats (LODA; Pevný, 2016).

    Each projection draws `sqrt(n_bins)` bins of the feature, and a normal weight for each. The number of histogram bins
    follows Sturges' rule. Each histogram bin, and the outside on either side, counts one clip more than it holds.
    """

    projections: Count = 100
    seed: Seed = 0
    feature: Feature = PooledLogMel()
    papers: ClassVar[tuple[str, ...]] = ("pevny2016loda",)

    def fit(self, clips: Clips) -> Self:
        self.scaler_ = StandardScaler()
        normal = self.scaler_.fit_transform(vectors(clips).astype(np.float64))  # (n_training, n_bins)
        self.directions_ = self._directions(normal.shape[1])
        self.histograms_ = [_histogram(values) for values in (normal @ self.directions_).T]
        return self

    def score(self, clips: Clips) -> np.ndarray:
        projected = self.scaler_.transform(vectors(clips).astype(np.float64)) @ self.directions_
        columns = zip(projected.T, self.histograms_, strict=True)
        return -np.mean(
            [densities[np.searchsorted(edges, values, side="right")] for values, (edges, densities) in columns], axis=0
        )

    def _directions(self, n_bins: int) -> np.ndarray:
        """Return sparse random directions, `(n_bins, projections)`."""
        rng = np.random.default_rng(self.seed)
        n_drawn = int(np.ceil(np.sqrt(n_bins)))
        rank = rng.permuted(np.tile(np.arange(n_bins), (self.projections, 1)), axis=1).T
        return np.where(rank < n_drawn, rng.standard_normal((n_bins, self.projections)), 0.0)


def _histogram(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return edges `(n + 1,)` of n histogram bins, and log densities `(n + 2,)`; the first and last are outside."""
    counts, edges = np.histogram(values, bins="sturges")
    smoothed = np.pad(counts, 1) + 1.0
    return edges, np.log(smoothed / smoothed.sum() / (edges[1] - edges[0]))
