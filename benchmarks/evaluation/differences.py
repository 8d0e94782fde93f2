"""The paired mean difference of every pair of ranked detectors, at two levels.

Clips: another draw of test clips from the same units (`sampling_error`); ranks rest on its interval. Units: other units
of the same kind, from one AUC per unit; an interval of Student's t, and the p-value of Wilcoxon's signed-rank test.
P-values are corrected for the number of pairs after Holm, intervals are not.
"""

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t

from benchmarks.evaluation.comparison import unit_aucs
from benchmarks.evaluation.intervals import Interval
from benchmarks.evaluation.sampling_error import ScoreLoader, p_value, sampling_error
from benchmarks.evaluation.significance import holm, signed_rank

COLUMNS = ["detector", "other", "difference", "low", "high", "p"]
COLUMNS += ["units", "units_difference", "units_low", "units_high", "units_p"]


def differences(board: pd.DataFrame, results: pd.DataFrame, scores: ScoreLoader, level: float = 0.95) -> pd.DataFrame:
    """One row per pair, the better mean first: `COLUMNS`; no row for fewer than two ranked detectors.

    board: as from `leaderboard`; results: the cells that it ranks on. Pairs are of one track, or with a sanity row.
    `difference` is the mean AUC of `detector` minus that of `other`, over sets for clips and over units for units.
    `units` is the number of units; with one, the limits are NaN.
    """
    ranked = board[board["rank"].notna()].sort_values(["auc", "detector"], ascending=[False, True])
    pairs = [(str(a.detector), str(b.detector)) for a, b in combinations(ranked.itertuples(), 2) if _compared(a, b)]
    if not pairs:
        return pd.DataFrame(columns=COLUMNS)
    chosen = results[results["detector"].isin(ranked["detector"])]
    errors, units = sampling_error(chosen, scores), unit_aucs(chosen)
    auc = ranked.set_index("detector")["auc"]
    table = pd.DataFrame(pairs, columns=["detector", "other"])
    table["difference"] = [round(auc[a] - auc[b], 12) for a, b in pairs]
    found = table["difference"].tolist()
    limits = [errors.difference_interval(a, b, d, level) for (a, b), d in zip(pairs, found, strict=True)]
    table[["low", "high"]] = limits
    table["p"] = holm(p_value(found, [errors.difference_error(a, b) for a, b in pairs]))
    table["units"] = len(units)
    of_units = [(units[a] - units[b]).to_numpy() for a, b in pairs]
    table["units_difference"] = [each.mean() for each in of_units]
    table[["units_low", "units_high"]] = [mean_interval(each, level) for each in of_units]
    table["units_p"] = holm([signed_rank(units[a], units[b]) for a, b in pairs])
    return table


def _compared(a: Any, b: Any) -> bool:
    """Whether two rows of a leaderboard are compared."""
    return bool(a.track == b.track or a.sanity or b.sanity)


def mean_interval(values: np.ndarray, level: float = 0.95) -> Interval:
    """Student's t limits of a mean from independent values `(n,)`; NaN for fewer than two.

    >>> [round(limit, 3) for limit in mean_interval(np.array([0.1, 0.2, 0.3]))]
    [-0.048, 0.448]
    """
    if len(values) < 2:
        return float("nan"), float("nan")
    half = float(t.ppf(0.5 + level / 2, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return float(values.mean()) - half, float(values.mean()) + half
