"""From scores to alarms: thresholds that are set from normal sound alone, and what they cost.

An alarm is a score ABOVE the threshold. A threshold may use the scores of normal clips only; one that looks at labels
of the test clips is an oracle: it shows what the scores would allow, is marked so, and is never a result.

Training clips score lower than other normal clips under a detector that has learned them, so thresholds from training
scores tend to alarm more often than they say. Clips held out for validation do not have this fault, and only they carry
the guarantee of the conformal rule.
"""

import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import ceil, inf, nan
from typing import Literal

import numpy as np
import pandas as pd
from scipy.stats import FitError, beta, gamma
from sklearn.metrics import classification_report

from benchmarks.evaluation.means import CELL
from benchmarks.evaluation.sampling_error import ScoreLoader
from benchmarks.metrics import checked
from features import InputError

CLIPS_PER_DAY = 8640.0  # ten-second clips without a pause


def mean_and_deviations(scores: np.ndarray, k: float) -> float:
    """Mean plus `k` standard deviations of normal scores `(n_clips,)`."""
    return float(np.mean(scores) + k * np.std(scores))


def gamma_quantile(scores: np.ndarray, share: float = 0.9) -> float:
    """Quantile of a gamma distribution fitted to normal scores (shape, location, scale), as in the DCASE baselines.

    Fitted by likelihood, or by moments if that fit is wrong: if the share of scores below its quantile is more than 15
    percentage points off. Raises `InputError` if both fits are wrong.
    """
    mean, deviation = float(np.mean(scores)), float(np.std(scores))
    if deviation == 0:
        return mean
    scaled = (scores - mean) / deviation  # the search does not work on every scale
    for method in ("MLE", "MM"):
        with warnings.catch_warnings(), suppress(FitError):  # the search tries invalid shapes on its way
            warnings.simplefilter("ignore", RuntimeWarning)
            quantile = float(gamma(*gamma.fit(scaled, method=method)).ppf(share))
            if abs(np.mean(scaled <= quantile) - share) <= 0.15:
                return mean + deviation * quantile
    raise InputError(f"no gamma distribution fits these {len(scores)} scores; use a quantile")


def conformal(scores: np.ndarray, alpha: float) -> float:
    """The threshold that a new normal clip exceeds with probability `alpha` at most, from HELD-OUT normal scores.

    It is the ceil((n + 1) (1 - alpha))-th smallest of n scores, and infinite (no alarm ever) if n < 1 / alpha - 1,
    which is too few clips for that guarantee. The bound holds for any distribution of the scores, provided that the
    held-out clips and the new one are exchangeable. It is an average over draws of the held-out clips (Vovk et al.
    2005); for one draw see `conformal_limit`.
    """
    _check_share("conformal: alpha", alpha)
    rank = _conformal_rank(len(scores), alpha)
    return inf if rank > len(scores) else float(np.sort(scores)[rank - 1])


def conformal_limit(n: int, alpha: float, confidence: float = 0.95) -> float:
    """The false-alarm rate that one conformal threshold from `n` clips stays below with this `confidence`.

    For scores without ties the rate of one threshold has a beta distribution with parameters n + 1 - rank and rank.
    """
    rank = _conformal_rank(n, alpha)
    return 0.0 if rank > n else float(beta.ppf(confidence, n + 1 - rank, rank))


def oracle(labels: np.ndarray, scores: np.ndarray) -> float:
    """The threshold of the best balanced accuracy ON THE TEST LABELS: a bound on what any threshold could do."""
    label, score = checked(labels, scores)
    values, place = np.unique(score, return_inverse=True)
    thresholds = np.concatenate([[values[0] - 1], values])
    alarms = [np.cumsum(np.bincount(place[label == k], minlength=len(values))[::-1])[::-1] for k in (0, 1)]
    false, true = (np.append(count, 0) / count[0] for count in alarms)
    return float(thresholds[np.argmax(true - false)])


@dataclass(frozen=True)
class Rule:
    """A named way to set a threshold from the normal clips of one part."""

    name: str
    part: Literal["train", "validation"]
    threshold: Callable[[np.ndarray], float]


RULES = (
    Rule("mean + 1 sd", "train", lambda scores: mean_and_deviations(scores, 1)),
    Rule("mean + 2 sd", "train", lambda scores: mean_and_deviations(scores, 2)),
    Rule("mean + 3 sd", "train", lambda scores: mean_and_deviations(scores, 3)),
    Rule("quantile 0.95", "train", lambda scores: float(np.quantile(scores, 0.95))),
    Rule("gamma 0.9", "train", gamma_quantile),
    Rule("conformal 0.05", "validation", lambda scores: conformal(scores, 0.05)),
)


@dataclass(frozen=True)
class OperatingPoint:
    """What a threshold does to labelled clips; the four counts are the confusion matrix.

    `precision` is NaN where there is no alarm. `false_alarms_per_day` takes all clips of a day as normal.
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
    """Count the alarms of a threshold on labelled clips, `labels` and `scores` `(n_clips,)`."""
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
    """Precision, recall and F1 per class as text (scikit-learn's classification report)."""
    label, score = checked(labels, scores)
    names = ["normal", "abnormal"]
    return str(classification_report(label, score > threshold, target_names=names, zero_division=nan))


def decisions(
    results: pd.DataFrame, scores: ScoreLoader, rules: Sequence[Rule] = RULES, clips_per_day: float = CLIPS_PER_DAY
) -> pd.DataFrame:
    """Every rule on every finished cell, and the oracle beside them.

    Returns one row per cell and rule: `detector, machine, unit, snr_db, seed, rule, oracle, threshold`, the fields of
    `OperatingPoint`, `gap` (balanced accuracy that the oracle has over the rule), `note` (why there is no threshold).
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
    """The rows of `decisions` for the score table of one cell."""
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
    """The threshold, NaN where there is none, and a note that says why."""
    if not len(normal):
        return nan, f"no {rule.part} scores in this split"
    try:
        threshold = rule.threshold(normal)
    except InputError as error:
        return nan, str(error)
    too_few = f"{len(normal)} held-out clips are too few for this rate: no alarm is ever raised"
    return threshold, too_few if threshold == inf else ""


def at_operating_point(target: str, table: pd.DataFrame, clips_per_day: float = CLIPS_PER_DAY) -> dict[str, object]:
    """Find the threshold for a target, and what it costs on the test clips of one cell.

    target: "false-alarms-per-day=1" takes a conformal threshold from the normal validation clips; future normal clips
    keep that rate. "recall=0.95" takes the highest threshold that detects this share of the abnormal test clips; it is
    found on their labels, so it is marked as an oracle, and its false alarms are counted on the normal validation clips
    if there are any. Returns `rule, oracle, threshold` and the fields of `OperatingPoint`. Raises `InputError` if the
    target is not understood or not possible.
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
            f"{len(held_out)} held-out normal clips can promise {clips_per_day / (len(held_out) + 1):.4g} false alarms "
            f"a day at best, at {clips_per_day:g} clips a day; hold out {ceil(clips_per_day / per_day) - 1} clips, or "
            "allow that many"
        )
    threshold = conformal(held_out, per_day / clips_per_day)
    test = table[table["part"] == "test"]
    return threshold, operating_point(test["label"].to_numpy(), test["score"].to_numpy(), threshold, clips_per_day)


def recall_threshold(abnormal: np.ndarray, recall: float) -> float:
    """The highest threshold that at least this share of abnormal scores `(n_clips,)` lies above."""
    _check_share("recall", recall)
    wanted = ceil(round(recall * len(abnormal), 9))
    return float(np.nextafter(np.sort(abnormal)[len(abnormal) - wanted], -inf))


def _conformal_rank(n: int, alpha: float) -> int:
    return ceil(round((n + 1) * (1 - alpha), 9))  # rounded: 20 * (1 - 0.05) is 19, not 19.000000000000004


def _normal_scores(table: pd.DataFrame, part: str) -> np.ndarray:
    return table.loc[(table["part"] == part) & (table["label"] == 0), "score"].to_numpy(dtype=float)


def _check_share(name: str, value: float) -> None:
    if not 0 < value < 1:
        raise InputError(f"{name}={value:g}; give a share between 0 and 1")
