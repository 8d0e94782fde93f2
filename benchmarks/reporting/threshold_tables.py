"""The alarms of a detector: every threshold rule on every cell, averaged per detector, and an operating point.

Thresholds come from normal clips alone. Rows of the oracle use the test labels; they are marked and are not results.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import classification_report

from benchmarks.evaluation.means import CELL
from benchmarks.evaluation.operating_points import CLIPS_PER_DAY, NONE_HELD_OUT
from benchmarks.reporting.captions import Caption
from benchmarks.reporting.dataframe_table import dataframe_table
from benchmarks.reporting.page import Listing
from benchmarks.reporting.table import Table

COUNTS = ["true_alarms", "missed", "false_alarms", "true_normals"]
SHARES = ["recall", "precision", "f1", "specificity", "false_alarm_rate", "balanced_accuracy"]
PER_DAY, PER_WEEK, GUARANTEED = "false_alarms_per_day", "false_alarms_per_week", "guaranteed_per_day"
REPORTED_RULE = "mean + 1 sd"  # of the classification reports: the rule of the article on convolutional networks
FORMATS = {PER_DAY: ".5g", GUARANTEED: ".5g", "clips": ".0f", "threshold": ".6g", "snr_db": "g"}
SHORT = {
    "balanced_accuracy": "bal. acc.",
    "false_alarm_rate": "FAR",
    PER_DAY: "FA/day",
    PER_WEEK: "FA/week",
    GUARANTEED: "guaranteed/day",
    "part": "set on",
    "snr_db": "SNR",
    "n_clips": "clips",
}
NOT_IN_LATEX = ("specificity", *COUNTS, "note", "part", "clips", "seed", GUARANTEED, "expected_per_day", PER_WEEK)
ROWS_ON_PAGE = 60  # of the thresholds per cell; all of them are in thresholds.csv
GUARANTEE = (
    "A guarantee is for new normal clips that are exchangeable with the held-out ones: the same machine, in the same "
    "state, recorded in the same way."
)


def cell_threshold_table(
    each: pd.DataFrame, order: Sequence[str], caption: Caption, clips_per_day: float = CLIPS_PER_DAY
) -> Table:
    """The thresholds from held-out clips, and of the target, per cell; detectors by rank up to `ROWS_ON_PAGE` rows.

    each: as from `decisions`. Where no cell has held-out clips, one row per detector says so.
    """
    note = (
        "An alarm is a score above the threshold, which rests on so many clips. SNR in dB. FA/day, FA/week: false "
        f"alarms, counted on the normal test clips, for {clips_per_day:g} clips a day, all "
        "normal, with the 95 % interval that the number of these clips leaves "
        "(Clopper and Pearson). guaranteed/day: false alarms a day that the rule guarantees on average over draws of "
        "the held-out clips; expected per day: where those of this threshold lie with 95 %. "
        f"{GUARANTEE} Unrounded, with all detectors and rules: thresholds.csv."
    )
    usable = each[(each["part"] == "validation") | (each["oracle"] & (each["rule"] != "oracle"))]
    if usable["threshold"].isna().all():
        usable = usable.drop_duplicates(["detector", "rule"]).assign(machine="all", unit="", snr_db=np.nan, seed="")
    by_detector = [usable[usable["detector"] == detector] for detector in order]
    rows = np.cumsum([len(of_detector) for of_detector in by_detector])
    shown = [rows_of for i, rows_of in enumerate(by_detector) if i == 0 or rows[i] <= ROWS_ON_PAGE]
    return _table("thresholds", "Thresholds for use", note, _for_reading(pd.concat(shown)), caption)


def _for_reading(usable: pd.DataFrame) -> pd.DataFrame:
    """The columns that a reader needs, with each interval in the column of its value."""
    columns: dict[str, Any] = {"rule": usable["rule"], "part": usable["part"], "n_clips": usable["n_clips"]}
    columns["threshold"] = usable["threshold"]
    for name in (PER_DAY, PER_WEEK):
        limits = _joined(usable, "{} to {}", f"{name}_low", f"{name}_high")
        columns[name] = _joined(usable.assign(limits=limits), "{} ({})", name, "limits")
    columns |= {"recall": usable["recall"], GUARANTEED: usable[GUARANTEED]}
    columns["expected_per_day"] = _joined(usable, "{} to {}", "expected_per_day_low", "expected_per_day_high")
    return usable[["detector", *CELL]].assign(**columns, note=usable["note"])


def _joined(rows: pd.DataFrame, pattern: str, first: str, second: str) -> list[str]:
    """Two columns as one text per row, empty where the first has no value."""
    pairs = zip(rows[first], rows[second], strict=True)
    return ["" if pd.isna(a) else pattern.format(_short(a), _short(b)) for a, b in pairs]


def _short(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def threshold_table(
    each: pd.DataFrame, order: Sequence[str], caption: Caption, clips_per_day: float = CLIPS_PER_DAY
) -> Table:
    """Means of `decisions` per detector and rule; `order`: the detectors, best first."""
    note = (
        f"Means over the cells that have such a threshold; the four counts are sums. The false alarms per day are for "
        f"{clips_per_day:g} clips a day, all normal. gap: balanced accuracy of the oracle minus that of the rule; the "
        "oracle is the best threshold ON THE TEST LABELS, a bound and not a result. FAR: false-alarm rate. precision: "
        "over cells with an alarm. WARNING: rules set on train use training scores, which are too low if the detector "
        "memorised its training clips; then nearly every clip alarms. Use those set on validation, from held-out clips."
    )
    if not (each["part"].eq("validation") & each["threshold"].notna()).any():
        note += f" Here there are {NONE_HELD_OUT}."
    rows = [_rule_row(each, detector, rule) for detector in order for rule in each["rule"].unique()]
    shown = pd.DataFrame([row for row in rows if row["cells"] or row["note"]])
    return _table("threshold_rules", "Alarms at a threshold", note, shown, caption)


def _table(name: str, title: str, note: str, frame: pd.DataFrame, caption: Caption) -> Table:
    return dataframe_table(
        name, title, note, frame, caption, formats=FORMATS, headings=SHORT, not_in_latex=NOT_IN_LATEX
    )


def _rule_row(each: pd.DataFrame, detector: str, rule: str) -> dict[str, object]:
    of_rule = each[(each["detector"] == detector) & (each["rule"] == rule)]
    found, without = of_rule[of_rule["threshold"].notna()], of_rule[of_rule["threshold"].isna()]
    row: dict[str, object] = {"detector": detector, "rule": rule, "part": next(iter(of_rule["part"]), "")}
    row |= {"clips": found["n_clips"].mean(), "cells": len(found)}
    row |= {name: found[name].mean() for name in [*SHARES, "gap", PER_DAY, GUARANTEED]}
    row |= {name: int(found[name].sum()) for name in COUNTS}
    return row | {"note": next(iter(without["note"]), "")}


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
    target: str, each: pd.DataFrame, order: Sequence[str], caption: Caption, clips_per_day: float = CLIPS_PER_DAY
) -> Table:
    """What `recall=0.95` or `false-alarms-per-day=1` costs each detector, means over the cells that allow it.

    each: as from `decisions` with this target. Where no cell of a detector allows it, the note of its row says what is
    needed.
    """
    of_target = each[each["rule"] == target]
    if of_target["oracle"].any():
        how = (
            "The threshold is found on the labels of the abnormal test clips, so this is an ORACLE and not a result; "
            "its false alarms are counted on held-out normal clips if there are any."
        )
    else:
        how = f"The threshold is conformal, from held-out normal clips, and keeps the rate on average. {GUARANTEE}"
    cells = f"{of_target['threshold'].notna().sum()} of {len(of_target)} cells allow it"
    note = f"Means over the cells that allow it, at {clips_per_day:g} clips a day: {cells}. {how}"
    rows = pd.DataFrame([_rule_row(each, detector, target) for detector in order])
    rows["note"] = rows["note"].mask((rows["cells"] == 0) & (rows["note"] == ""), "no cell has labelled scores")
    return _table("operating_point", f"Operating points for {target}", note, rows, caption)
