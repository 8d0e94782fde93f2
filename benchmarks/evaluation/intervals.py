"""Uncertainty of an AUC: DeLong's covariance, intervals that are valid near 1, and a bootstrap over clips.

All intervals here describe the sampling of test clips, with the fitted detector fixed. For the variation over seeds and
units see `leaderboard` and `comparison`.

Three rules keep the coverage of an interval for an AUC near its limits:

- Limits are of Wilson's form (1927; for the AUC Newcombe 2006): they stay inside 0..1 and are longer towards 0.5.
- If few clips are out of order, DeLong's variance depends on these few and is often much too small. It is then raised
  towards the variance that Newcombe's method 5 assumes for an AUC of this size (`raised_variance`).
- If the variance is exactly 0 (perfect separation, or all scores equal), the data contain no information on the spread.
  Then k = min(n_normal, n_abnormal) disjoint pairs are treated as k coin tosses with the interval of Clopper and
  Pearson (1934). For AUC = 1 that is 1 - (alpha/2)^(1/k), the exact form of the "rule of three" (Hanley and
  Lippman-Hand 1983), and it holds for every distribution of scores: all pairs in order implies k independent pairs in
  order, which has at most probability AUC^k. It is wide on purpose: an interval never has length 0.

Coverage of the 95 % interval, simulated in 336 settings (20 to 400 clips a class, AUC 0.6 to 0.99; scores normal, of
one spread or two that differ up to threefold, exponential, heavy-tailed, or with anomalies that are partly like normal
clips): 0.923 to 0.993, and between 0.93 and 0.97 in 83 % of the settings. DeLong's variance with limits on the logit
scale: 0.775 to 0.990, and 75 %; Newcombe's method 5 alone: from 0.63 on. The lengths are nearly equal up to AUC 0.95.
At AUC 0.995 and above, where most samples look perfect, coverage falls to 0.86 at worst (logit: 0.54).
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import beta, norm, rankdata

from benchmarks.metrics import auc, checked
from features import InputError

Interval = tuple[float, float]

# A smaller standard error is a rounding error: a true one is at least of the order 1 / (n_normal n_abnormal).
SMALLEST_ERROR = 1e-9


def delong(labels: ArrayLike, scores: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """AUCs of several detectors on the same clips, and the covariance of these AUCs.

    Parameters: `labels` `(n_clips,)` 0/1; `scores` `(n_detectors, n_clips)`, higher = more anomalous.
    Returns `(n_detectors,)` and `(n_detectors, n_detectors)`. Raises `InputError` for fewer than two clips of a class.
    The variance of a difference of two is c[0, 0] + c[1, 1] - 2 c[0, 1].
    Source: DeLong, DeLong and Clarke-Pearson (1988), by ranks as in Sun and Xu (2014).

    >>> aucs, covariance = delong([0, 0, 0, 1, 1], [[0.1, 0.4, 0.2, 0.3, 0.9], [0.1, 0.2, 0.3, 0.4, 0.5]])
    >>> aucs.round(3)
    array([0.833, 1.   ])
    >>> covariance.shape
    (2, 2)
    """
    label, score = checked(labels, np.atleast_2d(np.asarray(scores, dtype=float)))
    normal, abnormal = score[:, label == 0], score[:, label == 1]
    n_normal, n_abnormal = normal.shape[1], abnormal.shape[1]
    if min(n_normal, n_abnormal) < 2:
        raise InputError(f"delong: {n_normal} normal and {n_abnormal} abnormal clips; give at least two of each")
    rank = rankdata(np.hstack([normal, abnormal]), axis=1)
    # per abnormal clip, the share of normal clips below it; per normal clip, the share of abnormal clips above it
    above = (rank[:, n_normal:] - rankdata(abnormal, axis=1)) / n_normal
    below = 1 - (rank[:, :n_normal] - rankdata(normal, axis=1)) / n_abnormal
    covariance = np.atleast_2d(np.cov(above)) / n_abnormal + np.atleast_2d(np.cov(below)) / n_normal
    return above.mean(axis=1), covariance


def delong_interval(area: float, variance: float, pairs: int, level: float = 0.95) -> Interval:
    """Limits of an AUC, or of a mean of AUCs, from its variance.

    pairs: number of disjoint pairs of a normal and an abnormal clip, min(n_normal, n_abnormal); it is used only if the
    variance is 0 (see the top of this file).

    >>> [round(limit, 3) for limit in delong_interval(0.9, 0.001, pairs=50)]
    [0.821, 0.946]
    >>> [round(limit, 3) for limit in delong_interval(1.0, 0.0, pairs=50)]
    [0.929, 1.0]
    """
    _check_level(level)
    if np.sqrt(max(variance, 0.0)) < SMALLEST_ERROR or not 0 < area < 1:
        return clopper_pearson(area, pairs, level)
    # the clips hold as much information as `tosses` of a coin: Wilson (1927)
    tosses, z = area * (1 - area) / variance, float(norm.ppf(0.5 + level / 2))
    centre = (area + z**2 / (2 * tosses)) / (1 + z**2 / tosses)
    half_width = z / (1 + z**2 / tosses) * np.sqrt(area * (1 - area) / tosses + z**2 / (4 * tosses**2))
    return float(centre - half_width), float(centre + half_width)


def raised_variance(area: float, variance: float, n_normal: int, n_abnormal: int) -> float:
    """DeLong's variance of an AUC, raised towards Newcombe's if few clips are out of order; 0 stays 0.

    Newcombe's (2006, method 5): A (1 - A) (1 + (N - 1) ((1 - A) / (2 - A) + A / (1 + A))) / (n_normal n_abnormal), with
    N the mean number of clips of a class: that of exponential scores (Hanley and McNeil 1982). Its weight is
    4 / (4 + E^2), where E = min(n_normal, n_abnormal) min(A, 1 - A) is about the number of clips out of order.

    >>> round(raised_variance(0.99, 0.00001, n_normal=50, n_abnormal=50), 6)
    9.7e-05
    """
    if np.sqrt(max(variance, 0.0)) < SMALLEST_ERROR:
        return 0.0
    mean_clips, pairs = (n_normal + n_abnormal) / 2, min(n_normal, n_abnormal)
    spread = (1 - area) / (2 - area) + area / (1 + area)
    assumed = area * (1 - area) * (1 + (mean_clips - 1) * spread) / (n_normal * n_abnormal)
    out_of_order = pairs * min(area, 1 - area)
    return float(variance + 4 / (4 + out_of_order**2) * max(0.0, assumed - variance))


def standard_error(area: float, variance: float, n_normal: int, n_abnormal: int) -> float:
    """Standard error of one AUC for use in a mean; if the variance is 0, that of the Clopper-Pearson limits.

    >>> round(standard_error(0.9, 0.001, n_normal=50, n_abnormal=50), 4)
    0.0317
    """
    if raised := raised_variance(area, variance, n_normal, n_abnormal):
        return float(np.sqrt(raised))
    low, high = clopper_pearson(area, min(n_normal, n_abnormal), 0.95)
    return (high - low) / (2 * float(norm.ppf(0.975)))


def auc_interval(labels: ArrayLike, scores: ArrayLike, level: float = 0.95) -> Interval:
    """Limits of the AUC of one cell, from DeLong's variance, raised: `labels` and `scores` `(n_clips,)`.

    A class of one clip has no variance; the limits are then those of one pair, nearly all of 0..1.

    >>> low, high = auc_interval([0, 0, 0, 1, 1, 1], [1, 2, 4, 3, 5, 6])
    >>> round(low, 3), round(high, 3)
    (0.407, 0.989)
    """
    label, score = checked(labels, scores)
    pairs = disjoint_pairs(label)
    if pairs < 2:
        return delong_interval(auc(label, score), 0.0, pairs, level)
    aucs, covariance = delong(label, score)
    n_abnormal = int(label.sum())
    variance = raised_variance(aucs[0], covariance[0, 0], len(label) - n_abnormal, n_abnormal)
    return delong_interval(aucs[0], variance, pairs, level)


def disjoint_pairs(labels: ArrayLike) -> int:
    """The number of disjoint pairs of one normal and one abnormal clip.

    >>> disjoint_pairs([0, 0, 0, 1, 1])
    2
    """
    n_abnormal = int(np.sum(labels))
    return min(n_abnormal, np.size(labels) - n_abnormal)


def difference_interval(difference: float, variance: float, level: float = 0.95) -> Interval:
    """Normal limits of a difference of two AUCs, or of two means of AUCs; (0, 0) if both are always equal.

    >>> [round(limit, 3) for limit in difference_interval(0.05, 0.0004)]
    [0.011, 0.089]
    """
    _check_level(level)
    half_width = float(norm.ppf(0.5 + level / 2) * np.sqrt(max(variance, 0.0)))
    return difference - half_width, difference + half_width


def difference_variances(covariance: np.ndarray) -> np.ndarray:
    """Variances of the differences of all pairs of AUCs, from their covariance, both `(n_detectors, n_detectors)`.

    >>> import numpy as np
    >>> difference_variances(np.array([[0.5, 0.25], [0.25, 1.0]]))
    array([[0., 1.],
           [1., 0.]])
    """
    variance = np.diag(covariance)
    return np.maximum(variance[:, None] + variance[None, :] - 2 * covariance, 0)


def bootstrap_aucs(labels: ArrayLike, scores: ArrayLike, n: int, rng: np.random.Generator) -> np.ndarray:
    """AUCs of `n` resamples of the clips; normal and abnormal clips are drawn separately, with replacement.

    `scores` `(n_clips,)` gives `(n,)`; `(n_detectors, n_clips)` gives `(n_detectors, n)`, all detectors on the same
    resamples, so that differences are paired.

    >>> import numpy as np
    >>> bootstrap_aucs([0, 0, 1, 1], [1, 2, 3, 4], n=3, rng=np.random.default_rng(0))
    array([1., 1., 1.])
    """
    label, score = checked(labels, scores)
    normal, abnormal = np.flatnonzero(label == 0), np.flatnonzero(label == 1)
    weight = np.zeros((n, len(label)))
    for members in (normal, abnormal):
        weight[:, members] = rng.multinomial(len(members), np.full(len(members), 1 / len(members)), size=n)
    aucs = [_weighted_auc(label, row, weight) for row in np.atleast_2d(score)]
    return aucs[0] if score.ndim == 1 else np.stack(aucs)


def bootstrap_limits(labels: ArrayLike, resampled: np.ndarray, level: float = 0.95) -> Interval:
    """Percentile limits of the AUC from the AUCs `(n,)` of resamples (Efron and Tibshirani 1993).

    If every resample has the same AUC, the limits are those of Clopper and Pearson, as for DeLong.

    >>> import numpy as np
    >>> bootstrap_limits([0, 1], np.linspace(0.5, 0.9, 101), level=0.5)
    (0.6, 0.8)
    """
    _check_level(level)
    low, high = np.quantile(resampled, [0.5 - level / 2, 0.5 + level / 2])
    if high - low < 1e-9:
        return clopper_pearson(float(low), disjoint_pairs(labels), level)
    return float(low), float(high)


def _weighted_auc(label: np.ndarray, score: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """AUC of each row of `weight` `(n, n_clips)`, the number of times that each clip was drawn; returns `(n,)`."""
    order = np.argsort(score, kind="stable")
    starts = np.flatnonzero(np.diff(score[order], prepend=-np.inf))  # where each group of equal scores begins
    normal = np.add.reduceat(weight[:, order] * (label[order] == 0), starts, axis=1)
    abnormal = np.add.reduceat(weight[:, order] * (label[order] == 1), starts, axis=1)
    below = np.cumsum(normal, axis=1) - normal / 2  # ties count one half
    return (abnormal * below).sum(axis=1) / (normal.sum(axis=1) * abnormal.sum(axis=1))


def clopper_pearson(share: float, trials: int, level: float = 0.95) -> Interval:
    """Limits of a share that was found in independent trials (Clopper and Pearson 1934).

    >>> [round(limit, 3) for limit in clopper_pearson(0.0, trials=100)]
    [0.0, 0.036]
    """
    successes, tail = share * trials, 0.5 - level / 2
    low = beta.ppf(tail, successes, trials - successes + 1) if successes > 0 else 0.0
    high = beta.ppf(1 - tail, successes + 1, trials - successes) if successes < trials else 1.0
    return float(low), float(high)


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise InputError(f"interval: level={level}; give a share between 0 and 1, usually 0.95")
