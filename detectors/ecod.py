"""ECOD, outliers by empirical cumulative distributions (Li et al. 2022, arXiv 2201.00382), one clip at a time.

The authors' code, in PyOD, ranks a clip among all clips of the same call. Here it is ranked among the training clips
and itself: what theirs does when it is called with one clip, but fast enough for thousands.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from detectors.contract.detector import Clips, Detector, vectors
from detectors.contract.registry import register
from features import Feature, PooledLogMel


@register("ecod")
@dataclass
class Ecod(Detector):
    """How far out in a tail each bin of a clip lies, summed as if bins were independent. There is nothing to set.

    Score: `sum over bins of max(-log share(<= x), -log share(>= x))`. The tail that a bin's skewness points to is one
    of the two, so the authors' code comes to the same (in the paper the maximum is taken after the sum).
    """

    feature: Feature = PooledLogMel()

    def fit(self, clips: Clips) -> Self:
        self.sorted_ = np.sort(vectors(clips), axis=0)  # (n_training, n_bins), each bin by itself
        return self

    def score(self, clips: Clips) -> np.ndarray:
        left, right = tails(self.sorted_, vectors(clips))
        return np.maximum(left, right).sum(axis=1)


def tails(sorted_bins: np.ndarray, heard: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return minus the log share of clips up to, and from, each value on: two `(n_clips, n_bins)`, in nats.

    sorted_bins: `(n_training, n_bins)`, each column in order. heard: `(n_clips, n_bins)`; each clip counts itself.
    """
    n_training = len(sorted_bins)
    columns = list(zip(sorted_bins.T, heard.T, strict=True))
    up_to = np.stack([np.searchsorted(normal, values, side="right") for normal, values in columns], axis=1)
    below = np.stack([np.searchsorted(normal, values, side="left") for normal, values in columns], axis=1)
    return -np.log((up_to + 1) / (n_training + 1)), -np.log((n_training - below + 1) / (n_training + 1))
