"""Many detectors over many units: would the order hold for other machines than these?

Seeds are averaged first: a repetition is no further data set. Then the SNR levels of a unit, which hold the same
machine sound, are averaged, or one level is taken alone. What is left, one AUC per unit and detector, is what the tests
see (Demsar 2006; Benavoli, Corani and Mangili 2016 for Wilcoxon per pair in place of mean ranks).

Few units prove little, whatever the differences: with n units the smallest p-value of Wilcoxon's test is 2 / 2^n,
before Holm multiplies it by the number of pairs. `smallest_p` says what can be had at all.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import f, friedmanchisquare, norm, rankdata, studentized_range, wilcoxon
from statsmodels.stats.multitest import multipletests

from benchmarks.evaluation.intervals import Interval, bootstrap_aucs, delong
from benchmarks.evaluation.means import CELL, means
from benchmarks.evaluation.sampling_error import SamplingError, ScoreLoader, paired_scores, sampling_error
from features import InputError


def unit_aucs(results: pd.DataFrame, snr_db: float | None = None) -> pd.DataFrame:
    """AUC of each unit and detector, `(n_units, n_detectors)`, seeds averaged, then SNR levels or one level taken.

    Detectors that lack a cell are left out, as they are in the ranks of the leaderboard, which names them.
    """
    chosen = results if snr_db is None else results[results["snr_db"] == snr_db]
    if chosen.empty:
        raise InputError(f"comparison: no results at {snr_db} dB; there are {sorted(results['snr_db'].unique())}")
    cells = chosen.groupby(CELL, dropna=False).ngroup()
    ok = (chosen["status"] == "ok").groupby(chosen["detector"]).sum()
    complete = chosen[chosen["detector"].isin(ok.index[ok == cells.nunique()])]
    of_set = complete.groupby(["detector", "machine", "unit", "snr_db"], dropna=False, as_index=False)["auc"].mean()
    return of_set.pivot_table(index=["machine", "unit"], columns="detector", values="auc")


def spreads(
    results: pd.DataFrame, scores: ScoreLoader, n: int, rng: np.random.Generator, level: float = 0.95
) -> pd.DataFrame:
    """Three spreads of a mean AUC, apart: other seeds, other clips of these units, other units.

    Returns per complete detector `detector, auc, seed_sd, clips_low, clips_high, units_low, units_high`. Seeds: the
    standard deviation of the mean. Clips: DeLong limits (`sampling_error`). Units: bootstrap over whole units.
    """
    units = unit_aucs(results)
    complete = results[results["detector"].isin(units.columns)]
    errors = sampling_error(complete, scores)
    board = means(complete).set_index("detector").loc[list(units.columns), ["auc", "seed_sd"]]
    clips = [errors.mean_interval(str(name), auc, level) for name, auc in board["auc"].items()]
    board[["clips_low", "clips_high"]] = clips
    return board.join(unit_bootstrap(units, n, rng, level)).reset_index()


def unit_bootstrap(units: pd.DataFrame, n: int, rng: np.random.Generator, level: float = 0.95) -> pd.DataFrame:
    """Percentile limits of each detector's mean over `n` resamples of whole units, the same ones for all detectors.

    `units` `(n_units, n_detectors)`; returns `units_low, units_high` per detector. A bootstrap over few units is too
    narrow: against Student's t about 0.53 of the length with 4 units and 0.89 with 16. One unit says nothing of others:
    NaN.
    """
    if len(units) < 2:
        return pd.DataFrame(np.nan, index=units.columns, columns=["units_low", "units_high"])
    drawn = rng.integers(len(units), size=(n, len(units)))
    resampled = units.to_numpy()[drawn].mean(axis=1)  # (n, n_units, n_detectors) -> (n, n_detectors)
    low, high = np.quantile(resampled, [0.5 - level / 2, 0.5 + level / 2], axis=0)
    return pd.DataFrame({"units_low": low, "units_high": high}, index=units.columns)


def paired_cells(results: pd.DataFrame, scores: ScoreLoader, detector: str, other: str) -> pd.DataFrame:
    """The difference of two detectors on each set of clips they share, with its paired DeLong limits (95 %).

    Returns `machine, unit, snr_db, difference, low, high, p, verdict ("win" | "tie" | "loss")`, seeds averaged, their
    errors taken as fully correlated. A tie: the limits include 0.
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
        raise InputError(f"comparison: {detector} and {other} share no finished cell; run both on the same cells")
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
    """Percentile limits of the difference of two AUCs on the same resamples of clips; `scores` `(2, n_clips)`."""
    first, second = bootstrap_aucs(labels, scores, n, rng)
    low, high = np.quantile(first - second, [0.5 - level / 2, 0.5 + level / 2])
    return float(low), float(high)


@dataclass(frozen=True)
class Friedman:
    """Are all detectors alike? `chi2` with its correction for ties, and Iman and Davenport's less timid `f`."""

    chi2: float
    p_chi2: float
    f: float
    p_f: float


def friedman(units: pd.DataFrame) -> Friedman:
    """Friedman's test over units; needs three detectors or more and two units or more."""
    n_units, k = units.shape
    if k < 3 or n_units < 2:
        raise InputError(f"friedman: {k} detectors on {n_units} units; it takes at least 3 on 2 (for two: Wilcoxon)")
    if units.eq(units.iloc[:, 0], axis=0).all(axis=None):
        return Friedman(0.0, 1.0, 0.0, 1.0)
    chi2, p_chi2 = friedmanchisquare(*units.to_numpy().T)
    statistic = iman_davenport(float(chi2), n_units, k)
    return Friedman(float(chi2), float(p_chi2), statistic, float(f.sf(statistic, k - 1, (k - 1) * (n_units - 1))))


def iman_davenport(chi2: float, n_units: int, n_detectors: int) -> float:
    """The F statistic of Iman and Davenport (1980) from Friedman's; infinite where all units agree."""
    rest = n_units * (n_detectors - 1) - chi2
    return float((n_units - 1) * chi2 / rest) if rest > 1e-9 else float("inf")


def average_ranks(units: pd.DataFrame) -> pd.Series:
    """Mean rank of each detector over units: 1 is best, ties share a mean rank."""
    return pd.Series(rankdata(-units.to_numpy(), axis=1).mean(axis=0), index=units.columns).sort_values()


def critical_difference(n_detectors: int, n_units: int, alpha: float = 0.05) -> float:
    """Nemenyi's smallest difference of two mean ranks that counts: q sqrt(k (k + 1) / (6 N)) (Demsar 2006)."""
    q = studentized_range.ppf(1 - alpha, n_detectors, np.inf) / np.sqrt(2)
    return float(q * np.sqrt(n_detectors * (n_detectors + 1) / (6 * n_units)))


def nemenyi(units: pd.DataFrame) -> pd.DataFrame:
    """P-values of Nemenyi's test of all pairs, `(n_detectors, n_detectors)`."""
    from scikit_posthocs import posthoc_nemenyi_friedman  # brings matplotlib and seaborn along

    p = posthoc_nemenyi_friedman(units.to_numpy()).to_numpy()
    return pd.DataFrame(p, index=units.columns, columns=units.columns)


def wilcoxon_holm(units: pd.DataFrame) -> pd.DataFrame:
    """P-values of Wilcoxon's signed-rank test of all pairs after Holm, `(n_detectors, n_detectors)`, diagonal 1.

    Zero differences are split between the signs (Demsar 2006); a pair that is equal on every unit has p = 1.
    """
    pairs = list(combinations(units.columns, 2))
    if not pairs:
        raise InputError(f"wilcoxon: {units.shape[1]} detectors; it takes two with the same finished cells")
    adjusted = holm([signed_rank(units[a], units[b]) for a, b in pairs])
    table = pd.DataFrame(1.0, index=units.columns, columns=units.columns)
    for (a, b), p in zip(pairs, adjusted, strict=True):
        table.loc[a, b] = table.loc[b, a] = p
    return table


def signed_rank(first: ArrayLike, second: ArrayLike) -> float:
    """Two-sided p-value of Wilcoxon's signed-rank test of paired values `(n_units,)`."""
    # differences of means carry rounding: equal ones must tie
    difference = np.round(np.asarray(first, dtype=float) - np.asarray(second, dtype=float), 12)
    if not difference.any():
        return 1.0
    exact = len(set(np.abs(difference))) == len(difference) and difference.all() and len(difference) <= 50
    return float(wilcoxon(difference, zero_method="zsplit", method="exact" if exact else "approx").pvalue)


def holm(p_values: ArrayLike) -> np.ndarray:
    """P-values after Holm's (1979) correction for many tests, in the order given."""
    return np.asarray(multipletests(p_values, method="holm")[1])


def smallest_p(n_detectors: int, n_units: int) -> float:
    """The smallest p-value that `wilcoxon_holm` can give a pair: 2 / 2^n_units times the number of pairs, at most 1."""
    return float(min(1, 2 / 2**n_units * n_detectors * (n_detectors - 1) / 2))


def win_tie_loss(units: pd.DataFrame, margin: float = 0.01) -> pd.DataFrame:
    """On how many units one detector beats another: `win, tie, loss` per ordered pair, index `(detector, other)`.

    Up to `margin` apart is a tie: 0.01 AUC is taken as of no practical weight (Benavoli et al. 2017).
    """
    rows = {}
    for a in units.columns:
        for b in units.columns.drop(a):
            difference = np.round(units[a] - units[b], 12)
            win, loss = int((difference > margin).sum()), int((difference < -margin).sum())
            rows[a, b] = {"win": win, "tie": len(units) - win - loss, "loss": loss}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(["detector", "other"])


def smallest_detectable_difference(errors: SamplingError, level: float = 0.95, power: float = 0.8) -> float:
    """How far two means must truly be apart to be told apart in `power` of repetitions with other clips.

    (z of the level + z of the power) times the paired standard error, the median over pairs of detectors.
    """
    pairs = errors.difference[np.triu_indices(len(errors.detectors), k=1)]
    if not len(pairs):
        raise InputError("smallest detectable difference: one detector; it takes a pair")
    return float((norm.ppf(0.5 + level / 2) + norm.ppf(power)) * np.median(pairs))
