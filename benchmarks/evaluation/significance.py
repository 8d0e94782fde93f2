"""Significance tests of many detectors over units, the AUCs `(n_units, n_detectors)` of `comparison.unit_aucs`.

Friedman's test, mean ranks with Nemenyi's critical difference (Demsar 2006), and Wilcoxon's test per pair with Holm's
correction, which Benavoli, Corani and Mangili (2016) recommend instead of mean ranks.

Few units give weak evidence, however large the differences are: with n units the smallest p-value of Wilcoxon's test is
2 / 2^n, before Holm multiplies it by the number of pairs. `smallest_p` gives the smallest p-value that is possible.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import f, friedmanchisquare, rankdata, studentized_range, wilcoxon
from statsmodels.stats.multitest import multipletests

from features import InputError


@dataclass(frozen=True)
class Friedman:
    """Friedman's test: `chi2` corrected for ties, and the less conservative `f` of Iman and Davenport."""

    chi2: float
    p_chi2: float
    f: float
    p_f: float


def friedman(units: pd.DataFrame) -> Friedman:
    """Friedman's test over units; needs three detectors or more and two units or more.

    >>> import pandas as pd
    >>> units = pd.DataFrame({"a": [0.9, 0.8, 0.9], "b": [0.8, 0.7, 0.8], "c": [0.7, 0.6, 0.6]})
    >>> test = friedman(units)
    >>> round(test.chi2, 3), round(test.p_chi2, 3)
    (6.0, 0.05)
    """
    n_units, k = units.shape
    if k < 3 or n_units < 2:
        raise InputError(
            f"friedman: {k} detectors on {n_units} units; give at least 3 on 2 (for two detectors use Wilcoxon)"
        )
    if units.eq(units.iloc[:, 0], axis=0).all(axis=None):
        return Friedman(0.0, 1.0, 0.0, 1.0)
    chi2, p_chi2 = friedmanchisquare(*units.to_numpy().T)
    statistic = iman_davenport(float(chi2), n_units, k)
    return Friedman(float(chi2), float(p_chi2), statistic, float(f.sf(statistic, k - 1, (k - 1) * (n_units - 1))))


def iman_davenport(chi2: float, n_units: int, n_detectors: int) -> float:
    """The F statistic of Iman and Davenport (1980) from Friedman's; infinite if all units agree.

    >>> iman_davenport(5.0, n_units=4, n_detectors=3)
    5.0
    """
    rest = n_units * (n_detectors - 1) - chi2
    return float((n_units - 1) * chi2 / rest) if rest > 1e-9 else float("inf")


def average_ranks(units: pd.DataFrame) -> pd.Series:
    """Mean rank of each detector over units: 1 is best, ties share a mean rank.

    >>> import pandas as pd
    >>> average_ranks(pd.DataFrame({"a": [0.9, 0.8], "b": [0.7, 0.8]})).to_dict()
    {'a': 1.25, 'b': 1.75}
    """
    return pd.Series(rankdata(-units.to_numpy(), axis=1).mean(axis=0), index=units.columns).sort_values()


def critical_difference(n_detectors: int, n_units: int, alpha: float = 0.05) -> float:
    """Nemenyi's smallest significant difference of two mean ranks: q sqrt(k (k + 1) / (6 N)) (Demsar 2006).

    >>> round(critical_difference(n_detectors=4, n_units=4), 2)
    2.35
    """
    q = studentized_range.ppf(1 - alpha, n_detectors, np.inf) / np.sqrt(2)
    return float(q * np.sqrt(n_detectors * (n_detectors + 1) / (6 * n_units)))


def nemenyi(units: pd.DataFrame) -> pd.DataFrame:
    """P-values of Nemenyi's test of all pairs, `(n_detectors, n_detectors)`.

    >>> import pandas as pd
    >>> units = pd.DataFrame({"a": [0.9, 0.8, 0.9], "b": [0.8, 0.7, 0.8], "c": [0.7, 0.6, 0.6]})
    >>> float(nemenyi(units).loc["a", "c"].round(3))
    0.038
    """
    from scikit_posthocs import posthoc_nemenyi_friedman  # imports matplotlib and seaborn

    p = posthoc_nemenyi_friedman(units.to_numpy()).to_numpy()
    return pd.DataFrame(p, index=units.columns, columns=units.columns)


def wilcoxon_holm(units: pd.DataFrame) -> pd.DataFrame:
    """P-values of Wilcoxon's signed-rank test of all pairs after Holm, `(n_detectors, n_detectors)`, diagonal 1.

    Zero differences are split between the signs (Demsar 2006); a pair that is equal on every unit has p = 1.

    >>> import pandas as pd
    >>> units = pd.DataFrame({"a": [0.9, 0.8, 0.7, 0.6], "b": [0.8, 0.6, 0.4, 0.2]})
    >>> float(wilcoxon_holm(units).loc["a", "b"])
    0.125
    """
    pairs = list(combinations(units.columns, 2))
    if not pairs:
        raise InputError(f"wilcoxon: {units.shape[1]} detectors; give at least two with the same finished cells")
    adjusted = holm([signed_rank(units[a], units[b]) for a, b in pairs])
    table = pd.DataFrame(1.0, index=units.columns, columns=units.columns)
    for (a, b), p in zip(pairs, adjusted, strict=True):
        table.loc[a, b] = table.loc[b, a] = p
    return table


def signed_rank(first: ArrayLike, second: ArrayLike) -> float:
    """Two-sided p-value of Wilcoxon's signed-rank test of paired values `(n_units,)`.

    >>> signed_rank([0.9, 0.8, 0.7, 0.6], [0.8, 0.6, 0.4, 0.2])
    0.125
    """
    # remove rounding errors of the means, so that equal values tie
    difference = np.round(np.asarray(first, dtype=float) - np.asarray(second, dtype=float), 12)
    if not difference.any():
        return 1.0
    exact = len(set(np.abs(difference))) == len(difference) and difference.all() and len(difference) <= 50
    return float(wilcoxon(difference, zero_method="zsplit", method="exact" if exact else "approx").pvalue)


def holm(p_values: ArrayLike) -> np.ndarray:
    """P-values after Holm's (1979) correction for many tests, in the order given.

    >>> holm([0.01, 0.04]).round(3)
    array([0.02, 0.04])
    """
    return np.asarray(multipletests(p_values, method="holm")[1])


def smallest_p(n_detectors: int, n_units: int) -> float:
    """The smallest p-value that `wilcoxon_holm` can give a pair: 2 / 2^n_units times the number of pairs, at most 1.

    >>> smallest_p(n_detectors=2, n_units=4)
    0.125
    """
    return float(min(1, 2 / 2**n_units * n_detectors * (n_detectors - 1) / 2))


def win_tie_loss(units: pd.DataFrame, margin: float = 0.01) -> pd.DataFrame:
    """Number of units won, tied and lost: `win, tie, loss` per ordered pair, index `(detector, other)`.

    A difference up to `margin` is a tie: 0.01 AUC is considered practically irrelevant (Benavoli et al. 2017).

    >>> import pandas as pd
    >>> units = pd.DataFrame({"a": [0.9, 0.8, 0.7], "b": [0.8, 0.8, 0.9]})
    >>> win_tie_loss(units).loc[("a", "b")].to_dict()
    {'win': 1, 'tie': 1, 'loss': 1}
    """
    rows = {}
    for a in units.columns:
        for b in units.columns.drop(a):
            difference = np.round(units[a] - units[b], 12)
            win, loss = int((difference > margin).sum()), int((difference < -margin).sum())
            rows[a, b] = {"win": win, "tie": len(units) - win - loss, "loss": loss}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(["detector", "other"])
