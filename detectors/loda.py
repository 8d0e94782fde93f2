"""LODA, lightweight on-line detector of anomalies (Pevný, 2016, doi 10.1007/s10994-015-5521-0).

Not PyOD's, which gives a clip outside the range of the training clips the density of the outermost bar: above that of
an empty bar inside, so that with few training clips its scores run the wrong way.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from sklearn.preprocessing import StandardScaler

from detectors.contract.detector import Clips, Detector, vectors
from detectors.contract.registry import register
from features import Feature, PooledLogMel


@register("loda")
@dataclass
class Loda(Detector):
    """Minus log density, in nats, averaged over histograms of random one-dimensional projections of the clips.

    Each projection draws `sqrt(n_bins)` bins and a normal weight for each of them. Histograms have
    Sturges' number of bars; each bar, and the outside on either hand, counts one clip more than it holds.
    """

    projections: int = 100
    seed: int = 0
    feature: Feature = PooledLogMel()

    def fit(self, clips: Clips) -> Self:
        self.scaler_ = StandardScaler()
        normal = self.scaler_.fit_transform(vectors(clips).astype(np.float64))  # (n_training, n_bins)
        self.directions_ = self._directions(normal.shape[1])
        self.histograms_ = [_histogram(values) for values in (normal @ self.directions_).T]
        return self

    def score(self, clips: Clips) -> np.ndarray:
        heard = self.scaler_.transform(vectors(clips).astype(np.float64)) @ self.directions_
        columns = zip(heard.T, self.histograms_, strict=True)
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
    """Return edges `(n_bars + 1,)` and log densities `(n_bars + 2,)`, whose ends are those of the outside."""
    counts, edges = np.histogram(values, bins="sturges")
    smoothed = np.pad(counts, 1) + 1.0
    return edges, np.log(smoothed / smoothed.sum() / (edges[1] - edges[0]))
