"""The leaderboard: one row per detector, with means over cells, their intervals, and ranks with ties.

Means. The seeds that a detector has in a set (machine, unit, SNR) are averaged first; every mean is then over the sets
of `ranked_sets`, with equal weights. A mean is given only if all cells of the detector there are finished, so two
values in one column are always over the same clips, and a detector that lacks one of these sets has no rank. The number
of seeds may differ between detectors; one without a seed has a single cell in a set. Sets without labels do not count.

Intervals. They describe how another draw of test clips from the same units could change the mean (`sampling_error`);
`seed_sd` describes other seeds; for other units see `comparison`.

Ties. Detector A is ahead of B if the interval of the paired difference of their means lies above 0. The rank of a
detector is 1 + the number of detectors of its track that are ahead of it, but never better than the rank of a detector
with a higher mean. Detectors that the data cannot distinguish share a rank, marked `=`.
"""

from collections.abc import Collection

import numpy as np
import pandas as pd

from benchmarks.evaluation.means import CELL, SET, labelled, means
from benchmarks.evaluation.ranked_sets import ranked_sets
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

    results: one row per cell, as from `load_results`. scores: returns the score table of a row; it is called only for
    the rows of detectors that finished all cells. sanity: names of the rows that a learned detector must beat.
    machine_scope: names of detectors that learn from other units' sound; they are ranked in a track of their own. Both
    default to the columns `sanity` and `scope` of the results, if there are any.

    Returns one row per detector: best first, then the cross-unit track, then detectors without a rank:
    `detector, track ("unit" | "machine"), rank, tied, sanity, beats_sanity, auc, auc_low, auc_high, seeds, seed_sd,
    harmonic, pauc, ap, worst_unit, auc[<snr> dB]..., auc[<machine>]..., cells_ok, cells, fit_seconds, score_seconds,
    reason, scores_only, trained_on`.
    `seeds` is text, the number of seeds in a set: `5`, or `1 to 5` where the sets of the detector differ.
    `harmonic` is over all AUCs and pAUCs (DCASE since 2021). `worst_unit` is the lowest mean AUC of a unit.
    `beats_sanity`: its interval of the paired difference lies above 0 for each sanity row. Raises `InputError`.

    >>> import pandas as pd
    >>> cell = {"dataset": "toy", "machine": "fan", "unit": "id_00", "snr_db": 6.0, "seed": 0}
    >>> ran = {"status": "ok", "message": "", "fit_seconds": 1.0, "score_seconds": 0.1}
    >>> results = pd.DataFrame({"detector": ["a", "b"], "auc": [1.0, 0.75], **cell, **ran})
    >>> order = {"a": [1.0, 2.0, 3.0, 4.0], "b": [1.0, 3.0, 2.0, 4.0]}
    >>> paths = ["1.wav", "2.wav", "3.wav", "4.wav"]
    >>> clips = pd.DataFrame({"part": "test", "path": paths, "label": [0, 0, 1, 1]})
    >>> board = leaderboard(results, lambda row: clips.assign(score=order[row["detector"]]))
    >>> board[["detector", "rank", "tied", "auc"]]
      detector  rank  tied   auc
    0        a     1  True  1.00
    1        b     1  True  0.75
    """
    _check(results)
    sanity = _marked(results, "sanity", True) if sanity is None else sanity
    machine_scope = _marked(results, "scope", "machine") if machine_scope is None else machine_scope
    results = labelled(results)
    sets = ranked_sets(results)
    board = means(results, sets)
    board.insert(1, "track", np.where(board["detector"].isin(list(machine_scope)), "machine", "unit"))
    board["sanity"] = board["detector"].isin(list(sanity))
    board["scores_only"] = board["detector"].isin(_marked(results, "scores_only", True))
    board["trained_on"] = [_declared(results, name) for name in board["detector"]]
    complete = board[board["cells_ok"] == board["cells"]]
    if len(complete):
        errors = sampling_error(results[results["detector"].isin(complete["detector"])].merge(sets, on=SET), scores)
        board = board.merge(_standing(complete, errors, level), how="left", on="detector")
    board = board.reindex(columns=[*FIRST, *board.columns.difference(FIRST, sort=False)])
    board = board.astype({"rank": "Int64", "tied": "boolean", "beats_sanity": "boolean"}).fillna({"tied": False})
    best_first = board.assign(last=board["rank"].isna()).sort_values(
        ["last", "track", "rank", "auc", "detector"], ascending=[True, False, True, False, True]
    )
    return best_first.drop(columns="last").reset_index(drop=True)


def _marked(results: pd.DataFrame, column: str, value: object) -> list[str]:
    """The detectors with this value in a column; none if the column is missing."""
    return list(results.loc[results[column] == value, "detector"].unique()) if column in results else []


def _declared(results: pd.DataFrame, detector: str) -> str:
    """The declared training data of imported scores; empty for our own runs."""
    if "trained_on" not in results:
        return ""
    return "; ".join(sorted(set(results.loc[results["detector"] == detector, "trained_on"]) - {""}))


def _standing(board: pd.DataFrame, errors: SamplingError, level: float) -> pd.DataFrame:
    """`detector, auc_low, auc_high, rank, tied, beats_sanity` of detectors that finished all cells."""
    auc = board.set_index("detector")["auc"]
    sane = board.loc[board["sanity"], "detector"]
    limits = [errors.mean_interval(name, auc[name], level) for name in auc.index]
    standing = pd.DataFrame(limits, index=auc.index, columns=["auc_low", "auc_high"])

    def is_ahead(name: str, other: str) -> bool:
        difference = round(auc[name] - auc[other], 12)  # equal means of unequal numbers of seeds tie
        return errors.difference_interval(name, other, difference, level)[0] > 0

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
