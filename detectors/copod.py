"""COPOD: outliers by empirical copulas. As in `detectors.ecod`, a clip is ranked among training clips and itself."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from detectors.contract.detector import Clips, Detector, vectors
from detectors.contract.registry import register
from detectors.ecod import tails
from features import Feature, PooledLogMel


@register("copod")
@dataclass
class Copod(Detector):
    """Tail probabilities of each bin, weighted by its skewness (COPOD; Li et al. 2020, arXiv 2009.09463).

    Score: `sum over bins of max(tail of the skewness, mean of both tails)`, with the tails of ECOD. The tail of the
    skewness is the right one where the training clips, together with the clip, are skewed to the right.
    """

    feature: Feature = PooledLogMel()
    papers: ClassVar[tuple[str, ...]] = ("li2020copod",)

    def fit(self, clips: Clips) -> Self:
        normal = vectors(clips).astype(np.float64)  # (n_training, n_bins)
        self.centre_ = normal.mean(axis=0)
        self.power_sums_ = [np.sum((normal - self.centre_) ** power, axis=0) for power in (1, 2, 3)]
        self.sorted_ = np.sort(normal, axis=0)
        return self

    def score(self, clips: Clips) -> np.ndarray:
        values = vectors(clips).astype(np.float64)  # (n_clips, n_bins)
        left, right = tails(self.sorted_, values)
        of_skewness = np.where(self._third_moments(values) < 0, left, right)
        return np.maximum(of_skewness, (left + right) / 2).sum(axis=1)

    def _third_moments(self, values: np.ndarray) -> np.ndarray:
        """Return the central third moment of the training clips and one more clip, per bin: `(n_clips, n_bins)`."""
        n_clips = len(self.sorted_) + 1
        centred = values - self.centre_
        first, second, third = ((sums + centred**power) / n_clips for power, sums in enumerate(self.power_sums_, 1))
        return third - 3 * first * second + 2 * first**3
