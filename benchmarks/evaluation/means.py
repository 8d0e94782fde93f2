"""Means over cells: one row per detector from one row per cell.

The seeds of a (machine, unit, SNR) are averaged first; every mean is then over these sets, each with the same weight. A
mean is given only where all its cells are there, so two numbers in one column are always over the same clips.
"""

import numpy as np
import pandas as pd

from benchmarks.metrics import METRICS

CELL = ["machine", "unit", "snr_db", "seed"]  # what tells the cells of one detector apart
SET = CELL[:-1]


def means(results: pd.DataFrame) -> pd.DataFrame:
    """One row per detector: its means over complete groups of cells, its counts and times, and what it lacks."""
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
        board[seconds] = ok.groupby("detector")[seconds].median()  # the first cell also pays for imports
    board["reason"] = [_reason(results[results["detector"] == name], len(cells)) for name in board.index]
    return board.reset_index()


def labelled(results: pd.DataFrame) -> pd.DataFrame:
    """Leave out the cells of status "unlabelled"; where these are all, keep them, so that every row says why."""
    unlabelled = (
        results["status"].eq("unlabelled").groupby([results[key] for key in CELL], dropna=False).transform("any")
    )
    return results if unlabelled.all() else results[~unlabelled]


def _per_cell(ok: pd.DataFrame, cells: pd.DataFrame, metric: str) -> pd.DataFrame:
    """`(n_detectors, n_cells)`, columns numbered as the rows of `cells`, NaN where a detector lacks the cell."""
    numbered = ok.merge(cells.reset_index(names="cell"), on=CELL)  # NaN meets NaN: no SNR is a level too
    return numbered.pivot_table(index="detector", columns="cell", values=metric).reindex(columns=cells.index)


def complete_mean(values: pd.DataFrame, cells: pd.DataFrame, name: str) -> pd.Series:
    """Mean of a column over these cells per detector, seeds averaged first; NaN where a detector lacks one of them.

    values: one row per detector and cell; cells: `CELL`, numbered from 0.
    """
    return _mean(_over(_per_cell(values, cells, name), cells.groupby(SET, dropna=False).ngroup()))


def _over(table: pd.DataFrame, key: pd.Series) -> pd.DataFrame:
    """Mean of the columns that share a key, NaN where one of them is; `key` has one value a column."""
    return pd.DataFrame({k: _mean(table.loc[:, (key == k).to_numpy()]) for k in key.dropna().unique()}, table.index)


def _mean(table: pd.DataFrame) -> pd.Series:
    return table.mean(axis=1, skipna=False)


def _harmonic(table: pd.DataFrame) -> pd.Series:
    with np.errstate(divide="ignore"):  # one value of 0 makes the harmonic mean 0
        return 1 / _mean(1 / table)


def _reason(rows: pd.DataFrame, n_cells: int) -> str:
    """Why cells are lacking, such as `2 out_of_memory, 1 not run: CUDA out of memory`; empty where none is."""
    failed = rows[rows["status"] != "ok"]
    counts = [f"{count} {status}" for status, count in failed["status"].value_counts().items()]
    counts += [f"{n_cells - len(rows)} not run"] if n_cells > len(rows) else []
    message = next((str(text) for text in failed["message"] if isinstance(text, str) and text), "")
    return ", ".join(counts) + (f": {message.splitlines()[0]}" if message else "")
