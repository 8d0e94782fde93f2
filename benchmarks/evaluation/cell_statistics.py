"""Statistics of single cells: intervals of the AUC, and differences of every pair of detectors, by two methods each.

DeLong's limits and those of the bootstrap rest on different assumptions; if they differ, few clips decide the result.
Both are about the sampling of test clips. For the variation over units and seeds see `comparison`.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.evaluation.intervals import (
    auc_interval,
    bootstrap_aucs,
    bootstrap_limits,
    delong,
    difference_interval,
    difference_variances,
)
from benchmarks.evaluation.means import CELL, SET
from benchmarks.evaluation.sampling_error import ScoreLoader, p_value, paired_scores


def cell_statistics(
    results: pd.DataFrame, scores: ScoreLoader, n: int, seed: int, level: float = 0.95
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Intervals and pairs of all finished cells, with `n` resamples of the clips, from the same `seed` in each cell.

    Returns two tables. Intervals, a row per result: `detector, machine, unit, snr_db, seed, auc, delong_low,
    delong_high, bootstrap_low, bootstrap_high`. Pairs, a row per cell and pair: `detector, other, machine, unit,
    snr_db, seed, difference` (AUC of `detector` minus AUC of `other`), `delong_low, delong_high, delong_p,
    bootstrap_low, bootstrap_high, verdict` ("win", "loss", or "tie" if DeLong's limits include 0). A detector without
    a seed (`seeded` is False) is compared with the others at each of their seeds.
    """
    intervals, pairs = list[pd.DataFrame](), list[pd.DataFrame]()
    for key, rows, guests in _cells(results[results["status"] == "ok"]):
        labels, values = paired_scores(rows, scores)
        resampled = bootstrap_aucs(labels, values, n, np.random.default_rng(seed))
        names = list(rows["detector"])
        cell: dict[str, Any] = dict(zip(CELL, key, strict=True))
        of_cell = _intervals(names, labels, values, resampled, level).assign(**cell)
        intervals.append(of_cell[~of_cell["detector"].isin(guests)])
        if len(names) > 1:
            of_pairs = _pairs(names, labels, values, resampled, level).assign(**cell)
            pairs.append(of_pairs[~(of_pairs["detector"].isin(guests) & of_pairs["other"].isin(guests))])
    return _ordered(intervals, ["detector", *CELL]), _ordered(pairs, ["detector", "other", *CELL])


def _cells(ok: pd.DataFrame) -> Iterator[tuple[tuple, pd.DataFrame, list[str]]]:
    """Each set and seed: its key, its rows by detector, and the detectors without a seed that join from another one."""
    without_seed = ok[~ok["seeded"].astype(bool)] if "seeded" in ok else ok[:0]
    for key, rows in ok.groupby(CELL, dropna=False):
        candidates = without_seed.merge(rows[SET].drop_duplicates(), on=SET).drop_duplicates("detector")
        guests = candidates[~candidates["detector"].isin(rows["detector"])]
        yield key, pd.concat([rows, guests]).sort_values("detector"), list(guests["detector"])


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
    share = [0.5 - level / 2, 0.5 + level / 2]
    of_bootstrap = np.quantile(resampled[first] - resampled[other], share, axis=1)
    columns = {"detector": np.array(names)[first], "other": np.array(names)[other], "difference": difference}
    columns |= (
        _limits("delong", (low, high))
        | {"delong_p": p_value(difference, np.sqrt(variance))}
        | _limits("bootstrap", of_bootstrap)
    )
    return pd.DataFrame(columns | {"verdict": np.select([low > 0, high < 0], ["win", "loss"], "tie")})


def _limits(name: str, limits: Sequence[np.ndarray] | np.ndarray) -> dict[str, np.ndarray]:
    return {f"{name}_low": limits[0], f"{name}_high": limits[1]}


def _ordered(tables: list[pd.DataFrame], first: list[str]) -> pd.DataFrame:
    """One table with names and cells as first columns, sorted by them."""
    if not tables:
        return pd.DataFrame(columns=first)
    table = pd.concat(tables, ignore_index=True)
    return table[[*first, *table.columns.difference(first, sort=False)]].sort_values(first, ignore_index=True)
