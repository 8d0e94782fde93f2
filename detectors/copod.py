"""COPOD, outliers by empirical copulas (Li et al. 2020, arXiv 2009.09463), one clip at a time; see `detectors.ecod`."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from detectors.contract.detector import Clips, Detector, vectors
from detectors.contract.registry import register
from detectors.ecod import tails
from features import Feature, PooledLogMel


@register("copod")
@dataclass
class Copod(Detector):
    """How far out in its tails each bin of a clip lies, the skewness of the bin deciding which tail counts most.

    Score: `sum over bins of max(leaning tail, mean of both tails)`, tails as in ECOD; the leaning tail is the right one
    where the training clips, together with the clip, are skewed to the right.
    """

    feature: Feature = PooledLogMel()

    def fit(self, clips: Clips) -> Self:
        normal = vectors(clips).astype(np.float64)  # (n_training, n_bins)
        self.centre_ = normal.mean(axis=0)
        self.power_sums_ = [np.sum((normal - self.centre_) ** power, axis=0) for power in (1, 2, 3)]
        self.sorted_ = np.sort(normal, axis=0)
        return self

    def score(self, clips: Clips) -> np.ndarray:
        heard = vectors(clips).astype(np.float64)
        left, right = tails(self.sorted_, heard)
        leaning = np.where(self._third_moments(heard) < 0, left, right)
        return np.maximum(leaning, (left + right) / 2).sum(axis=1)

    def _third_moments(self, heard: np.ndarray) -> np.ndarray:
        """Central third moment of the training clips and one clip more, per bin: `(n_clips, n_bins)`."""
        n_clips = len(self.sorted_) + 1
        centred = heard - self.centre_
        first, second, third = ((sums + centred**power) / n_clips for power, sums in enumerate(self.power_sums_, 1))
        return third - 3 * first * second + 2 * first**3
