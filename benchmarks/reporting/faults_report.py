"""Which anomalies a detector hears: AUC of each kind, and of each band of severity, where the corpus tells them.

The anomalies of one kind, or of one band, are held against all normal test clips of their cell.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import pandas as pd

from benchmarks.metrics import auc
from benchmarks.reporting.plain_table import PlainTable
from benchmarks.results import stored_scores
from benchmarks.statistics.sampling_error import CELL

BANDS = (0.0, 0.5, 0.75, 1.0)  # limits of severity, the upper one inside
NOTE = (
    "AUC of these anomalies against all normal test clips of their cell; mean over units, SNRs and seeds, empty where "
    "the detector lacks one of them. Clips that each mean is over: {}."
)

Naming = Callable[[pd.DataFrame], pd.Series]  # anomalies, with machine, fault, severity -> the column of each


def fault_tables(results: pd.DataFrame, order: Sequence[str]) -> list[PlainTable]:
    """AUC per kind of anomaly and per severity, from the stored scores; none where these do not tell.

    results: as from `load_results`; order: the detectors, best first.
    """
    scored = [(row, stored_scores(row)) for _, row in results[results["status"] == "ok"].iterrows()]
    cells = [(row, scores[scores["part"] == "test"]) for row, scores in scored if "fault" in scores]
    if not cells:
        return []
    return [
        _table("auc_per_fault", "AUC per kind of anomaly", cells, _kind, order),
        _table("auc_per_severity", "AUC per severity of the anomaly", cells, _band, order),
    ]


def _table(
    name: str, title: str, cells: Sequence[tuple[pd.Series, pd.DataFrame]], naming: Naming, order: Sequence[str]
) -> PlainTable:
    each = pd.DataFrame([row for cell in cells for row in _of_cell(*cell, naming)])
    wide = each.pivot_table(index="detector", columns=["column", "cell"], values="auc")
    means = {str(column): wide[column].mean(axis=1, skipna=False) for column in sorted(each["column"].unique())}
    clips = each.groupby(["column", "detector"])["clips"].sum().groupby("column").max()
    frame = pd.DataFrame(means).reindex([detector for detector in order if detector in wide.index])
    note = NOTE.format(", ".join(f"{column} {count}" for column, count in clips.items()))
    return PlainTable(name, title, note, frame.rename_axis("detector").reset_index())


def _of_cell(row: pd.Series, test: pd.DataFrame, naming: Naming) -> Iterator[dict[str, object]]:
    """One AUC for each group of anomalies in a cell."""
    normal, anomalies = test[test["label"] == 0], test[test["label"] == 1]
    for column, group in anomalies.groupby(naming(anomalies.assign(machine=row["machine"]))):
        both = pd.concat([normal, group])
        cell = {"detector": row["detector"], "cell": str(tuple(row[CELL]))}
        yield cell | {"column": column, "clips": len(group), "auc": auc(both["label"], both["score"])}


def _kind(anomalies: pd.DataFrame) -> pd.Series:
    return anomalies["machine"] + " " + anomalies["fault"]


def _band(anomalies: pd.DataFrame) -> pd.Series:
    labels = [f"{low:g} to {high:g}" for low, high in pairwise(BANDS)]
    return pd.cut(anomalies["severity"], BANDS, labels=labels).astype(str)
