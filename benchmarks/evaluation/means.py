"""Means over sets: one row per detector from one row per cell.

A set is a (machine, unit, SNR). The seeds that a detector has in a set are averaged first; every mean is then over
sets, with equal weights. A mean is given only if the detector has finished all its cells in all these sets, so two
values in one column are always over the same clips. The number of seeds may differ between detectors.
"""

import numpy as np
import pandas as pd

from benchmarks.metrics import METRICS

CELL = ["machine", "unit", "snr_db", "seed"]  # identifies a cell of one detector
SET = CELL[:-1]


def means(results: pd.DataFrame, sets: pd.DataFrame | None = None) -> pd.DataFrame:
    """One row per detector of the results: means over `sets`, numbers of seeds and cells, times, why cells are missing.

    results: metrics are NaN where `status` is not "ok". sets: columns `SET`, by default all sets of the results.

    >>> import pandas as pd
    >>> cells = {"machine": "fan", "unit": ["id_00", "id_02"], "snr_db": 6.0, "seed": 0}
    >>> results = pd.DataFrame({"detector": "knn", **cells, "status": "ok", "message": "", "auc": [0.7, 0.9]})
    >>> board = means(results.assign(fit_seconds=1.0, score_seconds=1.0))
    >>> board[["detector", "auc", "worst_unit", "seeds", "cells_ok", "cells"]]
      detector  auc  worst_unit seeds  cells_ok  cells
    0      knn  0.8         0.7     1         2      2
    """
    sets = (results if sets is None else sets)[SET].drop_duplicates().sort_values(SET).reset_index(drop=True)
    cells = _numbered(results, sets)
    board = pd.DataFrame({"detector": sorted(results["detector"].unique())}).set_index("detector")
    per_set = {name: set_means(results, sets, name).reindex(board.index) for name in METRICS if name in results}
    aucs = per_set["auc"]
    board["seeds"] = _seeds(cells).reindex(board.index, fill_value="")
    board["seed_sd"] = _seed_deviation(cells, len(sets)).reindex(board.index)
    if "pauc" in per_set:
        board["harmonic"] = _harmonic(pd.concat([aucs, per_set["pauc"]], axis=1))
    for name, table in per_set.items():
        board[name] = _mean(table)
    board["worst_unit"] = _over(aucs, sets["machine"] + " " + sets["unit"]).min(axis=1, skipna=False)
    levels = _over(aucs, sets["snr_db"])
    for snr_db in sorted(levels.columns, reverse=True):
        board[f"auc[{snr_db:g} dB]"] = levels[snr_db]
    for machine, column in _over(aucs, sets["machine"]).items():
        board[f"auc[{machine}]"] = column
    board["cells_ok"] = _count(cells[cells["status"] == "ok"]).reindex(board.index, fill_value=0)
    missing = len(sets) - cells.groupby("detector")["set"].nunique().reindex(board.index, fill_value=0)
    board["cells"] = _count(cells).reindex(board.index, fill_value=0) + missing
    for seconds in ("fit_seconds", "score_seconds"):  # medians, because the first cell also includes imports
        board[seconds] = cells[cells["status"] == "ok"].groupby("detector")[seconds].median()
    board["reason"] = [_reason(cells[cells["detector"] == name], missing[name]) for name in board.index]
    return board.reset_index()


def set_means(values: pd.DataFrame, sets: pd.DataFrame, name: str) -> pd.DataFrame:
    """Mean of a column over the seeds that a detector has in a set, `(n_detectors, n_sets)`.

    values: one row per detector and cell, NaN if the cell has no value. sets: `SET`, numbered from 0 as the columns of
    the returned table. NaN if the detector has no cell in the set, or one without a value.

    >>> import pandas as pd
    >>> cells = pd.DataFrame({"machine": "fan", "unit": "id_00", "snr_db": 6.0, "seed": [0, 1]})
    >>> set_means(cells.assign(detector="knn", auc=[0.7, 0.9]), cells[SET][:1], "auc").loc["knn"].tolist()
    [0.8]
    """
    of_set = _numbered(values, sets).groupby(["detector", "set"])[name].mean(skipna=False).reset_index()
    return of_set.pivot_table(index="detector", columns="set", values=name).reindex(columns=range(len(sets)))


def _numbered(results: pd.DataFrame, sets: pd.DataFrame) -> pd.DataFrame:
    """The cells in these sets, with the number of their set."""
    return results.merge(sets.reset_index(drop=True).reset_index(names="set"), on=SET)  # NaN matches NaN: no SNR


def _count(cells: pd.DataFrame) -> pd.Series:
    return cells.groupby("detector").size()


def _seeds(cells: pd.DataFrame) -> pd.Series:
    """Per detector the number of seeds in a set: `3`, or `1 to 3` if its sets differ."""
    in_set = cells.groupby(["detector", "set"]).size().groupby("detector").agg(["min", "max"])
    return in_set.apply(lambda n: str(n["min"]) if n["min"] == n["max"] else f"{n['min']} to {n['max']}", axis=1)


def _seed_deviation(cells: pd.DataFrame, n_sets: int) -> pd.Series:
    """Standard deviation of the mean AUC over the seeds that a detector has in all sets, NaN for fewer than two."""
    per_seed = cells.pivot_table(index=["detector", "seed"], columns="set", values="auc")
    return _mean(per_seed.reindex(columns=range(n_sets))).dropna().groupby("detector").std(ddof=1)


def labelled(results: pd.DataFrame) -> pd.DataFrame:
    """Leave out the sets with a cell of status "unlabelled"; if all are, keep them, so every row states the reason.

    >>> import pandas as pd
    >>> results = pd.DataFrame({"machine": "fan", "unit": ["id_00", "id_02"], "snr_db": 6.0, "seed": 0})
    >>> labelled(results.assign(status=["ok", "unlabelled"]))["unit"].tolist()
    ['id_00']
    """
    unlabelled = (
        results["status"].eq("unlabelled").groupby([results[key] for key in SET], dropna=False).transform("any")
    )
    return results if unlabelled.all() else results[~unlabelled]


def complete_mean(values: pd.DataFrame, sets: pd.DataFrame, name: str) -> pd.Series:
    """Mean of a column over these sets per detector, averaged over seeds first; NaN if a detector lacks a value.

    values and sets: as in `set_means`.

    >>> import pandas as pd
    >>> sets = pd.DataFrame({"machine": "fan", "unit": ["id_00", "id_02"], "snr_db": 6.0})
    >>> values = sets.assign(detector="knn", seed=0, auc=[0.7, 0.9])
    >>> complete_mean(values, sets, "auc").round(3).to_dict()
    {'knn': 0.8}
    >>> complete_mean(values[:1], sets, "auc").to_dict()
    {'knn': nan}
    """
    return _mean(set_means(values, sets, name))


def _over(table: pd.DataFrame, key: pd.Series) -> pd.DataFrame:
    """Mean of the columns with the same key, NaN if one of them is NaN; `key` has one value per column."""
    return pd.DataFrame({k: _mean(table.loc[:, (key == k).to_numpy()]) for k in key.dropna().unique()}, table.index)


def _mean(table: pd.DataFrame) -> pd.Series:
    return table.mean(axis=1, skipna=False)


def _harmonic(table: pd.DataFrame) -> pd.Series:
    with np.errstate(divide="ignore"):  # one value of 0 makes the harmonic mean 0
        return 1 / _mean(1 / table)


def _reason(rows: pd.DataFrame, missing: int) -> str:
    """Why cells are missing, such as `2 out_of_memory, 1 not run: CUDA out of memory`; empty if none is missing."""
    failed = rows[rows["status"] != "ok"]
    counts = [f"{count} {status}" for status, count in failed["status"].value_counts().items()]
    counts += [f"{missing} not run"] if missing else []
    message = next((str(text) for text in failed["message"] if isinstance(text, str) and text), "")
    return ", ".join(counts) + (f": {message.splitlines()[0]}" if message else "")
