"""The alarms of a detector: every threshold rule on every cell, averaged per detector, and an operating point.

Thresholds come from normal clips alone. Rows of the oracle use the test labels; they are marked and are not results.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.metrics import classification_report

from benchmarks.evaluation.operating_points import CLIPS_PER_DAY, at_operating_point
from benchmarks.evaluation.stored_results import stored_scores
from benchmarks.reporting.captions import Caption
from benchmarks.reporting.dataframe_table import dataframe_table
from benchmarks.reporting.page import Listing
from benchmarks.reporting.table import Table
from features import InputError

COUNTS = ["true_alarms", "missed", "false_alarms", "true_normals"]
SHARES = ["recall", "precision", "f1", "specificity", "false_alarm_rate", "balanced_accuracy"]
PER_DAY = "false_alarms_per_day"
REPORTED_RULE = "mean + 1 sd"  # of the classification reports: the rule of the article on convolutional networks
FORMATS = {PER_DAY: ".0f"}
SHORT = {"balanced_accuracy": "bal. acc.", "false_alarm_rate": "FAR", PER_DAY: "FA/day"}
NOT_IN_LATEX = ("specificity", *COUNTS, "note")


def threshold_table(
    each: pd.DataFrame, order: Sequence[str], caption: Caption, clips_per_day: float = CLIPS_PER_DAY
) -> Table:
    """Means of `decisions` per detector and rule; `order`: the detectors, best first."""
    note = (
        f"Means over the cells that have such a threshold; the four counts are sums. The false alarms per day are for "
        f"{clips_per_day:g} clips a day, all normal. gap: balanced accuracy of the oracle minus that of the rule; the "
        "oracle is the best threshold ON THE TEST LABELS, a bound and not a result. The conformal rule uses held-out "
        "clips, the others use training scores, which are too low if the detector memorised its training clips. FAR: "
        "false-alarm rate. precision: over cells with an alarm."
    )
    rules = list(each["rule"].unique())
    rows = [_rule_row(each, detector, rule) for detector in order for rule in rules]
    shown = pd.DataFrame([row for row in rows if row["cells"] or row["note"]])
    return _table("thresholds", "Alarms at a threshold", note, shown, caption)


def _table(name: str, title: str, note: str, frame: pd.DataFrame, caption: Caption) -> Table:
    return dataframe_table(
        name, title, note, frame, caption, formats=FORMATS, headings=SHORT, not_in_latex=NOT_IN_LATEX
    )


def _rule_row(each: pd.DataFrame, detector: str, rule: str) -> dict[str, object]:
    of_rule = each[(each["detector"] == detector) & (each["rule"] == rule)]
    found = of_rule[of_rule["threshold"].notna()]
    row: dict[str, object] = {"detector": detector, "rule": rule, "cells": len(found)}
    row |= {name: found[name].mean() for name in [*SHARES, "gap", PER_DAY]}
    row |= {name: int(found[name].sum()) for name in COUNTS}
    return row | {"note": next((note for note in of_rule["note"] if note), "")}


def classification_reports(each: pd.DataFrame, order: Sequence[str]) -> Listing:
    """Precision, recall and F1 of both classes over all clips, per detector, each cell at its threshold of the rule."""
    chosen = each[(each["rule"] == REPORTED_RULE) & each["threshold"].notna()]
    rows = {detector: chosen[chosen["detector"] == detector] for detector in order}
    texts = {detector: _report(of_detector) for detector, of_detector in rows.items() if len(of_detector)}
    return Listing(f"Classification reports at {REPORTED_RULE} of the training scores", texts)


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


def operating_point_table(
    target: str, results: pd.DataFrame, order: Sequence[str], caption: Caption, clips_per_day: float = CLIPS_PER_DAY
) -> Table:
    """What `recall=0.95` or `false-alarms-per-day=1` costs each detector, means over the cells that allow it.

    Raises `InputError` if the target is not understood, or no cell allows it.
    """
    rows = [_operating_point_row(target, detector, results, clips_per_day) for detector in order]
    met = [row for row in rows if row["cells"]]
    if not met:
        reasons = [str(row["note"]) for row in rows if row["note"]]
        no_scores = f"operating point {target!r}: no cell has scores; run the benchmark first"
        raise InputError(reasons[0] if reasons else no_scores)
    if met[0]["oracle"]:
        how = (
            "The threshold is found on the labels of the abnormal test clips, so this is an ORACLE and not a result; "
            "its false alarms are counted on held-out normal clips if there are any."
        )
    else:
        how = "The threshold is conformal, from held-out normal clips, so future normal clips keep this rate."
    note = f"Means over the cells that allow it, at {clips_per_day:g} clips a day. {how}"
    return _table("operating_point", f"Operating points for {target}", note, pd.DataFrame(rows), caption)


def _operating_point_row(target: str, detector: str, results: pd.DataFrame, clips_per_day: float) -> dict[str, object]:
    met, reasons = [], []
    for _, cell in results[(results["detector"] == detector) & (results["status"] == "ok")].iterrows():
        try:
            met.append(at_operating_point(target, stored_scores(cell), clips_per_day))
        except InputError as error:
            reasons.append(str(error))
    found: pd.DataFrame = pd.DataFrame(met, columns=["oracle", *SHARES, PER_DAY, *COUNTS])
    row: dict[str, object] = {"detector": detector, "cells": len(found), "oracle": bool(found["oracle"].any())}
    row |= {name: found[name].astype(float).mean() for name in [*SHARES, PER_DAY]}
    row |= {name: int(found[name].sum()) for name in COUNTS}
    return row | {"note": reasons[0] if reasons else ""}
