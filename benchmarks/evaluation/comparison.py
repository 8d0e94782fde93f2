"""Comparison of many detectors over many units: would the order be the same on other machines?

Seeds are averaged first, because a repetition is not another data set. Then the SNR levels of a unit, which contain the
same machine sound, are averaged, or one level is selected. The tests use the result, one AUC per unit and detector
(Demsar 2006; Benavoli, Corani and Mangili 2016 for Wilcoxon per pair instead of mean ranks).

Few units give weak evidence, however large the differences are: with n units the smallest p-value of Wilcoxon's test is
2 / 2^n, before Holm multiplies it by the number of pairs. `smallest_p` gives the smallest p-value that is possible.
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
    """AUC of each unit and detector, `(n_units, n_detectors)`: means over seeds, then over SNR levels or at one level.

    Detectors without results in all cells are left out, as in the ranks of the leaderboard, which lists them.

    >>> import pandas as pd
    >>> cells = {"machine": "fan", "unit": ["id_00", "id_02"], "snr_db": 6.0, "seed": 0, "status": "ok"}
    >>> unit_aucs(pd.DataFrame({"detector": "knn", "auc": [0.8, 0.9]} | cells))["knn"].to_dict()
    {('fan', 'id_00'): 0.8, ('fan', 'id_02'): 0.9}
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
    """Three separate spreads of a mean AUC: over seeds, over clips of the same units, over units.

    Returns per complete detector `detector, auc, seed_sd, clips_low, clips_high, units_low, units_high`. Seeds: the
    standard deviation of the mean. Clips: DeLong limits (`sampling_error`). Units: bootstrap over whole units.

    >>> import numpy as np
    >>> import pandas as pd
    >>> cell = {"machine": "fan", "unit": "id_00", "snr_db": 6.0, "seed": [0, 1], "status": "ok", "message": ""}
    >>> results = pd.DataFrame({"detector": "a", "auc": [1.0, 0.75], **cell, "fit_seconds": 1.0, "score_seconds": 1.0})
    >>> order = {0: [1.0, 2.0, 3.0, 4.0], 1: [1.0, 3.0, 2.0, 4.0]}  # seed -> scores
    >>> clips = pd.DataFrame({"part": "test", "path": list("1234"), "label": [0, 0, 1, 1]})
    >>> rng = np.random.default_rng(0)
    >>> table = spreads(results, lambda row: clips.assign(score=order[row["seed"]]), n=100, rng=rng)
    >>> table[["detector", "auc", "seed_sd"]].round(3)
      detector    auc  seed_sd
    0        a  0.875    0.177
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

    `units` `(n_units, n_detectors)`; returns `units_low, units_high` per detector. The limits are too narrow for few
    units: compared with Student's t about 0.53 of the length for 4 units and 0.89 for 16. One unit gives NaN.

    >>> import numpy as np
    >>> import pandas as pd
    >>> units = pd.DataFrame({"knn": [0.8, 0.9, 0.7, 0.8]})
    >>> limits = unit_bootstrap(units, n=1000, rng=np.random.default_rng(0)).loc["knn"]
    >>> bool(0.7 < limits["units_low"] < 0.8 < limits["units_high"] < 0.9)
    True
    """
    if len(units) < 2:
        return pd.DataFrame(np.nan, index=units.columns, columns=["units_low", "units_high"])
    drawn = rng.integers(len(units), size=(n, len(units)))
    resampled = units.to_numpy()[drawn].mean(axis=1)  # (n, n_units, n_detectors) -> (n, n_detectors)
    low, high = np.quantile(resampled, [0.5 - level / 2, 0.5 + level / 2], axis=0)
    return pd.DataFrame({"units_low": low, "units_high": high}, index=units.columns)


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


def smallest_detectable_difference(errors: SamplingError, level: float = 0.95, power: float = 0.8) -> float:
    """The true difference of two means that is detected in `power` of repetitions with other clips.

    It is (z of the level + z of the power) times the paired standard error, the median over pairs of detectors.
    """
    pairs = errors.difference[np.triu_indices(len(errors.detectors), k=1)]
    if not len(pairs):
        raise InputError("smallest detectable difference: one detector; give at least two")
    return float((norm.ppf(0.5 + level / 2) + norm.ppf(power)) * np.median(pairs))
