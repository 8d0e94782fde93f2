"""Metrics of one cell: how well the scores of its test clips tell abnormal clips from normal ones.

Conventions, the same for every function here:

- `labels` `(n_clips,)`: 1 = abnormal, 0 = normal. Both must occur.
- `scores` `(n_clips,)` float: higher = more anomalous. Any monotone map of the scores gives the same result.
- A tie between an abnormal and a normal clip counts one half.
- Scores are never flipped: a detector that is worse than chance keeps its AUC below 0.5.
- One cell (machine, unit, SNR, seed) at a time. Scores of different fits have different scales, so they are never
  pooled; averages are taken over the metrics of cells.

A new metric is one function `(labels, scores) -> float` and one entry in `METRICS`: results, leaderboard and tables
take it up by that name, and no detector has to run again.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import average_precision_score, roc_auc_score

from features import InputError

Metric = Callable[[ArrayLike, ArrayLike], float]


def auc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Area under the ROC curve: the chance that an abnormal clip scores above a normal one. Chance 0.5, perfect 1.

    >>> auc([0, 0, 1, 1], [0.1, 0.4, 0.4, 0.9])
    0.875
    """
    return float(roc_auc_score(*checked(labels, scores)))


def pauc(labels: ArrayLike, scores: ArrayLike, max_fpr: float = 0.1) -> float:
    """Area under the ROC curve at false-alarm rates up to `max_fpr`, in 0 < max_fpr <= 1, rescaled by McClish (1989).

    With `raw` the plain area and p = `max_fpr`: 0.5 (1 + (raw - p^2/2) / (p - p^2/2)). Chance 0.5, perfect 1; values
    below 0.5 are legal. The DCASE Task 2 evaluators use this form with p = 0.1.

    >>> pauc([0, 0, 1, 1], [0.1, 0.4, 0.3, 0.9], max_fpr=0.5)
    0.6666666666666666
    >>> pauc([0, 1], [0.2, 0.7])
    1.0
    """
    if not 0 < max_fpr <= 1:
        raise InputError(f"pauc: max_fpr={max_fpr}; give a false-alarm rate above 0 and at most 1, usually 0.1")
    return float(roc_auc_score(*checked(labels, scores), max_fpr=max_fpr))


def average_precision(labels: ArrayLike, scores: ArrayLike) -> float:
    """Mean precision over the recalls at which it changes. Chance is the share of abnormal clips, perfect 1.

    >>> round(average_precision([0, 0, 1, 1], [0.1, 0.4, 0.3, 0.9]), 3)
    0.833
    """
    return float(average_precision_score(*checked(labels, scores)))


METRICS: Mapping[str, Metric] = {"auc": auc, "pauc": pauc, "ap": average_precision}


def checked(labels: ArrayLike, scores: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return labels `(n_clips,) int` and scores `(..., n_clips) float64`, or raise `InputError` with what is wrong.

    >>> checked([0, 1], [1, 2])
    (array([0, 1]), array([1., 2.]))
    """
    label, score = np.asarray(labels), np.asarray(scores, dtype=float)
    if label.ndim != 1 or score.shape[-1:] != label.shape:
        raise InputError(f"metrics: labels {label.shape} but scores {score.shape}; give one label and one score a clip")
    if len(label) == 0:
        raise InputError("metrics: no clips; give at least one normal and one abnormal clip")
    strange = sorted(set(label.tolist()) - {0, 1}, key=str)
    if strange:
        raise InputError(f"metrics: labels hold {strange[:3]}; allowed are 0 (normal) and 1 (abnormal)")
    n_abnormal = int(label.sum())
    if n_abnormal in (0, len(label)):
        raise InputError(
            f"metrics: {len(label) - n_abnormal} normal and {n_abnormal} abnormal clips; both must be there: "
            "check the split and the label column"
        )
    broken = ~np.isfinite(score)
    if broken.any():
        position = int(np.argwhere(broken)[0, -1])
        raise InputError(
            f"metrics: {int(broken.sum())} scores are not finite, the first {score[broken][0]} at clip {position}; "
            "a detector must give one finite score a clip"
        )
    return label.astype(int), score
