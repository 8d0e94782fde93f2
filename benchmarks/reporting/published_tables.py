"""Each published figure beside ours of the same kind, cell by cell, with a verdict if we have an interval."""

from typing import Any

import pandas as pd

from benchmarks.evaluation.operating_points import decisions
from benchmarks.evaluation.stored_results import stored_scores
from benchmarks.reporting.captions import Caption
from benchmarks.reporting.dataframe_table import dataframe_table
from benchmarks.reporting.leaderboard_files import Report
from benchmarks.reporting.published_figures import are_comparable, beside, published
from benchmarks.reporting.table import Table
from benchmarks.reporting.threshold_tables import REPORTED_RULE
from features import InputError

SNR: dict[str, Any] = {"formats": {"snr_db": "g"}, "headings": {"snr_db": "SNR (dB)"}}
ORDER = ["detector", "citation_key", "split", "machine", "unit", "snr_db"]
AUC_NOTE = (
    "inside: whether the published figure lies within our 95 % interval over the sampling of test clips. A figure on "
    "another split (column split) is on other normal test clips, and has no interval of its own."
)


def published_tables(report: Report) -> list[Table]:
    """AUCs beside AUCs and balanced accuracies beside balanced accuracies; none on corpora without published figures.

    A balanced accuracy of ours is that at `REPORTED_RULE` of the training scores, the rule of the article.
    """
    results, caption = report.results, report.caption
    dataset = results["dataset"].iloc[0]
    ok = results[results["status"] == "ok"]
    if caption.synthetic or caption.quick or caption.calibrate or ok.empty:
        return []
    if not are_comparable(results, dataset, caption.channel):
        return []
    aucs = beside(ok, published(dataset))
    title = "Published AUCs, cell by cell"
    cell_by_cell = dataframe_table("published_auc", title, AUC_NOTE, _sorted(aucs), caption, **SNR)
    tables = [_verdicts(aucs, caption), cell_by_cell]
    try:
        figures = published(dataset, "balanced_accuracy")
    except InputError:
        return tables
    return [*tables, _balanced_accuracies(ok, figures, caption)]


def _verdicts(aucs: pd.DataFrame, caption: Caption) -> Table:
    """How many published figures lie inside our intervals, per detector and source."""
    grouped = aucs.groupby(["detector", "citation_key", "split"])
    table = grouped.agg(
        cells=("published", "size"), published=("published", "mean"), ours=("ours", "mean"), inside=("inside", "sum")
    )
    table["inside"] = table["inside"].astype(int)
    return dataframe_table("published_verdicts", "Published AUCs beside ours", AUC_NOTE, table.reset_index(), caption)


def _balanced_accuracies(ok: pd.DataFrame, figures: pd.DataFrame, caption: Caption) -> Table:
    decided = decisions(ok, stored_scores)
    at_rule = beside(decided[decided["rule"] == REPORTED_RULE], figures, "balanced_accuracy")
    note = (
        f"Balanced accuracies, which are not AUCs. Ours are at {REPORTED_RULE} of the training scores; the published "
        "ones are from labels after a threshold, on another split and eight channels. Without an interval there is no "
        "verdict."
    )
    frame = _sorted(at_rule).drop(columns=["low", "high", "inside"])
    title = "Published balanced accuracies"
    return dataframe_table("published_balanced_accuracy", title, note, frame, caption, **SNR)


def _sorted(table: pd.DataFrame) -> pd.DataFrame:
    return table.sort_values(ORDER, ascending=[True] * 5 + [False], ignore_index=True)
