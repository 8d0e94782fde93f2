"""Intervals of one detector or pair, written plainly: what the tables of all cells are compared with."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import norm

from benchmarks.evaluation.intervals import Interval, bootstrap_aucs, bootstrap_limits, delong
from benchmarks.evaluation.means import CELL
from benchmarks.evaluation.sampling_error import ScoreLoader, paired_scores
from features import InputError


def paired_cells(results: pd.DataFrame, scores: ScoreLoader, detector: str, other: str) -> pd.DataFrame:
    """The difference of two detectors on each set of clips they share, with its paired DeLong limits (95 %).

    Returns `machine, unit, snr_db, difference, low, high, p, verdict ("win" | "tie" | "loss")`, averaged over
    seeds, whose errors are treated as fully correlated. A tie: the limits include 0.

    >>> import pandas as pd
    >>> cell = {"machine": "fan", "unit": "id_00", "snr_db": 6.0, "seed": 0, "status": "ok"}
    >>> results = pd.DataFrame({"detector": ["a", "b"], "auc": [1.0, 0.75], **cell})
    >>> order = {"a": [1.0, 2.0, 3.0, 4.0], "b": [1.0, 3.0, 2.0, 4.0]}
    >>> clips = pd.DataFrame({"part": "test", "path": list("1234"), "label": [0, 0, 1, 1]})
    >>> table = paired_cells(results, lambda row: clips.assign(score=order[row["detector"]]), "a", "b")
    >>> table[["difference", "verdict"]]
       difference verdict
    0        0.25     tie
    """
    both = results[results["detector"].isin([detector, other]) & (results["status"] == "ok")]
    rows = []
    for key, cell in both.groupby(CELL, dropna=False):
        if len(cell) == 2:
            labels, values = paired_scores(cell.set_index("detector", drop=False).loc[[detector, other]], scores)
            aucs, c = delong(labels, values)
            error = np.sqrt(max(c[0, 0] + c[1, 1] - 2 * c[0, 1], 0))
            rows.append((*key[:-1], aucs[0] - aucs[1], error))
    if not rows:
        raise InputError(
            f"comparison: {detector} and {other} have no finished cell in common; run both on the same cells"
        )
    table = pd.DataFrame(rows, columns=[*CELL[:-1], "difference", "error"])
    table = table.groupby(CELL[:-1], dropna=False, as_index=False).mean()
    table["low"] = table["difference"] - norm.ppf(0.975) * table["error"]
    table["high"] = table["difference"] + norm.ppf(0.975) * table["error"]
    with np.errstate(divide="ignore", invalid="ignore"):  # 0 / 0, the same order of clips: p = 1
        table["p"] = 2 * norm.sf(np.nan_to_num((table["difference"] / table["error"]).abs(), posinf=np.inf))
    table["verdict"] = np.select([table["low"] > 0, table["high"] < 0], ["win", "loss"], "tie")
    return table.drop(columns="error")


def paired_bootstrap_interval(
    labels: ArrayLike, scores: ArrayLike, n: int, rng: np.random.Generator, level: float = 0.95
) -> Interval:
    """Percentile limits of the difference of two AUCs on the same resamples of clips; `scores` `(2, n_clips)`.

    >>> import numpy as np
    >>> scores = [[1, 2, 3, 4], [1, 2, 3, 4]]
    >>> paired_bootstrap_interval([0, 0, 1, 1], scores, n=10, rng=np.random.default_rng(0))
    (0.0, 0.0)
    """
    first, second = bootstrap_aucs(labels, scores, n, rng)
    low, high = np.quantile(first - second, [0.5 - level / 2, 0.5 + level / 2])
    return float(low), float(high)


def stratified_bootstrap_interval(
    labels: ArrayLike, scores: ArrayLike, n: int, rng: np.random.Generator, level: float = 0.95
) -> Interval:
    """Percentile limits of the AUC over `n` resamples (Efron and Tibshirani 1993), drawn per class.

    If every resample has the same AUC, the limits are those of Clopper and Pearson, as for DeLong.

    >>> import numpy as np
    >>> labels, scores = [0, 0, 0, 1, 1, 1], [1, 2, 4, 3, 5, 6]
    >>> low, high = stratified_bootstrap_interval(labels, scores, n=1000, rng=np.random.default_rng(0))
    >>> low < 8 / 9 <= high
    True
    """
    return bootstrap_limits(labels, bootstrap_aucs(labels, scores, n, rng), level)
