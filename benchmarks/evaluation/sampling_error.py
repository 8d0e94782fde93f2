"""Standard errors of a mean AUC, and of the difference of two, over the sampling of test clips.

The covariance of detectors' AUCs in one cell is DeLong's, on the same clips. Cells of one unit (its SNR levels and
seeds) contain the same machine sound: their standard errors are added as if fully correlated, an upper bound. Units are
recorded separately: their errors are combined as independent.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.evaluation.intervals import (
    Interval,
    delong,
    delong_interval,
    difference_interval,
    difference_variances,
    disjoint_pairs,
    standard_error,
)
from benchmarks.evaluation.means import CELL
from features import InputError

ScoreLoader = Callable[[pd.Series], pd.DataFrame]  # a row of the results -> the score table of its cell


@dataclass(frozen=True)
class SamplingError:
    """Standard errors of the mean AUC of some detectors over the same cells.

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
        error = self.difference[self.detectors.index(detector), self.detectors.index(other)]
        return difference_interval(difference, error**2, level)


def sampling_error(results: pd.DataFrame, scores: ScoreLoader) -> SamplingError:
    """Read all scores of detectors that have the same cells, all "ok", and combine their errors.

    Raises `InputError` if scores are missing, are on different clips, or do not give the AUC in the results.
    """
    detectors = sorted(results["detector"].unique())
    sets = results.drop_duplicates(CELL).groupby(CELL[:-1], dropna=False).size()
    mean, difference, pairs = np.zeros(len(detectors)), np.zeros((len(detectors),) * 2), []
    for _, of_unit in results.groupby(["machine", "unit"]):
        unit_mean, unit_difference = np.zeros_like(mean), np.zeros_like(difference)
        unit_pairs = []
        for _, of_set in of_unit.groupby("snr_db", dropna=False):
            weight = 1 / (len(sets) * of_set["seed"].nunique())
            for _, rows in of_set.groupby("seed"):
                cell_mean, cell_difference, cell_pairs = _cell_errors(rows.sort_values("detector"), scores)
                unit_mean += weight * cell_mean
                unit_difference += weight * cell_difference
                unit_pairs.append(cell_pairs)
        mean += unit_mean**2
        difference += unit_difference**2
        pairs.append(min(unit_pairs))
    return SamplingError(detectors, np.sqrt(mean), np.sqrt(difference), len(pairs) * min(pairs))


def _cell_errors(rows: pd.DataFrame, scores: ScoreLoader) -> tuple[np.ndarray, np.ndarray, int]:
    """Standard errors of the AUCs of one cell's detectors, of their differences, and the number of disjoint pairs."""
    labels, values = paired_scores(rows, scores)
    aucs, covariance = delong(labels, values)
    _check_aucs(rows, aucs)
    pairs, variance = disjoint_pairs(labels), np.diag(covariance)
    n_abnormal = int(labels.sum())
    n_normal = len(labels) - n_abnormal
    own = np.array([standard_error(*one, n_normal, n_abnormal) for one in zip(aucs, variance, strict=True)])
    return own, np.sqrt(difference_variances(covariance)), pairs


def paired_scores(rows: pd.DataFrame, scores: ScoreLoader) -> tuple[np.ndarray, np.ndarray]:
    """Test scores of several detectors in one cell: labels `(n_clips,)`, scores `(n_detectors, n_clips)`, same clips.

    rows: the results of this cell, one row per detector. The clips are ordered by path.
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
