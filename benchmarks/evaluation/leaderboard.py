"""From the cells of one corpus to one row per detector: means, how sure they are, and who is ahead of whom.

Means. The seeds of a (machine, unit, SNR) are averaged first; every mean is then over these sets, each with the same
weight. A mean is given only where all its cells are there, so two numbers in one column are always over the same clips,
and a detector that lacks a cell has no rank. Cells that nobody can judge, for lack of labels, are no cells of anyone's.

Intervals. They say how far another draw of test clips from the same units could move the mean (`sampling_error`);
`seed_sd` says how far another seed does; for what other units would do see `comparison`.

Ties. Detector A is ahead of B where the interval of the paired difference of their means lies above 0. The rank of a
detector is 1 + how many of its track are ahead of it, but never a better one than a detector of higher mean has. What
the data cannot tell apart so shares a rank, marked `=`.
"""

from collections.abc import Collection

import numpy as np
import pandas as pd

from benchmarks.evaluation.means import CELL, labelled, means
from benchmarks.evaluation.sampling_error import SamplingError, ScoreLoader, sampling_error
from benchmarks.evaluation.stored_results import stored_scores
from features import InputError

FIRST = ["detector", "track", "rank", "tied", "sanity", "beats_sanity", "auc", "auc_low", "auc_high"]
NEEDED = ("detector", "dataset", *CELL, "status", "auc", "fit_seconds", "score_seconds", "message")


def leaderboard(
    results: pd.DataFrame,
    scores: ScoreLoader = stored_scores,
    *,
    sanity: Collection[str] | None = None,
    machine_scope: Collection[str] | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Rank the detectors of one corpus under one protocol.

    results: one row per cell, as from `load_results`; scores: gives the score table of a row, called for "ok" rows of
    complete detectors only. sanity: names of the rows that a learned detector must beat. machine_scope: names of
    detectors that learn from other units' sound; they are ranked among themselves. Both are by default what the columns
    `sanity` and `scope` of the results say, where there are such.

    Returns one row per detector, best first, the cross-unit track after, those without a rank last:
    `detector, track ("unit" | "machine"), rank, tied, sanity, beats_sanity, auc, auc_low, auc_high, seed_sd, harmonic,
    pauc, ap, worst_unit, auc[<snr> dB]..., auc[<machine>]..., cells_ok, cells, fit_seconds, score_seconds, reason,
    scores_only, trained_on`.
    `harmonic` is over all AUCs and pAUCs (DCASE since 2021). `worst_unit` is the lowest mean AUC of a unit.
    `beats_sanity`: its interval of the paired difference lies above 0 for each sanity row. Raises `InputError`.
    """
    _check(results)
    sanity = _marked(results, "sanity", True) if sanity is None else sanity
    machine_scope = _marked(results, "scope", "machine") if machine_scope is None else machine_scope
    results = labelled(results)
    board = means(results)
    board.insert(1, "track", np.where(board["detector"].isin(list(machine_scope)), "machine", "unit"))
    board["sanity"] = board["detector"].isin(list(sanity))
    board["scores_only"] = board["detector"].isin(_marked(results, "scores_only", True))
    board["trained_on"] = [_declared(results, name) for name in board["detector"]]
    complete = board[board["cells_ok"] == board["cells"]]
    if len(complete):
        errors = sampling_error(results[results["detector"].isin(complete["detector"])], scores)
        board = board.merge(_standing(complete, errors, level), how="left", on="detector")
    board = board.reindex(columns=[*FIRST, *board.columns.difference(FIRST, sort=False)])
    board = board.astype({"rank": "Int64", "tied": "boolean", "beats_sanity": "boolean"}).fillna({"tied": False})
    best_first = board.assign(last=board["rank"].isna()).sort_values(
        ["last", "track", "rank", "auc", "detector"], ascending=[True, False, True, False, True]
    )
    return best_first.drop(columns="last").reset_index(drop=True)


def _marked(results: pd.DataFrame, column: str, value: object) -> list[str]:
    """The detectors with this value in a column; none where there is no such column."""
    return list(results.loc[results[column] == value, "detector"].unique()) if column in results else []


def _declared(results: pd.DataFrame, detector: str) -> str:
    """What scores from elsewhere are declared to be trained on; empty for our own runs."""
    if "trained_on" not in results:
        return ""
    return "; ".join(sorted(set(results.loc[results["detector"] == detector, "trained_on"]) - {""}))


def _standing(board: pd.DataFrame, errors: SamplingError, level: float) -> pd.DataFrame:
    """`detector, auc_low, auc_high, rank, tied, beats_sanity` of detectors with the same, complete cells."""
    auc = board.set_index("detector")["auc"]
    sane = board.loc[board["sanity"], "detector"]
    limits = [errors.mean_interval(name, auc[name], level) for name in auc.index]
    standing = pd.DataFrame(limits, index=auc.index, columns=["auc_low", "auc_high"])

    def is_ahead(name: str, other: str) -> bool:
        return errors.difference_interval(name, other, auc[name] - auc[other], level)[0] > 0

    for _, track in board.groupby("track"):
        own = auc[track["detector"]].sort_values(ascending=False)
        ahead = [sum(is_ahead(other, name) for other in own.index[:place]) for place, name in enumerate(own.index)]
        standing.loc[own.index, "rank"] = 1 + np.maximum.accumulate(ahead)
    shared = standing.assign(track=board.set_index("detector")["track"]).duplicated(["track", "rank"], keep=False)
    standing["tied"] = shared
    beats = [pd.NA if name in set(sane) else all(is_ahead(name, other) for other in sane) for name in auc.index]
    standing["beats_sanity"] = beats if len(sane) else pd.NA
    return standing.reset_index()


def _check(results: pd.DataFrame) -> None:
    lacking = [column for column in NEEDED if column not in results]
    if lacking:
        raise InputError(f"leaderboard: results lack the columns {lacking}; give the table that a run writes")
    corpora = sorted(results["dataset"].unique())
    if len(corpora) != 1:
        raise InputError(f"leaderboard: results of {len(corpora)} corpora ({corpora}); give those of one")
    repeated = results[results.duplicated(["detector", *CELL])]
    if len(repeated):
        first = repeated.iloc[0]
        raise InputError(
            f"leaderboard: {len(repeated)} cells occur twice, the first {first['detector']} on {first['machine']} "
            f"{first['unit']}; give the results of one protocol"
        )
