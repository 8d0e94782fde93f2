"""Standard errors of a mean AUC, and of the difference of two, over the sampling of test clips.

The covariance of all AUCs in one set (machine, unit, SNR), of all detectors and seeds, is DeLong's, on the same clips.
It gives that of the means over seeds, whatever the number of seeds of each detector. The sets of one unit (its SNR
levels) contain the same machine sound: their standard errors are added as if fully correlated, an upper bound. Units
are recorded separately: their errors are combined as independent.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import norm

from benchmarks.evaluation.intervals import (
    Interval,
    delong,
    delong_interval,
    difference_interval,
    difference_variances,
    disjoint_pairs,
    standard_error,
)
from benchmarks.evaluation.means import CELL, SET
from features import InputError

ScoreLoader = Callable[[pd.Series], pd.DataFrame]  # a row of the results -> the score table of its cell


@dataclass(frozen=True)
class SamplingError:
    """Standard errors of the mean AUC of some detectors over the same sets.

    mean: `(n_detectors,)`, never 0. difference: `(n_detectors, n_detectors)`, paired; 0 if two detectors rank all clips
    equally. pairs: number of disjoint, independent pairs of a normal and an abnormal clip.
    """

    detectors: list[str]
    mean: np.ndarray
    difference: np.ndarray
    pairs: int

    def mean_interval(self, detector: str, auc: float, level: float) -> Interval:
        """Limits of the mean AUC of a detector."""
        return delong_interval(auc, self.mean[self.detectors.index(detector)] ** 2, self.pairs, level)

    def difference_interval(self, detector: str, other: str, difference: float, level: float) -> Interval:
        """Limits of the mean AUC of a detector minus that of another, on the same clips."""
        return difference_interval(difference, self.difference_error(detector, other) ** 2, level)

    def difference_error(self, detector: str, other: str) -> float:
        """Standard error of the paired difference of two mean AUCs."""
        return float(self.difference[self.detectors.index(detector), self.detectors.index(other)])


def p_value(difference: ArrayLike, error: ArrayLike) -> np.ndarray:
    """Two-sided p-values of differences with these standard errors, normal; 1 where both are 0 (equal order of clips).

    >>> p_value([0.0196, 0.0], [0.01, 0.0]).round(3)
    array([0.05, 1.  ])
    """
    with np.errstate(divide="ignore", invalid="ignore"):  # 0 / 0
        z = np.nan_to_num(np.abs(difference) / np.asarray(error, dtype=float), posinf=np.inf)
    p: np.ndarray = 2 * norm.sf(z)
    return p


def sampling_error(results: pd.DataFrame, scores: ScoreLoader) -> SamplingError:
    """Read all scores of detectors that have the same sets, all cells "ok", and combine their errors.

    The detectors may have different seeds. Raises `InputError` if scores are missing, are on different clips, or do not
    give the AUC in the results.
    """
    detectors = sorted(results["detector"].unique())
    n_sets = len(results[SET].drop_duplicates())
    mean, difference, pairs = np.zeros(len(detectors)), np.zeros((len(detectors),) * 2), []
    for _, of_unit in results.groupby(["machine", "unit"]):
        sets = [_set_errors(rows, scores) for _, rows in of_unit.groupby("snr_db", dropna=False)]
        mean += sum(own for own, _, _ in sets) ** 2
        difference += sum(of_pairs for _, of_pairs, _ in sets) ** 2
        pairs.append(min(disjoint for _, _, disjoint in sets))
    return SamplingError(detectors, np.sqrt(mean) / n_sets, np.sqrt(difference) / n_sets, len(pairs) * min(pairs))


def _set_errors(rows: pd.DataFrame, scores: ScoreLoader) -> tuple[np.ndarray, np.ndarray, int]:
    """Of one set: standard errors of the detectors' AUCs, seeds averaged, and of their differences; disjoint pairs."""
    rows = rows.sort_values(["detector", "seed"])
    labels, values = paired_scores(rows, scores)
    aucs, covariance = delong(labels, values)
    _check_aucs(rows, aucs)
    weights = _seed_weights(rows["detector"])
    aucs, covariance = weights @ aucs, weights @ covariance @ weights.T
    n_abnormal = int(labels.sum())
    n_normal = len(labels) - n_abnormal
    own = [standard_error(*one, n_normal, n_abnormal) for one in zip(aucs, np.diag(covariance), strict=True)]
    return np.array(own), np.sqrt(difference_variances(covariance)), disjoint_pairs(labels)


def _seed_weights(detectors: pd.Series) -> np.ndarray:
    """Weights that average the rows of each detector, `(n_detectors, n_rows)`; the detectors are sorted."""
    is_own = detectors.to_numpy() == np.unique(detectors)[:, np.newaxis]
    weights: np.ndarray = is_own / is_own.sum(axis=1, keepdims=True)
    return weights


def paired_scores(rows: pd.DataFrame, scores: ScoreLoader) -> tuple[np.ndarray, np.ndarray]:
    """Test scores of several cells of one set: labels `(n_clips,)`, scores `(n_rows, n_clips)`, on the same clips.

    rows: the results, one row per detector and seed. The clips are ordered by path.
    """
    tables = [test_scores(row, scores) for _, row in rows.iterrows()]
    first = tables[0]
    for row, table in zip(rows.itertuples(), tables, strict=True):
        if not table["label"].equals(first["label"]):
            different = first.index.symmetric_difference(table.index).tolist() or ["the labels"]
            raise InputError(
                f"scores of {row.detector} and {rows['detector'].iloc[0]}: in {_cell(row)} their test clips differ "
                f"({different[0]}); compare results of one corpus and one protocol, or run one of them again"
            )
    return first["label"].to_numpy(), np.stack([table["score"].to_numpy(dtype=float) for table in tables])


def test_scores(row: pd.Series, scores: ScoreLoader) -> pd.DataFrame:
    """Labels and scores of the test clips of one cell, indexed and ordered by path. Raises `InputError`."""
    where = f"scores of {row['detector']}, {_cell(row)}"
    try:
        table = scores(row)
    except (OSError, KeyError) as error:
        raise InputError(f"{where}: missing ({error}); run this cell again") from error
    lacking = {"part", "path", "label", "score"} - set(table.columns)
    if lacking:
        raise InputError(f"{where}: no column {sorted(lacking)}; found {list(table.columns)}; run this cell again")
    test = table[table["part"] == "test"].set_index("path").sort_index()
    if test.empty or not test.index.is_unique:
        raise InputError(
            f"{where}: {len(test)} test rows, {test.index.nunique()} paths; there must be one row per clip"
        )
    return test


def _check_aucs(rows: pd.DataFrame, aucs: np.ndarray) -> None:
    for row, found in zip(rows.itertuples(), aucs, strict=True):
        if abs(row.auc - found) > 1e-6:
            raise InputError(
                f"results of {row.detector}, {_cell(row)}: auc={row.auc:.6f}, but its scores give {found:.6f}; "
                "the table is older than the scores: compute the results again"
            )


def _cell(row: object) -> str:
    machine, unit, snr_db, seed = (getattr(row, column) for column in CELL)
    noise = "" if pd.isna(snr_db) else f" at {snr_db:g} dB"
    return f"{machine} {unit}{noise}, seed {seed}"
