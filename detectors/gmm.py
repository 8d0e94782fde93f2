"""TWFR-GMM: Gaussian mixtures on time-weighted pools of log-mel frames."""

from dataclasses import dataclass
from typing import ClassVar, Literal, Self

import numpy as np
from sklearn.mixture import GaussianMixture

from detectors.contract.detector import Clips, Detector, vectors
from detectors.contract.fields import Count, NotNegative, Seed
from detectors.contract.registry import register
from features import Feature, PooledLogMel


@register("gmm")
@dataclass
class TimeWeightedMixture(Detector):
    """Gaussian mixtures, one per time-weighted pool of log-mel frames (TWFR-GMM; Guan et al. 2023, arXiv 2305.03328).

    Score of a pool: `-max_k log N(x; m_k, C_k)` in nats, full covariances, mixing weights ignored. Score of a clip: the
    mean over pools, as if they were independent.

    The paper sorts the frames of each band from loud to quiet, weights them by 1, r, r^2, ..., and chooses r and the
    number of components per machine with labelled clips, which a detector here never sees. So the default has four
    pools, whose r average about as much as 1, 10, 100 and all frames do (one over the sum of the squared weights).
    For one r fixed in advance: `feature=PooledLogMel(statistics=("twfr0.5",))`.
    """

    components: Count = 2  # the paper's choices are 1, 2 and 4
    pools: Literal["all", "held_out"] = "all"  # held_out: only the pool under which a held-out fifth of the training
    #                                            clips has the highest likelihood, in standard deviations per band
    regularisation: NotNegative = 1e-6  # dB squared, added to each variance
    seed: Seed = 0
    feature: Feature = PooledLogMel(statistics=("twfr0", "twfr0.82", "twfr0.98", "twfr1"))
    papers: ClassVar[tuple[str, ...]] = ("guan2023twfr",)

    def fit(self, clips: Clips) -> Self:
        normal = _pools(clips)
        self.chosen_ = list(range(len(normal))) if self.pools == "all" else [self._likeliest(normal)]
        self.mixtures_ = [self._mixture(normal[pool]) for pool in self.chosen_]
        return self

    def score(self, clips: Clips) -> np.ndarray:
        chosen = _pools(clips)[self.chosen_]
        densities = [_log_density(mixture, pool) for mixture, pool in zip(self.mixtures_, chosen, strict=True)]
        return -np.mean(densities, axis=0)  # (n_pools, n_clips) -> (n_clips,)

    def _mixture(self, pool: np.ndarray) -> GaussianMixture:
        n_components = min(self.components, len(pool))
        return GaussianMixture(n_components, reg_covar=self.regularisation, random_state=self.seed).fit(pool)

    def _likeliest(self, normal: np.ndarray) -> int:
        """Return the index of the pool whose mixture gives the held-out clips the highest likelihood."""
        order = np.random.default_rng(self.seed).permutation(normal.shape[1])
        held_out, learnt = np.split(order, [max(1, len(order) // 5)])
        return int(np.argmax([self._likelihood(pool[learnt], pool[held_out]) for pool in normal]))

    def _likelihood(self, learnt: np.ndarray, held_out: np.ndarray) -> float:
        """Return the mean log density, in standard deviations per band, so that pools can be compared."""
        spread = np.log(np.sqrt(learnt.var(axis=0) + self.regularisation)).sum()
        return float(_log_density(self._mixture(learnt), held_out).mean() + spread)


def _pools(clips: Clips) -> np.ndarray:
    """Return one table per row of the feature: `(n_pools, n_clips, n_bins) float64`."""
    table = vectors(clips).astype(np.float64)  # refuses clips of different size
    return table.reshape(len(clips), *clips.features[0].shape).swapaxes(0, 1)


def _log_density(mixture: GaussianMixture, table: np.ndarray) -> np.ndarray:
    """Return the largest log density over components, `(n_clips,)`, in nats."""
    of_components = []
    for mean, precision in zip(mixture.means_, mixture.precisions_cholesky_, strict=True):
        whitened = (table - mean) @ precision  # (n_clips, n_bins), variance 1
        log_volume = np.log(np.diag(precision)).sum() - 0.5 * len(mean) * np.log(2 * np.pi)
        of_components.append(log_volume - 0.5 * np.square(whitened).sum(axis=1))
    return np.max(of_components, axis=0)
