"""Operating points: the alarms of a threshold on labelled clips, per rule and cell, or for a target.

An alarm is a score ABOVE the threshold. The rules that set thresholds are in `thresholds`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from math import nan
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.evaluation.intervals import clopper_pearson
from benchmarks.evaluation.means import CELL
from benchmarks.evaluation.sampling_error import ScoreLoader
from benchmarks.evaluation.thresholds import (
    RULES,
    Rule,
    clips_needed,
    conformal_interval,
    conformal_rule,
    oracle,
    recall_threshold,
)
from benchmarks.metrics import checked
from features import InputError

CLIPS_PER_DAY = 8640.0  # clips of ten seconds, recorded without pauses
DAYS_PER_WEEK = 7
RECALL, RATE = "recall", "false-alarms-per-day"  # the two kinds of target
TRAINING_SCORES = "set on training scores, which are too low where a detector memorises its training clips"
DRIFT = "more false alarms than expected: the normal test clips are not like the held-out ones (drift, another state)"
NONE_HELD_OUT = "no held-out normal clips: run with --calibrate 0.2"


@dataclass(frozen=True)
class OperatingPoint:
    """The result of a threshold on labelled clips; the four counts are the confusion matrix.

    `precision` is NaN if there is no alarm. `false_alarms_per_day` assumes that all clips of a day are normal.
    """

    true_alarms: int
    missed: int
    false_alarms: int
    true_normals: int
    recall: float
    precision: float
    f1: float
    specificity: float
    false_alarm_rate: float
    balanced_accuracy: float
    false_alarms_per_day: float


def operating_point(
    labels: np.ndarray, scores: np.ndarray, threshold: float, clips_per_day: float = CLIPS_PER_DAY
) -> OperatingPoint:
    """Count the alarms of a threshold on labelled clips, `labels` and `scores` `(n_clips,)`.

    >>> import numpy as np
    >>> point = operating_point(np.array([0, 0, 1, 1]), np.array([1.0, 4.0, 3.0, 5.0]), threshold=2.0)
    >>> point.recall, point.false_alarm_rate, point.balanced_accuracy
    (1.0, 0.5, 0.75)
    """
    label, score = checked(labels, scores)
    alarm = score > threshold
    true, false = int(np.sum(alarm & (label == 1))), int(np.sum(alarm & (label == 0)))
    missed, quiet = int(np.sum(label)) - true, int(np.sum(label == 0)) - false
    recall, rate = true / (true + missed), false / (false + quiet)
    precision = true / (true + false) if true + false else nan
    f1 = 2 * true / (2 * true + false + missed)
    balanced = (recall + 1 - rate) / 2
    per_day = rate * clips_per_day
    return OperatingPoint(true, missed, false, quiet, recall, precision, f1, 1 - rate, rate, balanced, per_day)


_COLUMNS = (
    *("detector", *CELL, "rule", "part", "n_clips", "oracle", "threshold"),
    *(field.name for field in fields(OperatingPoint)),
    *("false_alarms_per_day_low", "false_alarms_per_day_high"),
    *("false_alarms_per_week", "false_alarms_per_week_low", "false_alarms_per_week_high"),
    *("guaranteed_per_day", "expected_per_day_low", "expected_per_day_high", "gap", "note"),
)


def decisions(
    results: pd.DataFrame,
    scores: ScoreLoader,
    rules: Sequence[Rule] = RULES,
    clips_per_day: float = CLIPS_PER_DAY,
    target: str = "",
) -> pd.DataFrame:
    """Apply every rule, the target if there is one, and the oracle, to every finished cell.

    target: "recall=0.95" or "false-alarms-per-day=1", see `at_target`; raises `InputError` if it is not understood.

    Returns one row per cell and rule: `detector, machine, unit, snr_db, seed`, then

    - `rule, part, n_clips, oracle, threshold`: how the threshold was set, on how many clips of which part; NaN if there
      is none
    - the fields of `OperatingPoint`, counted on the test clips
    - `false_alarms_per_day_low, _high`: 95 % interval of the false alarms per day, from the number of clips that they
      were counted on (Clopper and Pearson), and the same `per_week`
    - `guaranteed_per_day`: what new normal clips keep on average over draws of the held-out clips, and
      `expected_per_day_low, _high`: where the rate of this one threshold lies with 95 % (`conformal_interval`); NaN
      for rules without a guarantee
    - `gap`: balanced accuracy of the oracle minus that of the rule
    - `note`: why there is no threshold, or what to know of it

    >>> import pandas as pd
    >>> cell = {"detector": "knn", "machine": "fan", "unit": "id_00", "snr_db": 6.0, "seed": 0, "status": "ok"}
    >>> table = pd.DataFrame({"part": ["train"] * 4 + ["test"] * 4, "label": [0] * 6 + [1] * 2})
    >>> scores = [0.0, 1.0, 2.0, 3.0, 1.0, 2.0, 5.0, 6.0]
    >>> decided = decisions(pd.DataFrame([cell]), lambda row: table.assign(score=scores))
    >>> decided[["detector", "rule", "recall"]][:1]
      detector         rule  recall
    0      knn  mean + 1 sd     1.0
    """
    rows = []
    if target:
        parse_target(target, clips_per_day)
    for _, row in results[results["status"] == "ok"].iterrows():
        table = scores(row)
        cell = {column: row[column] for column in ["detector", *CELL]}
        rows += [cell | line for line in cell_decisions(table, rules, clips_per_day, target)]
    return pd.DataFrame(rows, columns=list(_COLUMNS))


def cell_decisions(
    table: pd.DataFrame, rules: Sequence[Rule] = RULES, clips_per_day: float = CLIPS_PER_DAY, target: str = ""
) -> list[dict[str, Any]]:
    """The rows of `decisions` for the score table of one cell.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"part": ["train"] * 4 + ["test"] * 4, "label": [0] * 6 + [1] * 2})
    >>> scores = [0.0, 1.0, 2.0, 3.0, 1.0, 2.0, 5.0, 6.0]
    >>> pd.DataFrame(cell_decisions(table.assign(score=scores)))[["rule", "recall"]][:1]
              rule  recall
    0  mean + 1 sd     1.0
    """
    labels, values = _test(table)
    best = oracle(labels, values)
    measured = _measured(labels, values, best, clips_per_day)
    lines = [_at_rule(rule, table, clips_per_day) for rule in rules]
    lines += [at_target(target, table, clips_per_day)] if target else []
    lines.append({"rule": "oracle", "part": "test", "n_clips": len(labels), "oracle": True, "threshold": best})
    lines[-1] |= {"note": "set on the test labels", **measured}
    gap = measured["balanced_accuracy"]
    return [line | {"gap": gap - line.get("balanced_accuracy", nan)} for line in lines]


def at_target(target: str, table: pd.DataFrame, clips_per_day: float = CLIPS_PER_DAY) -> dict[str, Any]:
    """Find the threshold for a target, and what it costs on the test clips of one cell.

    target: "false-alarms-per-day=1" takes a conformal threshold from the normal validation clips; future normal clips
    keep that rate. "recall=0.95" takes the highest threshold that detects this share of the abnormal test clips; it is
    found on their labels, so it is marked as an oracle, and its false alarms are counted on the normal validation clips
    if there are any. Returns a row of `decisions` without the cell; if the clips do not allow the target, the threshold
    is NaN and `note` says what is needed. Raises `InputError` if the target is not understood.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"part": "test", "label": [0, 0, 1, 1], "score": [1.0, 4.0, 3.0, 5.0]})
    >>> line = at_target("recall=0.9", table)
    >>> line["oracle"], line["recall"], line["false_alarm_rate"]
    (True, 1.0, 0.5)
    >>> at_target("false-alarms-per-day=1", table)["note"]
    'no held-out normal clips: run with --calibrate 0.2; this rate needs 8639 of them'
    """
    kind, value = parse_target(target, clips_per_day)
    if kind == RECALL:
        return {"rule": target} | _at_recall(table, value, clips_per_day)
    return _at_rule(conformal_rule(target, value / clips_per_day), table, clips_per_day)


def parse_target(target: str, clips_per_day: float = CLIPS_PER_DAY) -> tuple[str, float]:
    """The kind of a target, `RECALL` or `RATE`, and its value. Raises `InputError` if it is not understood.

    >>> parse_target("recall=0.95")
    ('recall', 0.95)
    """
    kind, _, text = target.partition("=")
    try:
        value = float(text)
    except ValueError:
        value = nan
    if kind not in (RECALL, RATE) or np.isnan(value):
        raise InputError(f"operating point {target!r}: not understood; give {RECALL}=0.95 or {RATE}=1")
    most = 1.0 if kind == RECALL else clips_per_day
    if not 0 < value < most:
        what = "a share of the abnormal clips" if kind == RECALL else "a number of clips per day"
        raise InputError(f"operating point {target!r}: give {what} above 0 and below {most:g}")
    return kind, value


def _at_rule(rule: Rule, table: pd.DataFrame, clips_per_day: float) -> dict[str, Any]:
    """The threshold of a rule and its alarms on the test clips; NaN and a note if there is no threshold."""
    normal, (labels, values) = _normal_scores(table, rule.part), _test(table)
    line: dict[str, Any] = {"rule": rule.name, "part": rule.part, "n_clips": len(normal), "oracle": False}
    threshold, note = _threshold(rule, normal)
    line |= {"threshold": threshold, "note": note}
    if np.isnan(threshold):
        return line
    line |= _measured(labels, values, threshold, clips_per_day)
    if rule.rate is None:
        return line
    rate = rule.rate(len(normal))
    low, high = conformal_interval(len(normal), rate)
    promise = {"guaranteed_per_day": rate, "expected_per_day_low": low, "expected_per_day_high": high}
    line |= {name: share * clips_per_day for name, share in promise.items()}
    if line["false_alarms_per_day_low"] > line["expected_per_day_high"]:
        return line | {"note": DRIFT}
    return line | {"note": _too_few_to_confirm(labels, rate, clips_per_day)}


def _threshold(rule: Rule, normal: np.ndarray) -> tuple[float, str]:
    """The threshold, NaN if there is none, and a note that says why."""
    if not len(normal):
        return nan, _missing(rule)
    try:
        threshold = rule.threshold(normal)
    except InputError as error:
        return nan, str(error)
    if np.isinf(threshold) and rule.rate:
        needed = clips_needed(rule.rate(len(normal)))
        return nan, f"{len(normal)} held-out normal clips are too few for this rate, which needs {needed}"
    return threshold, TRAINING_SCORES if rule.part == "train" else ""


def _missing(rule: Rule) -> str:
    """Why there is no threshold without a clip of the part."""
    if rule.part == "train":
        return "no training scores"
    rate = rule.rate(0) if rule.rate else 1  # that of the highest score of no clips
    return NONE_HELD_OUT + (f"; this rate needs {clips_needed(rate)} of them" if rate < 1 else "")


def _at_recall(table: pd.DataFrame, recall: float, clips_per_day: float) -> dict[str, Any]:
    abnormal = table.loc[(table["part"] == "test") & (table["label"] == 1), "score"].to_numpy(dtype=float)
    held_out = _normal_scores(table, "validation")
    normal = held_out if len(held_out) else _normal_scores(table, "test")
    threshold = recall_threshold(abnormal, recall)
    labels, values = np.repeat([0, 1], [len(normal), len(abnormal)]), np.append(normal, abnormal)
    counted = f"false alarms counted on {len(normal)} {'held-out' if len(held_out) else 'test'} normal clips"
    line = {"part": "test", "n_clips": len(abnormal), "oracle": True, "threshold": threshold}
    note = {"note": f"set on the labels of the abnormal test clips; {counted}"}
    return line | note | _measured(labels, values, threshold, clips_per_day)


def _measured(labels: np.ndarray, values: np.ndarray, threshold: float, clips_per_day: float) -> dict[str, float]:
    """The fields of `OperatingPoint`, and the false alarms per day and per week with their limits."""
    point = operating_point(labels, values, threshold, clips_per_day)
    low, high = clopper_pearson(point.false_alarm_rate, point.false_alarms + point.true_normals)
    rates = {"": point.false_alarm_rate, "_low": low, "_high": high}
    day = {f"false_alarms_per_day{end}": rate * clips_per_day for end, rate in rates.items()}
    week = {f"false_alarms_per_week{end}": rate * clips_per_day * DAYS_PER_WEEK for end, rate in rates.items()}
    return {**vars(point), **day, **week}


def _too_few_to_confirm(labels: np.ndarray, rate: float, clips_per_day: float) -> str:
    """Say so if the normal test clips could not show a rate as low as this one; otherwise ""."""
    n_normal = int(np.sum(labels == 0))
    _, high = clopper_pearson(0.0, n_normal)
    if high <= rate:
        return ""
    most = f"{high * clips_per_day:.4g} false alarms a day"
    return f"{n_normal} normal test clips are too few to confirm it: even if none alarms, it may be up to {most}"


def _test(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Labels and scores of the test clips."""
    test = table[table["part"] == "test"]
    return test["label"].to_numpy(), test["score"].to_numpy()


def _normal_scores(table: pd.DataFrame, part: str) -> np.ndarray:
    return table.loc[(table["part"] == part) & (table["label"] == 0), "score"].to_numpy(dtype=float)
