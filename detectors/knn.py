"""Nearest neighbours: the distance of a clip to the closest normal clips."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.covariance import LedoitWolf
from sklearn.preprocessing import StandardScaler

from detectors.contract.detector import Clips, Detector, vectors
from detectors.contract.fields import Count, CountOrZero
from detectors.contract.registry import register
from features import Feature, InputError, PooledLogMel

SMALLEST = 1e-12  # replaces a variance or distance of 0, which cannot be a divisor


@register("knn")
@dataclass
class NearestNeighbours(Detector):
    """Mean distance to the k nearest training clips (Ramaswamy et al., 2000; Angiulli and Pizzuti, 2002).

    Distances are in standard deviations of the training clips, bin by bin.
    """

    k: Count = 5  # neighbours averaged; all training clips, if there are fewer
    whiten: bool = False  # measure along principal axes (Ledoit and Wolf, 2004): bins that vary together count once
    density: CountOrZero = 0  # if not 0, divide each distance by the mean distance of the training clip to this many
    #          neighbours of its own (Wilkinghoff et al., arXiv 2509.10951), so that distances count more near dense
    #          clusters
    feature: Feature = PooledLogMel()
    papers: ClassVar[tuple[str, ...]] = (
        "ramaswamy2000knn",
        "angiulli2002knn",
        "ledoit2004shrinkage",
        "wilkinghoff2025density",
    )

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

    It is `knn` with one neighbour and a density of four; neither value was tuned on test clips of the benchmark.
    """

    k: Count = 1
    whiten: bool = True
    density: CountOrZero = 4


def _whitening(standardised: np.ndarray) -> np.ndarray:
    """Return the matrix `(n_bins, n_bins)` that maps rows to uncorrelated coordinates of variance 1."""
    variances, axes = np.linalg.eigh(LedoitWolf().fit(standardised).covariance_)
    return axes / np.sqrt(np.maximum(variances, SMALLEST))


def _radii(normal: np.ndarray, n_neighbours: int) -> np.ndarray:
    """Return the mean distance of each row to its nearest other rows, `(n_rows,)`; it is tiny for a duplicate."""
    distances = np.sort(cdist(normal, normal), axis=1)[:, 1 : 1 + n_neighbours]  # column 0 is the row itself
    return np.maximum(distances.mean(axis=1), SMALLEST)
