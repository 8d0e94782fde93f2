"""Which anomalies a detector finds: AUC per kind and per band of severity, if the corpus states them.

The abnormal clips of one kind, or of one band, are compared with all normal test clips of their cell. As in the
leaderboard, a mean is given only if all its cells are there.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import pandas as pd

from benchmarks.evaluation.means import CELL, SET, complete_mean, labelled
from benchmarks.evaluation.stored_results import stored_scores
from benchmarks.metrics import auc
from benchmarks.reporting.captions import Caption
from benchmarks.reporting.dataframe_table import dataframe_table
from benchmarks.reporting.table import Table

BANDS = (0.0, 0.5, 0.75, 1.0)  # limits of severity; the upper limit belongs to the band
NOTE = (
    "AUC of these anomalies against all normal test clips of their cell. Means over units and SNRs, seeds averaged "
    "first; empty if the detector lacks a cell. Anomalies in each column: {}."
)

Naming = Callable[[pd.DataFrame], pd.Series]  # anomalies, with machine, fault, severity -> the column of each


def fault_tables(results: pd.DataFrame, order: Sequence[str], caption: Caption) -> list[Table]:
    """AUC per kind of anomaly and per severity, from the stored scores; none if the scores do not state them.

    results: as from `load_results`; order: the detectors, best first.
    """
    cells = labelled(results)
    scored = [(row, stored_scores(row)) for _, row in cells[cells["status"] == "ok"].iterrows()]
    tests = [(row, scores[scores["part"] == "test"]) for row, scores in scored if "fault" in scores]
    kinds, bands = (
        pd.DataFrame([found for row, test in tests for found in _of_cell(row, test, naming)])
        for naming in (_kind, _band)
    )
    failed = cells.loc[cells["status"] != "ok", ["detector", *CELL]]
    unknown = _unfinished(cells)
    tables = []
    if len(kinds):
        frame = _means(kinds, order, failed, lambda rows: unknown[unknown["machine"].isin(rows["machine"])])
        groups = [list(columns) for columns in kinds.sort_values("column").groupby("machine")["column"].unique()]
        note, title = NOTE.format(_counts(kinds)), "AUC per kind of anomaly"
        tables.append(dataframe_table("auc_per_fault", title, note, frame, caption, latex_groups=groups))
    if len(bands):
        frame = _means(bands, order, failed, lambda rows: unknown)
        note = f"{NOTE.format(_counts(bands))} 1 is the worst severity; the upper limit belongs to its band."
        tables.append(dataframe_table("auc_per_severity", "AUC per severity of the anomaly", note, frame, caption))
    return tables


def _of_cell(row: pd.Series, test: pd.DataFrame, naming: Naming) -> Iterator[dict[str, object]]:
    """One AUC for each group of anomalies in a cell."""
    normal, anomalies = test[test["label"] == 0], test[test["label"] == 1]
    for column, group in anomalies.groupby(naming(anomalies.assign(machine=row["machine"]))):
        both = pd.concat([normal, group])
        cell = {name: row[name] for name in ("detector", *CELL)}
        yield cell | {"column": column, "clips": len(group), "auc": auc(both["label"], both["score"])}


def _kind(anomalies: pd.DataFrame) -> pd.Series:
    return anomalies["machine"] + " " + anomalies["fault"].fillna("unknown")


def _band(anomalies: pd.DataFrame) -> pd.Series:
    labels = [f"{low:g} to {high:g}" for low, high in pairwise(BANDS)]
    return pd.cut(anomalies["severity"], BANDS, labels=labels).astype(object)  # missing if it is unknown


def _unfinished(cells: pd.DataFrame) -> pd.DataFrame:
    """The sets in which no detector has finished a cell: their anomalies are unknown, so no mean is complete."""
    done = cells["status"].eq("ok").groupby([cells[key] for key in SET], dropna=False).transform("any")
    return cells.loc[~done, SET].drop_duplicates()


def _means(
    each: pd.DataFrame,
    order: Sequence[str],
    failed: pd.DataFrame,
    unknown: Callable[[pd.DataFrame], pd.DataFrame],
) -> pd.DataFrame:
    """One row per detector, one column per group of anomalies.

    failed: the cells without scores, which leave a mean empty; unknown: further sets that a column needs.
    """
    means = {}
    for column, rows in each.groupby("column"):
        sets = pd.concat([rows[SET], unknown(rows)]).drop_duplicates().reset_index(drop=True)
        means[str(column)] = complete_mean(pd.concat([rows, failed]), sets, "auc")
    return pd.DataFrame(means).reindex(list(order)).rename_axis("detector").reset_index()


def _counts(each: pd.DataFrame) -> str:
    """Each clip once, however many detectors and seeds have scored it."""
    clips = each.drop_duplicates(["column", *SET]).groupby("column")["clips"].sum()
    return ", ".join(f"{column}: {count}" for column, count in clips.items())
