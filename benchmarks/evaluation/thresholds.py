"""Thresholds for alarms, set from normal clips alone.

An alarm is a score ABOVE the threshold. A threshold may use the scores of normal clips only. One that uses labels of
test clips is an oracle: a bound on what the scores allow, marked as such, and never a result.

A detector that memorised its training clips scores them lower than other normal clips, so a threshold from training
scores tends to cause more alarms than stated, up to an alarm at every clip. Validation clips are held out of the fit
(`--calibrate`, or the split holdout) and do not have this bias. Only they give the guarantee of the conformal rules,
for new clips that are exchangeable with them: the same machine, in the same state, recorded in the same way.

Sources: Vovk, Gammerman and Shafer (2005) for the guarantee; Vovk (2012) for the beta distribution of the rate of one
threshold; Laxhammar and Falkman (2015) and Bates et al. (2023) for anomaly detection with held-out normal data.
"""

import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from math import ceil, inf
from typing import Literal

import numpy as np
from scipy.stats import FitError, beta, gamma

from benchmarks.metrics import checked
from features import InputError


def mean_and_deviations(scores: np.ndarray, k: float) -> float:
    """Mean plus `k` standard deviations of normal scores `(n_clips,)`.

    >>> import numpy as np
    >>> mean_and_deviations(np.array([1.0, 3.0]), k=2)
    4.0
    """
    return float(np.mean(scores) + k * np.std(scores))


def gamma_quantile(scores: np.ndarray, share: float = 0.9) -> float:
    """Quantile of a gamma distribution fitted to normal scores (shape, location, scale), as in the DCASE baselines.

    Fitted by likelihood, or by moments if that fit is wrong: if the share of scores below its quantile is more than 15
    percentage points off. Raises `InputError` if both fits are wrong.

    >>> import numpy as np
    >>> gamma_quantile(np.full(9, 4.0))
    4.0
    >>> scores = np.random.default_rng(0).gamma(3, size=1000)
    >>> bool(0.85 < np.mean(scores <= gamma_quantile(scores, 0.9)) < 0.95)
    True
    """
    mean, deviation = float(np.mean(scores)), float(np.std(scores))
    if deviation == 0:
        return mean
    scaled = (scores - mean) / deviation  # the search does not work on every scale
    for method in ("MLE", "MM"):
        with warnings.catch_warnings(), suppress(FitError):  # the search tries invalid shapes on its way
            warnings.simplefilter("ignore", RuntimeWarning)
            quantile = float(gamma(*gamma.fit(scaled, method=method)).ppf(share))
            if abs(np.mean(scaled <= quantile) - share) <= 0.15:
                return mean + deviation * quantile
    raise InputError(f"no gamma distribution fits these {len(scores)} scores; use a quantile")


def conformal(scores: np.ndarray, alpha: float) -> float:
    """The threshold that a new normal clip exceeds with probability at most `alpha`, from HELD-OUT normal scores.

    It is the ceil((n + 1) (1 - alpha))-th smallest of n scores, and infinite (no alarm ever) if n < 1 / alpha - 1,
    which is too few clips for that guarantee (`clips_needed`). The bound holds for any distribution of the scores,
    provided that the held-out clips and the new one are exchangeable. It is an average over draws of the held-out clips
    (Vovk et al. 2005); for one draw see `conformal_interval`.

    >>> import numpy as np
    >>> conformal(np.arange(1.0, 20), alpha=0.1)
    18.0
    >>> conformal(np.arange(1.0, 5), alpha=0.1)
    inf
    """
    _check_share("conformal: alpha", alpha)
    rank = _conformal_rank(len(scores), alpha)
    return inf if rank > len(scores) else float(np.sort(scores)[rank - 1])


def conformal_interval(n: int, alpha: float, level: float = 0.95) -> tuple[float, float]:
    """Limits of the false-alarm rate of one conformal threshold from `n` held-out clips; (0, 0) if it is infinite.

    For scores without ties the rate of one threshold has a beta distribution with parameters n + 1 - rank and rank
    (Vovk 2012); ties only lower the rate.

    >>> [round(limit, 3) for limit in conformal_interval(99, alpha=0.05)]
    [0.017, 0.1]
    """
    rank = _conformal_rank(n, alpha)
    if rank > n:
        return 0.0, 0.0
    low, high = beta.ppf([0.5 - level / 2, 0.5 + level / 2], n + 1 - rank, rank)
    return float(low), float(high)


def clips_needed(alpha: float) -> int:
    """The fewest held-out clips whose conformal threshold keeps the false-alarm rate `alpha` and is finite.

    >>> clips_needed(0.05)
    19
    """
    _check_share("false-alarm rate", alpha)
    return ceil(round(1 / alpha - 1, 6))


def oracle(labels: np.ndarray, scores: np.ndarray) -> float:
    """The threshold of the best balanced accuracy ON THE TEST LABELS: a bound on what any threshold could do.

    >>> import numpy as np
    >>> oracle(np.array([0, 0, 1, 1]), np.array([1.0, 2.0, 3.0, 4.0]))
    2.0
    """
    label, score = checked(labels, scores)
    values, position = np.unique(score, return_inverse=True)
    thresholds = np.concatenate([[values[0] - 1], values])
    alarms = [np.cumsum(np.bincount(position[label == k], minlength=len(values))[::-1])[::-1] for k in (0, 1)]
    false, true = (np.append(count, 0) / count[0] for count in alarms)
    return float(thresholds[np.argmax(true - false)])


def recall_threshold(abnormal: np.ndarray, recall: float) -> float:
    """The highest threshold that at least this share of abnormal scores `(n_clips,)` exceeds.

    >>> import numpy as np
    >>> float(np.mean(np.arange(10.0) > recall_threshold(np.arange(10.0), 0.9)))
    0.9
    """
    _check_share("recall", recall)
    needed = ceil(round(recall * len(abnormal), 9))
    return float(np.nextafter(np.sort(abnormal)[len(abnormal) - needed], -inf))


@dataclass(frozen=True)
class Rule:
    """A named way to set a threshold from the normal clips of one part.

    rate: number of clips -> the false-alarm rate that the threshold keeps; None for a rule without a guarantee.
    """

    name: str
    part: Literal["train", "validation"]
    threshold: Callable[[np.ndarray], float]
    rate: Callable[[int], float] | None = None


def conformal_rule(name: str, alpha: float) -> Rule:
    """The rule for a false-alarm rate `alpha` that held-out clips guarantee.

    >>> conformal_rule("conformal 0.1", 0.1).threshold(np.arange(1.0, 20))
    18.0
    """
    return Rule(name, "validation", lambda scores: conformal(scores, alpha), lambda n: alpha)


HIGHEST = Rule("highest held-out", "validation", lambda scores: float(np.max(scores)), lambda n: 1 / (n + 1))


RULES = (
    Rule("mean + 1 sd", "train", lambda scores: mean_and_deviations(scores, 1)),
    Rule("mean + 2 sd", "train", lambda scores: mean_and_deviations(scores, 2)),
    Rule("mean + 3 sd", "train", lambda scores: mean_and_deviations(scores, 3)),
    Rule("quantile 0.95", "train", lambda scores: float(np.quantile(scores, 0.95))),
    Rule("gamma 0.9", "train", gamma_quantile),
    conformal_rule("conformal 0.05", 0.05),
    conformal_rule("conformal 0.01", 0.01),
    HIGHEST,  # the lowest rate that the held-out clips can guarantee
)


def _conformal_rank(n: int, alpha: float) -> int:
    return ceil(round((n + 1) * (1 - alpha), 9))  # rounded: 20 * (1 - 0.05) is 19, not 19.000000000000004


def _check_share(name: str, value: float) -> None:
    if not 0 < value < 1:
        raise InputError(f"{name}={value:g}; give a share between 0 and 1")
