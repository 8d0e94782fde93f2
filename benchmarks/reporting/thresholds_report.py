"""What alarms a detector would raise: every threshold rule on every cell, averaged per detector, and wishes granted.

Thresholds come from normal clips alone. Rows of the oracle look at the test labels; they are marked, and never results.
"""

import html
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from sklearn.metrics import classification_report

from benchmarks.evaluation.stored_results import stored_scores
from benchmarks.evaluation.thresholds import CLIPS_PER_DAY, decisions, prefer
from benchmarks.reporting.plain_table import PlainTable
from features import InputError

COUNTS = ["true_alarms", "missed", "false_alarms", "true_normals"]
SHARES = ["recall", "precision", "f1", "specificity", "false_alarm_rate", "balanced_accuracy"]
PER_DAY = "false_alarms_per_day"
REPORTED_RULE = "mean + 1 sd"  # whose classification report is printed: that of the article on convolutional networks
REPORTS_TITLE = f"Classification reports at {REPORTED_RULE} of the training scores"
FORMATS = {PER_DAY: ".0f"}
SHORT = {"balanced_accuracy": "bal. acc.", "false_alarm_rate": "FAR", PER_DAY: "FA/day"}
BESIDE_PAGE = ("specificity", *COUNTS, "note")


def decisions_of(results: pd.DataFrame, clips_per_day: float = CLIPS_PER_DAY) -> pd.DataFrame:
    """Every rule on every finished cell, one row each, from the stored scores; empty where nothing ran."""
    return decisions(results, stored_scores, clips_per_day=clips_per_day)


def threshold_table(each: pd.DataFrame, order: Sequence[str], clips_per_day: float = CLIPS_PER_DAY) -> PlainTable:
    """Means of `decisions_of` per detector and rule; `order`: the detectors, best first."""
    note = (
        f"Means over the cells that have such a threshold; the four counts are sums. {clips_per_day:g} clips a day, "
        "all taken as normal, give the false alarms per day. gap: balanced accuracy that the oracle has over the rule; "
        "the oracle is the best threshold ON THE TEST LABELS, a bound and no result. Conformal takes held-out clips, "
        "the others training scores, which are too low where a detector has learned them. FAR: false-alarm rate. "
        "precision: over cells with an alarm."
    )
    rules = list(each["rule"].unique())
    rows = [_rule_row(each, detector, rule) for detector in order for rule in rules]
    shown = pd.DataFrame([row for row in rows if row["cells"] or row["note"]])
    return PlainTable("thresholds", "Alarms at a threshold", note, shown, FORMATS, SHORT, BESIDE_PAGE)


def _rule_row(each: pd.DataFrame, detector: str, rule: str) -> dict[str, object]:
    of_rule = each[(each["detector"] == detector) & (each["rule"] == rule)]
    found = of_rule[of_rule["threshold"].notna()]
    row: dict[str, object] = {"detector": detector, "rule": rule, "cells": len(found)}
    row |= {name: found[name].mean() for name in [*SHARES, "gap", PER_DAY]}
    row |= {name: int(found[name].sum()) for name in COUNTS}
    return row | {"note": next((note for note in of_rule["note"] if note), "")}


def classification_reports(each: pd.DataFrame, order: Sequence[str]) -> dict[str, str]:
    """Detector -> precision, recall and F1 of both classes over all clips, each cell at its threshold of the rule."""
    chosen = each[(each["rule"] == REPORTED_RULE) & each["threshold"].notna()]
    rows = {detector: chosen[chosen["detector"] == detector] for detector in order}
    return {detector: _report(of_detector) for detector, of_detector in rows.items() if len(of_detector)}


def reports_markdown(reports: Mapping[str, str]) -> str:
    """A heading, and the reports as they are; empty where there are none."""
    parts = [f"### {detector}\n\n```\n{text}```\n" for detector, text in reports.items()]
    return "\n".join([f"## {REPORTS_TITLE}\n", *parts]) if parts else ""


def reports_html(reports: Mapping[str, str]) -> str:
    """The same as HTML."""
    escape = html.escape
    parts = [f"<h3>{escape(detector)}</h3>\n<pre>{escape(text)}</pre>\n" for detector, text in reports.items()]
    return "".join([f"<h2>{REPORTS_TITLE}</h2>\n", *parts]) if parts else ""


def _report(rows: pd.DataFrame) -> str:
    counts = [int(rows[name].sum()) for name in COUNTS]
    return str(
        classification_report(
            [1, 1, 0, 0],
            [1, 0, 1, 0],
            sample_weight=counts,
            target_names=["normal", "abnormal"],
            zero_division=np.nan,
        )
    )


def wish_table(
    wish: str, results: pd.DataFrame, order: Sequence[str], clips_per_day: float = CLIPS_PER_DAY
) -> PlainTable:
    """What `recall=0.95` or `false-alarms-per-day=1` costs each detector, means over the cells that can grant it.

    Raises `InputError` where the wish is not understood, or no cell can grant it.
    """
    rows = [_wish_row(wish, detector, results, clips_per_day) for detector in order]
    granted = [row for row in rows if row["cells"]]
    if not granted:
        reasons = [str(row["note"]) for row in rows if row["note"]]
        raise InputError(reasons[0] if reasons else f"prefer {wish!r}: no cell has scores; run the benchmark first")
    if granted[0]["oracle"]:
        how = (
            "The threshold is found on the labels of the test anomalies, so this is an ORACLE and no result; its false "
            "alarms are counted on held-out normal clips where there are some."
        )
    else:
        how = "The threshold is conformal, from held-out normal clips, and keeps this rate for normal clips to come."
    note = f"Means over the cells that can grant it, at {clips_per_day:g} clips a day. {how}"
    return PlainTable("wish", f"Operating points for {wish}", note, pd.DataFrame(rows), FORMATS, SHORT, BESIDE_PAGE)


def _wish_row(wish: str, detector: str, results: pd.DataFrame, clips_per_day: float) -> dict[str, object]:
    granted, reasons = [], []
    for _, cell in results[(results["detector"] == detector) & (results["status"] == "ok")].iterrows():
        try:
            granted.append(prefer(wish, stored_scores(cell), clips_per_day))
        except InputError as error:
            reasons.append(str(error))
    found: pd.DataFrame = pd.DataFrame(granted, columns=["oracle", *SHARES, PER_DAY, *COUNTS])
    row: dict[str, object] = {"detector": detector, "cells": len(found), "oracle": bool(found["oracle"].any())}
    row |= {name: found[name].astype(float).mean() for name in [*SHARES, PER_DAY]}
    row |= {name: int(found[name].sum()) for name in COUNTS}
    return row | {"note": reasons[0] if reasons else ""}
