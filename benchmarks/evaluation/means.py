"""Means over cells: one row per detector from one row per cell.

The seeds of a (machine, unit, SNR) are averaged first; every mean is then over these sets, with equal weights. A mean
is given only if all its cells are finished, so two values in one column are always over the same clips.
"""

import numpy as np
import pandas as pd

from benchmarks.metrics import METRICS

CELL = ["machine", "unit", "snr_db", "seed"]  # identifies a cell of one detector
SET = CELL[:-1]


def means(results: pd.DataFrame) -> pd.DataFrame:
    """One row per detector: means over complete groups of cells, numbers of cells, times, and why cells are missing.

    >>> import pandas as pd
    >>> cells = {"machine": "fan", "unit": ["id_00", "id_02"], "snr_db": 6.0, "seed": 0}
    >>> results = pd.DataFrame({"detector": "knn", **cells, "status": "ok", "message": "", "auc": [0.7, 0.9]})
    >>> board = means(results.assign(fit_seconds=1.0, score_seconds=1.0))
    >>> board[["detector", "auc", "worst_unit", "cells_ok", "cells"]]
      detector  auc  worst_unit  cells_ok  cells
    0      knn  0.8         0.7         2      2
    """
    cells = results[CELL].drop_duplicates().sort_values(CELL).reset_index(drop=True)
    set_of_cell = cells.groupby(SET, dropna=False).ngroup()
    sets = cells[SET].drop_duplicates().reset_index(drop=True)
    ok = results[results["status"] == "ok"]
    board = pd.DataFrame({"detector": sorted(results["detector"].unique())}).set_index("detector")
    per_cell = {name: _per_cell(ok, cells, name).reindex(board.index) for name in METRICS if name in results}
    per_set = {name: _over(table, set_of_cell) for name, table in per_cell.items()}
    aucs = per_set["auc"]
    board["seed_sd"] = _over(per_cell["auc"], cells["seed"]).std(axis=1, ddof=1, skipna=False)
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
    board["cells_ok"] = per_cell["auc"].notna().sum(axis=1)
    board["cells"] = len(cells)
    for seconds in ("fit_seconds", "score_seconds"):
        board[seconds] = ok.groupby("detector")[seconds].median()  # the first cell also includes imports
    board["reason"] = [_reason(results[results["detector"] == name], len(cells)) for name in board.index]
    return board.reset_index()


def labelled(results: pd.DataFrame) -> pd.DataFrame:
    """Leave out the cells of status "unlabelled"; if all are, keep them, so that every row states the reason.

    >>> import pandas as pd
    >>> results = pd.DataFrame({"machine": "fan", "unit": ["id_00", "id_02"], "snr_db": 6.0, "seed": 0})
    >>> labelled(results.assign(status=["ok", "unlabelled"]))["unit"].tolist()
    ['id_00']
    """
    unlabelled = (
        results["status"].eq("unlabelled").groupby([results[key] for key in CELL], dropna=False).transform("any")
    )
    return results if unlabelled.all() else results[~unlabelled]


def _per_cell(ok: pd.DataFrame, cells: pd.DataFrame, metric: str) -> pd.DataFrame:
    """`(n_detectors, n_cells)`, columns numbered as the rows of `cells`, NaN if a detector lacks the cell."""
    numbered = ok.merge(cells.reset_index(names="cell"), on=CELL)  # NaN matches NaN: a corpus without SNR has one level
    return numbered.pivot_table(index="detector", columns="cell", values=metric).reindex(columns=cells.index)


def complete_mean(values: pd.DataFrame, cells: pd.DataFrame, name: str) -> pd.Series:
    """Mean of a column over these cells per detector, averaged over seeds first; NaN if a detector lacks a cell.

    values: one row per detector and cell; cells: `CELL`, numbered from 0.

    >>> import pandas as pd
    >>> cells = pd.DataFrame({"machine": "fan", "unit": ["id_00", "id_02"], "snr_db": 6.0, "seed": 0})
    >>> values = cells.assign(detector="knn", auc=[0.7, 0.9])
    >>> complete_mean(values, cells, "auc").round(3).to_dict()
    {'knn': 0.8}
    >>> complete_mean(values[:1], cells, "auc").to_dict()
    {'knn': nan}
    """
    return _mean(_over(_per_cell(values, cells, name), cells.groupby(SET, dropna=False).ngroup()))


def _over(table: pd.DataFrame, key: pd.Series) -> pd.DataFrame:
    """Mean of the columns with the same key, NaN if one of them is NaN; `key` has one value per column."""
    return pd.DataFrame({k: _mean(table.loc[:, (key == k).to_numpy()]) for k in key.dropna().unique()}, table.index)


def _mean(table: pd.DataFrame) -> pd.Series:
    return table.mean(axis=1, skipna=False)


def _harmonic(table: pd.DataFrame) -> pd.Series:
    with np.errstate(divide="ignore"):  # one value of 0 makes the harmonic mean 0
        return 1 / _mean(1 / table)


def _reason(rows: pd.DataFrame, n_cells: int) -> str:
    """Why cells are missing, such as `2 out_of_memory, 1 not run: CUDA out of memory`; empty if none is missing."""
    failed = rows[rows["status"] != "ok"]
    counts = [f"{count} {status}" for status, count in failed["status"].value_counts().items()]
    counts += [f"{n_cells - len(rows)} not run"] if n_cells > len(rows) else []
    message = next((str(text) for text in failed["message"] if isinstance(text, str) and text), "")
    return ", ".join(counts) + (f": {message.splitlines()[0]}" if message else "")
