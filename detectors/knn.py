"""Distance to the nearest normal clips (Ramaswamy et al., 2000; Angiulli and Pizzuti, 2002)."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.covariance import LedoitWolf
from sklearn.preprocessing import StandardScaler

from detectors.contract.detector import Clips, Detector, vectors
from detectors.contract.registry import register
from features import Feature, InputError, PooledLogMel

SMALLEST = 1e-12  # in place of a variance or distance of 0, which cannot be divided by


@register("knn")
@dataclass
class NearestNeighbours(Detector):
    """Mean distance to the k closest training clips, in standard deviations of the training clips.

    whiten: measure along the principal axes of the training clips (Ledoit and Wolf, 2004), so that bins which rise and
    fall together count once.
    density: divide the distance to each training clip by that clip's own mean distance to so many neighbours
    (Wilkinghoff et al., arXiv 2509.10951), so that near a tight cluster a short way is far; 0 = do not.
    """

    k: int = 5  # neighbours averaged, at most as many as there are training clips
    whiten: bool = False
    density: int = 0
    feature: Feature = PooledLogMel()

    def fit(self, clips: Clips) -> Self:
        if self.density and len(clips) < 2:
            raise InputError(f"density={self.density} needs 2 training clips or more, found {len(clips)}")
        self.scaler_ = StandardScaler()
        standardised = self.scaler_.fit_transform(vectors(clips).astype(np.float64))  # (n_training, n_bins)
        self.axes_ = _whitening(standardised) if self.whiten else None
        self.normal_ = standardised if self.axes_ is None else standardised @ self.axes_
        self.radii_ = _radii(self.normal_, self.density) if self.density else np.ones(len(clips))
        return self

    def score(self, clips: Clips) -> np.ndarray:
        standardised = self.scaler_.transform(vectors(clips).astype(np.float64))
        positions = standardised if self.axes_ is None else standardised @ self.axes_
        distances = cdist(positions, self.normal_) / self.radii_
        return np.sort(distances, axis=1)[:, : self.k].mean(axis=1)  # (n_clips, n_training) -> (n_clips,)


@register("knn_local")
@dataclass
class LocalNeighbours(NearestNeighbours):
    """Whitened distance to the nearest training clip, relative to the density around it (arXiv 2509.10951).

    No value was tuned on the benchmark's own test clips: one neighbour, rescaled by four.
    """

    k: int = 1
    whiten: bool = True
    density: int = 4


def _whitening(standardised: np.ndarray) -> np.ndarray:
    """Return the matrix `(n_bins, n_bins)` that maps rows to uncorrelated coordinates of variance 1."""
    variances, axes = np.linalg.eigh(LedoitWolf().fit(standardised).covariance_)
    return axes / np.sqrt(np.maximum(variances, SMALLEST))


def _radii(normal: np.ndarray, n_neighbours: int) -> np.ndarray:
    """Return the mean distance of each row to its nearest other rows, `(n_rows,)`; a duplicate has almost none."""
    distances = np.sort(cdist(normal, normal), axis=1)[:, 1 : 1 + n_neighbours]  # column 0 is the row itself
    return np.maximum(distances.mean(axis=1), SMALLEST)
