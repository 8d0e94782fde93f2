"""Operating points: worked by hand, per rule and cell, and for a target rate."""

from math import inf

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from benchmarks.evaluation.operating_points import (
    at_target,
    cell_decisions,
    decisions,
    operating_point,
)
from benchmarks.evaluation.thresholds import RULES, Rule, gamma_quantile
from features import InputError
from tests.support.made_results import noisy, small

LABELS = np.array([0, 0, 0, 0, 1, 1, 1])
SCORES = np.array([1.0, 2.0, 3.0, 6.0, 3.0, 5.0, 7.0])


def cell(train=(), validation=(), normal=(), abnormal=()):
    parts = [("train", 0, train), ("validation", 0, validation), ("test", 0, normal), ("test", 1, abnormal)]
    rows = [(part, label, float(score)) for part, label, scores in parts for score in scores]
    table = pd.DataFrame(rows, columns=["part", "label", "score"])
    return table.assign(path=[f"{i:08}.wav" for i in range(len(table))])


def test_an_operating_point_by_hand():
    point = operating_point(LABELS, SCORES, 3.0, clips_per_day=1000)  # alarms: 6, 5, 7; equal to it is no alarm
    assert (point.true_alarms, point.missed, point.false_alarms, point.true_normals) == (2, 1, 1, 3)
    assert point.recall == pytest.approx(2 / 3)
    assert point.precision == pytest.approx(2 / 3)
    assert point.f1 == pytest.approx(2 / 3)
    assert point.specificity == pytest.approx(3 / 4)
    assert point.false_alarm_rate == pytest.approx(1 / 4)
    assert point.balanced_accuracy == pytest.approx((2 / 3 + 3 / 4) / 2)
    assert point.false_alarms_per_day == pytest.approx(250)


def test_no_alarm_at_all_has_no_precision():
    point = operating_point(LABELS, SCORES, inf)
    assert (point.recall, point.f1, point.false_alarms_per_day, point.balanced_accuracy) == (0, 0, 0, 0.5)
    assert np.isnan(point.precision)


def test_a_rule_that_fails_is_noted_and_the_others_go_on():
    broken = Rule("gamma 0.5", "train", lambda scores: gamma_quantile(scores, 0.5))
    table = cell(np.repeat([0.0, 1.0], [70, 30]), [], [1, 2], [3, 4])
    lines = pd.DataFrame(cell_decisions(table, [RULES[0], broken])).set_index("rule")
    assert np.isfinite(lines.loc["mean + 1 sd", "threshold"])
    assert np.isnan(lines.loc["gamma 0.5", "threshold"])
    assert "no gamma distribution fits" in lines.loc["gamma 0.5", "note"]


def test_every_rule_on_one_cell():
    rng = np.random.default_rng(5)
    table = cell(rng.normal(size=200), rng.normal(size=100), rng.normal(size=200), rng.normal(2, 1, 200))
    lines = pd.DataFrame(cell_decisions(table)).set_index("rule")
    assert lines.index.tolist() == [rule.name for rule in RULES] + ["oracle"]
    assert lines["oracle"].tolist() == [False] * len(RULES) + [True]
    assert (lines["gap"] >= 0).all()
    assert lines.loc["oracle", "gap"] == 0
    deviations = lines.loc[["mean + 1 sd", "mean + 2 sd", "mean + 3 sd"]]
    assert deviations["threshold"].is_monotonic_increasing
    assert deviations["recall"].is_monotonic_decreasing
    assert lines["true_alarms"].add(lines["missed"]).eq(200).all()


def test_rules_without_their_clips_say_what_is_needed():
    lines = pd.DataFrame(cell_decisions(cell([1, 2, 3], [], [1, 2], [3, 4]))).set_index("rule")
    assert np.isnan(lines.loc["conformal 0.05", "threshold"])
    assert lines.loc["conformal 0.05", "note"].endswith("run with --calibrate 0.2; this rate needs 19 of them")
    few = pd.DataFrame(cell_decisions(cell([1, 2, 3], [1, 2, 3], [1, 2], [3, 4]))).set_index("rule")
    assert np.isnan(few.loc["conformal 0.05", "threshold"])
    assert few.loc["conformal 0.05", "note"] == "3 held-out normal clips are too few for this rate, which needs 19"
    assert few.loc["highest held-out", "threshold"] == 3
    assert few.loc["mean + 1 sd", "note"].startswith("set on training scores, which are too low")


def test_a_line_holds_the_clips_it_rests_on_and_the_limits_of_its_false_alarms():
    table = cell([0, 1], range(19), [*range(50), 100], [17.5, 18.5])
    line = pd.DataFrame(cell_decisions(table, clips_per_day=1000)).set_index("rule").loc["highest held-out"]
    assert (line["part"], line["n_clips"], line["threshold"], line["recall"]) == ("validation", 19, 18, 0.5)
    assert line["guaranteed_per_day"] == pytest.approx(1000 / 20)
    limits = binomtest(32, 51).proportion_ci(0.95)  # 19 to 49 and 100 lie above 18
    assert line["false_alarms_per_day"] == pytest.approx(1000 * 32 / 51)
    assert line["false_alarms_per_day_low"] == pytest.approx(1000 * limits.low)
    assert line["false_alarms_per_week_high"] == pytest.approx(7000 * limits.high)
    assert line["expected_per_day_high"] == pytest.approx(1000 * (1 - 0.025 ** (1 / 19)))
    assert line["note"].startswith("more false alarms than expected")


def test_test_clips_that_are_too_few_for_a_low_rate_are_named():
    lines = pd.DataFrame(cell_decisions(cell([0, 1], range(200), range(20), [300, 400]), clips_per_day=1000))
    note = lines.set_index("rule").loc["conformal 0.01", "note"]
    assert note.startswith(
        "20 normal test clips are too few to confirm it: even if none alarms, it may be up to 168.4 "
    )
    many = pd.DataFrame(cell_decisions(cell([0, 1], range(200), range(400), [500, 600]), clips_per_day=1000))
    assert "too few" not in many.set_index("rule").loc["conformal 0.05", "note"]


def test_labels_of_test_clips_move_only_the_oracle():
    rng = np.random.default_rng(6)
    table = cell(rng.normal(size=50), rng.normal(size=50), rng.normal(size=50), rng.normal(2, 1, 50))
    swapped = table.assign(label=np.where(table["part"] == "test", 1 - table["label"], table["label"]))
    before, after = (pd.DataFrame(cell_decisions(t)).set_index("rule")["threshold"] for t in (table, swapped))
    assert before.drop("oracle").equals(after.drop("oracle"))
    assert before["oracle"] != after["oracle"]


def test_decisions_cover_every_finished_cell():
    results, scores = noisy({"a": 1.0, "b": 2.0}, units=2)
    table = decisions(results, scores)
    assert len(table) == len(results) * (len(RULES) + 1)
    best = table[table["oracle"]].groupby("detector")["balanced_accuracy"].mean()
    assert best["b"] > best["a"] > 0.6
    failed, loader = small({("a", "fan", "x", 0.0, 0): 1.0, ("b", "fan", "x", 0.0, 0): None})
    assert set(decisions(failed, loader)["detector"]) == {"a"}


def test_a_target_recall_is_an_oracle_and_costs_false_alarms_on_validation_normals():
    table = cell(validation=range(100), normal=[-1, -2], abnormal=[89.5, 200, 300, 400])
    row = at_target("recall=0.95", table, clips_per_day=1000)
    assert row["oracle"] is True
    assert row["recall"] == 1
    assert row["false_alarm_rate"] == pytest.approx(0.10)  # 90 to 99 of the validation normals, none of the test's
    assert row["false_alarms_per_day"] == pytest.approx(100)
    without = at_target("recall=0.95", table[table["part"] == "test"], clips_per_day=1000)
    assert without["false_alarm_rate"] == 0


def test_a_target_rate_comes_from_validation_normals_and_costs_recall():
    table = cell(validation=range(99), normal=[0, 98.5], abnormal=[50, 97, 99, 100])
    row = at_target("false-alarms-per-day=20", table, clips_per_day=1000)
    assert row["oracle"] is False
    assert row["threshold"] == 97  # the 98th of 99: 2 % at most lie above
    assert row["recall"] == 0.5
    assert row["false_alarms"] == 1


def test_a_rate_that_cannot_be_guaranteed_is_a_line_with_the_clips_it_takes():
    table = cell(validation=range(99), normal=[1], abnormal=[2])
    line = at_target("false-alarms-per-day=1", table)
    assert np.isnan(line["threshold"])
    assert line["note"] == "99 held-out normal clips are too few for this rate, which needs 8639"
    none = at_target("false-alarms-per-day=1", table[table["part"] == "test"])
    assert none["note"] == "no held-out normal clips: run with --calibrate 0.2; this rate needs 8639 of them"


@pytest.mark.parametrize("target", ["recall", "recall=", "recall=much", "precision=0.9", ""])
def test_targets_that_are_not_understood_are_named(target):
    with pytest.raises(InputError, match=r"not understood; give recall=0\.95 or false-alarms-per-day=1"):
        at_target(target, cell(normal=[1], abnormal=[2]))


@pytest.mark.parametrize("target", ["recall=0", "recall=1.5", "recall=95", "false-alarms-per-day=-1"])
def test_targets_out_of_range_are_named(target):
    with pytest.raises(InputError, match=f"{target}.*give a"):
        at_target(target, cell(validation=[1], normal=[1], abnormal=[2]))
