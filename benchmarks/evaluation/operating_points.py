"""Operating points: the alarms of a threshold on labelled clips, per rule and cell, or for a target rate.

An alarm is a score ABOVE the threshold. The rules that set thresholds are in `thresholds`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, inf, nan

import numpy as np
import pandas as pd
from sklearn.metrics import classification_report

from benchmarks.evaluation.means import CELL
from benchmarks.evaluation.sampling_error import ScoreLoader
from benchmarks.evaluation.thresholds import RULES, Rule, conformal, oracle, recall_threshold
from benchmarks.metrics import checked
from features import InputError

CLIPS_PER_DAY = 8640.0  # clips of ten seconds, recorded without pauses


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


def report(labels: np.ndarray, scores: np.ndarray, threshold: float) -> str:
    """Precision, recall and F1 per class as text (scikit-learn's classification report).

    >>> import numpy as np
    >>> text = report(np.array([0, 0, 1, 1]), np.array([1.0, 4.0, 3.0, 5.0]), threshold=2.0)
    >>> text.splitlines()[2].split()
    ['normal', '1.00', '0.50', '0.67', '2']
    """
    label, score = checked(labels, scores)
    names = ["normal", "abnormal"]
    return str(classification_report(label, score > threshold, target_names=names, zero_division=nan))


def decisions(
    results: pd.DataFrame, scores: ScoreLoader, rules: Sequence[Rule] = RULES, clips_per_day: float = CLIPS_PER_DAY
) -> pd.DataFrame:
    """Apply every rule, and the oracle, to every finished cell.

    Returns one row per cell and rule: `detector, machine, unit, snr_db, seed, rule, oracle, threshold`, the fields of
    `OperatingPoint`, `gap` (balanced accuracy of the oracle minus that of the rule), `note` (why there is no
    threshold).

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
    for _, row in results[results["status"] == "ok"].iterrows():
        table = scores(row)
        cell = {column: row[column] for column in ["detector", *CELL]}
        rows += [cell | line for line in cell_decisions(table, rules, clips_per_day)]
    return pd.DataFrame(rows)


def cell_decisions(
    table: pd.DataFrame, rules: Sequence[Rule] = RULES, clips_per_day: float = CLIPS_PER_DAY
) -> list[dict[str, object]]:
    """The rows of `decisions` for the score table of one cell.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"part": ["train"] * 4 + ["test"] * 4, "label": [0] * 6 + [1] * 2})
    >>> scores = [0.0, 1.0, 2.0, 3.0, 1.0, 2.0, 5.0, 6.0]
    >>> pd.DataFrame(cell_decisions(table.assign(score=scores)))[["rule", "recall"]][:1]
              rule  recall
    0  mean + 1 sd     1.0
    """
    test = table[table["part"] == "test"]
    labels, values = test["label"].to_numpy(), test["score"].to_numpy()
    best = operating_point(labels, values, oracle(labels, values), clips_per_day)
    lines: list[dict[str, object]] = []
    for rule in rules:
        threshold, note = _threshold(rule, _normal_scores(table, rule.part))
        line: dict[str, object] = {"rule": rule.name, "oracle": False, "threshold": threshold, "note": note}
        if not np.isnan(threshold):
            point = operating_point(labels, values, threshold, clips_per_day)
            line |= {**vars(point), "gap": best.balanced_accuracy - point.balanced_accuracy}
        lines.append(line)
    marked = {"rule": "oracle", "oracle": True, "threshold": oracle(labels, values), "note": "set on the test labels"}
    return [*lines, marked | vars(best) | {"gap": 0.0}]


def _threshold(rule: Rule, normal: np.ndarray) -> tuple[float, str]:
    """The threshold, NaN if there is none, and a note that says why."""
    if not len(normal):
        return nan, f"no {rule.part} scores in this split"
    try:
        threshold = rule.threshold(normal)
    except InputError as error:
        return nan, str(error)
    too_few = f"{len(normal)} held-out clips are too few for this rate: there is never an alarm"
    return threshold, too_few if threshold == inf else ""


def at_operating_point(target: str, table: pd.DataFrame, clips_per_day: float = CLIPS_PER_DAY) -> dict[str, object]:
    """Find the threshold for a target, and what it costs on the test clips of one cell.

    target: "false-alarms-per-day=1" takes a conformal threshold from the normal validation clips; future normal clips
    keep that rate. "recall=0.95" takes the highest threshold that detects this share of the abnormal test clips; it is
    found on their labels, so it is marked as an oracle, and its false alarms are counted on the normal validation clips
    if there are any. Returns `rule, oracle, threshold` and the fields of `OperatingPoint`. Raises `InputError` if the
    target is not understood or not possible.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"part": "test", "label": [0, 0, 1, 1], "score": [1.0, 4.0, 3.0, 5.0]})
    >>> point = at_operating_point("recall=0.9", table)
    >>> point["oracle"], point["recall"], point["false_alarm_rate"]
    (True, 1.0, 0.5)
    """
    name, _, text = target.partition("=")
    targets = {"recall": _at_recall, "false-alarms-per-day": _at_rate}
    try:
        threshold, point = targets[name](table, float(text), clips_per_day)
    except (KeyError, ValueError) as error:
        if isinstance(error, InputError):
            raise InputError(f"operating point {target!r}: {error}") from error
        raise InputError(
            f"operating point {target!r}: not understood; give recall=0.95 or false-alarms-per-day=1"
        ) from error
    return {"rule": target, "oracle": name == "recall", "threshold": threshold, **vars(point)}


def _at_recall(table: pd.DataFrame, recall: float, clips_per_day: float) -> tuple[float, OperatingPoint]:
    test = table[table["part"] == "test"]
    abnormal = test.loc[test["label"] == 1, "score"].to_numpy(dtype=float)
    threshold = recall_threshold(abnormal, recall)
    held_out = _normal_scores(table, "validation")
    normal = held_out if len(held_out) else _normal_scores(table, "test")
    labels = np.repeat([0, 1], [len(normal), len(abnormal)])
    return threshold, operating_point(labels, np.append(normal, abnormal), threshold, clips_per_day)


def _at_rate(table: pd.DataFrame, per_day: float, clips_per_day: float) -> tuple[float, OperatingPoint]:
    held_out = _normal_scores(table, "validation")
    if not 0 < per_day < clips_per_day:
        raise InputError(f"{per_day:g} false alarms; give a number above 0 and below the {clips_per_day:g} clips a day")
    if per_day * (len(held_out) + 1) < clips_per_day:
        raise InputError(
            f"{len(held_out)} held-out normal clips can guarantee {clips_per_day / (len(held_out) + 1):.4g} false "
            f"alarms a day at best, at {clips_per_day:g} clips a day; hold out {ceil(clips_per_day / per_day) - 1} "
            "clips, or allow that many"
        )
    threshold = conformal(held_out, per_day / clips_per_day)
    test = table[table["part"] == "test"]
    return threshold, operating_point(test["label"].to_numpy(), test["score"].to_numpy(), threshold, clips_per_day)


def _normal_scores(table: pd.DataFrame, part: str) -> np.ndarray:
    return table.loc[(table["part"] == part) & (table["label"] == 0), "score"].to_numpy(dtype=float)
