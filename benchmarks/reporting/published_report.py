"""Each published figure beside ours of the same kind, cell by cell, with a verdict where we have an interval."""

import pandas as pd

from benchmarks.evaluation.stored_results import stored_scores
from benchmarks.evaluation.thresholds import decisions
from benchmarks.reporting.plain_table import PlainTable
from benchmarks.reporting.published import beside, compares, published
from benchmarks.reporting.report import Report
from benchmarks.reporting.thresholds_report import REPORTED_RULE
from features import InputError

_FORMATS, _HEADINGS = {"snr_db": "g"}, {"snr_db": "SNR (dB)"}
_FRONT = ["detector", "citation_key", "split", "machine", "unit", "snr_db"]


def published_tables(report: Report) -> list[PlainTable]:
    """AUCs beside AUCs and balanced accuracies beside balanced accuracies; none on corpora without published figures.

    A balanced accuracy of ours is that at `REPORTED_RULE` of the training scores, the rule of the article.
    """
    results, caption = report.results, report.caption
    dataset = results["dataset"].iloc[0]
    ok = results[results["status"] == "ok"]
    if caption.synthetic or caption.quick or ok.empty or not compares(results, dataset, caption.channel):
        return []
    aucs = beside(ok, published(dataset))
    cell_by_cell = PlainTable(
        "published_auc", "Published AUCs, cell by cell", _AUC_NOTE, _sorted(aucs), _FORMATS, _HEADINGS
    )
    found = [_verdicts(aucs), cell_by_cell]
    try:
        figures = published(dataset, "balanced_accuracy")
    except InputError:
        return found
    decided = decisions(ok, stored_scores)
    at_rule = beside(decided[decided["rule"] == REPORTED_RULE], figures, "balanced_accuracy")
    without = _sorted(at_rule).drop(columns=["low", "high", "inside"])
    note = (
        f"Balanced accuracies, which are no AUCs: ours at {REPORTED_RULE} of the training scores, theirs from labels "
        "after a threshold, on another split and eight channels. There is no interval, so no verdict."
    )
    return [
        *found,
        PlainTable("published_balanced_accuracy", "Published balanced accuracies", note, without, _FORMATS, _HEADINGS),
    ]


_AUC_NOTE = (
    "inside: whether the published figure lies within our 95 % interval over the sampling of test clips. A figure on "
    "another split (column split) has other normal test clips, and no interval of its own."
)


def _verdicts(aucs: pd.DataFrame) -> PlainTable:
    """How many published figures lie inside our intervals, per detector and source."""
    grouped = aucs.groupby(["detector", "citation_key", "split"])
    table = grouped.agg(
        cells=("published", "size"), published=("published", "mean"), ours=("ours", "mean"), inside=("inside", "sum")
    )
    table["inside"] = table["inside"].astype(int)
    return PlainTable("published_verdicts", "Published AUCs beside ours", _AUC_NOTE, table.reset_index())


def _sorted(table: pd.DataFrame) -> pd.DataFrame:
    return table.sort_values(_FRONT, ascending=[True] * 5 + [False], ignore_index=True)
