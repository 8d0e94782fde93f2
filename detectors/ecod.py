"""ECOD: outliers by empirical cumulative distributions.

The authors' code, in PyOD, ranks a clip among all clips of the same call. Here a clip is ranked among the training
clips and itself. The authors' code gives the same when it is called with one clip, but this is fast enough for
thousands of clips.
"""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from detectors.contract.detector import Clips, Detector, vectors
from detectors.contract.registry import register
from features import Feature, PooledLogMel


@register("ecod")
@dataclass
class Ecod(Detector):
    """Tail probabilities under empirical distributions, summed over bins (ECOD; Li et al. 2022, arXiv 2201.00382).

    Score: `sum over bins of max(-log share(<= x), -log share(>= x))`, as if bins were independent. The tail that the
    skewness of a bin points to is one of these two, so the authors' code gives the same. In the paper the maximum is
    taken after the sum.
    """

    feature: Feature = PooledLogMel()
    papers: ClassVar[tuple[str, ...]] = ("li2022ecod",)

    def fit(self, clips: Clips) -> Self:
        self.sorted_ = np.sort(vectors(clips), axis=0)  # (n_training, n_bins), each bin separately
        return self

    def score(self, clips: Clips) -> np.ndarray:
        left, right = tails(self.sorted_, vectors(clips))
        return np.maximum(left, right).sum(axis=1)


def tails(sorted_bins: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return minus the log of the share of clips up to each value, and from each value on, in nats.

    sorted_bins: `(n_training, n_bins)`, each column sorted. values: `(n_clips, n_bins)`; each clip counts itself.
    Returns two arrays `(n_clips, n_bins)`.

    >>> left, right = tails(np.array([[1.0], [2.0], [3.0]]), np.array([[2.5]]))
    >>> np.exp(-left), np.exp(-right)
    (array([[0.75]]), array([[0.5]]))
    """
    n_training = len(sorted_bins)
    columns = list(zip(sorted_bins.T, values.T, strict=True))
    up_to = np.stack([np.searchsorted(normal, column, side="right") for normal, column in columns], axis=1)
    below = np.stack([np.searchsorted(normal, column, side="left") for normal, column in columns], axis=1)
    return -np.log((up_to + 1) / (n_training + 1)), -np.log((n_training - below + 1) / (n_training + 1))
