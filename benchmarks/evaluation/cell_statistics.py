"""Statistics of single cells: intervals of the AUC, and differences of every pair of detectors, by two methods each.

DeLong's limits and those of the bootstrap rest on different assumptions; if they differ, few clips decide the result.
Both are about the sampling of test clips. For the variation over units and seeds see `comparison`.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from benchmarks.evaluation.intervals import (
    auc_interval,
    bootstrap_aucs,
    bootstrap_limits,
    delong,
    difference_interval,
    difference_variances,
)
from benchmarks.evaluation.means import CELL
from benchmarks.evaluation.sampling_error import ScoreLoader, paired_scores


def cell_statistics(
    results: pd.DataFrame, scores: ScoreLoader, n: int, seed: int, level: float = 0.95
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Intervals and pairs of all finished cells, with `n` resamples of the clips, from the same `seed` in each cell.

    Returns two tables. Intervals, a row per result: `detector, machine, unit, snr_db, seed, auc, delong_low,
    delong_high, bootstrap_low, bootstrap_high`. Pairs, a row per cell and pair: `detector, other, machine, unit,
    snr_db, seed, difference` (AUC of `detector` minus AUC of `other`), `delong_low, delong_high, delong_p,
    bootstrap_low, bootstrap_high, verdict` ("win", "loss", or "tie" if DeLong's limits include 0).
    """
    intervals, pairs = list[pd.DataFrame](), list[pd.DataFrame]()
    for key, rows in results[results["status"] == "ok"].groupby(CELL, dropna=False):
        rows = rows.sort_values("detector")
        labels, values = paired_scores(rows, scores)
        resampled = bootstrap_aucs(labels, values, n, np.random.default_rng(seed))
        names = list(rows["detector"])
        cell: dict[str, Any] = dict(zip(CELL, key, strict=True))
        intervals.append(_intervals(names, labels, values, resampled, level).assign(**cell))
        if len(names) > 1:
            pairs.append(_pairs(names, labels, values, resampled, level).assign(**cell))
    return _ordered(intervals, ["detector", *CELL]), _ordered(pairs, ["detector", "other", *CELL])


def _intervals(
    names: list[str], labels: np.ndarray, values: np.ndarray, resampled: np.ndarray, level: float
) -> pd.DataFrame:
    aucs, _ = delong(labels, values)
    of_delong = np.array([auc_interval(labels, row, level) for row in values])
    of_bootstrap = np.array([bootstrap_limits(labels, row, level) for row in resampled])
    return pd.DataFrame(
        {"detector": names, "auc": aucs} | _limits("delong", of_delong.T) | _limits("bootstrap", of_bootstrap.T)
    )


def _pairs(
    names: list[str], labels: np.ndarray, values: np.ndarray, resampled: np.ndarray, level: float
) -> pd.DataFrame:
    aucs, covariance = delong(labels, values)
    first, other = np.array(list(combinations(range(len(names)), 2))).T
    difference, variance = aucs[first] - aucs[other], difference_variances(covariance)[first, other]
    low, high = np.array([difference_interval(*one, level) for one in zip(difference, variance, strict=True)]).T
    with np.errstate(divide="ignore", invalid="ignore"):  # 0 / 0, the same order of clips: p = 1
        p = 2 * norm.sf(np.nan_to_num(np.abs(difference) / np.sqrt(variance), posinf=np.inf))
    share = [0.5 - level / 2, 0.5 + level / 2]
    of_bootstrap = np.quantile(resampled[first] - resampled[other], share, axis=1)
    columns = {"detector": np.array(names)[first], "other": np.array(names)[other], "difference": difference}
    columns |= _limits("delong", (low, high)) | {"delong_p": p} | _limits("bootstrap", of_bootstrap)
    return pd.DataFrame(columns | {"verdict": np.select([low > 0, high < 0], ["win", "loss"], "tie")})


def _limits(name: str, limits: Sequence[np.ndarray] | np.ndarray) -> dict[str, np.ndarray]:
    return {f"{name}_low": limits[0], f"{name}_high": limits[1]}


def _ordered(tables: list[pd.DataFrame], first: list[str]) -> pd.DataFrame:
    """One table with names and cells as first columns, sorted by them."""
    if not tables:
        return pd.DataFrame(columns=first)
    table = pd.concat(tables, ignore_index=True)
    return table[[*first, *table.columns.difference(first, sort=False)]].sort_values(first, ignore_index=True)
