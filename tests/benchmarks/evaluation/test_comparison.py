"""Comparison of detectors: hand-worked numbers, definitions, simulations."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.evaluation.comparison import (
    smallest_detectable_difference,
    spreads,
    unit_aucs,
    unit_bootstrap,
)
from benchmarks.evaluation.intervals import delong
from benchmarks.evaluation.sampling_error import sampling_error
from features import InputError
from tests.support.made_results import noisy, small
from tests.support.reference_intervals import paired_bootstrap_interval, paired_cells


def test_units_average_seeds_then_noise_levels():
    results, _ = small(
        {
            ("a", "fan", "id_00", 6.0, 0): 0.25,
            ("a", "fan", "id_00", 6.0, 1): 0.75,
            ("a", "fan", "id_00", 0.0, 0): 1.0,
            ("a", "fan", "id_02", 6.0, 0): 1.0,
            ("b", "fan", "id_00", 6.0, 0): 1.0,
        }
    )
    units = unit_aucs(results)
    assert units.columns.tolist() == ["a"]  # b lacks cells
    assert units["a"].tolist() == [0.75, 1.0]
    assert unit_aucs(results, snr_db=6.0)["a"].tolist() == [0.5, 1.0]
    assert unit_aucs(results, snr_db=0.0)["a"].tolist() == [1.0]
    with pytest.raises(InputError, match="no results at 3 dB"):
        unit_aucs(results, snr_db=3)


def test_failed_detectors_are_left_out_of_the_units():
    results, _ = small({("a", "fan", "x", 0.0, 0): 1.0, ("b", "fan", "x", 0.0, 0): None})
    assert unit_aucs(results).columns.tolist() == ["a"]


def test_unit_bootstrap_resamples_whole_units():
    units = pd.DataFrame({"a": [0.5, 0.5, 1.0, 1.0], "b": [0.7] * 4})
    limits = unit_bootstrap(units, 4000, np.random.default_rng(1))
    assert limits.loc["a"].tolist() == [0.5, 1.0]  # 1/16 of the resamples are all of one kind: more than 2.5 %
    assert limits.loc["b"].tolist() == pytest.approx([0.7, 0.7])
    assert unit_bootstrap(units[:1], 50, np.random.default_rng(1)).isna().all(axis=None)  # of others one says nothing
    rng = np.random.default_rng(2)
    many = pd.DataFrame({"a": rng.normal(0.8, 0.05, 400)})
    low, high = unit_bootstrap(many, 4000, rng).loc["a"]
    assert (high - low) / 2 == pytest.approx(1.96 * many["a"].std() / 20, rel=0.05)


def test_three_spreads_stand_apart():
    results, scores = noisy({"a": 1.0}, units=4)
    again, other_scores = noisy({"a": 1.0}, units=4, seed=1)
    both = pd.concat([results, again.assign(seed=1)])

    def of_seed(row):
        return (other_scores if row["seed"] else scores)(pd.Series({**row, "seed": 0}))

    row = spreads(both, of_seed, 500, np.random.default_rng(3)).iloc[0]
    assert row["seed_sd"] == pytest.approx(np.std([results["auc"].mean(), again["auc"].mean()], ddof=1))
    assert row["clips_low"] < row["auc"] < row["clips_high"]
    assert row["units_low"] < row["auc"] < row["units_high"]
    assert row["clips_low"] != row["units_low"]


def test_paired_cells_by_definition():
    results, scores = noisy({"a": 1.5, "b": 1.0, "c": 1.0}, units=2)
    table = paired_cells(results, scores, "a", "b")
    assert len(table) == 4
    cell = results[(results["unit"] == "id_01") & (results["snr_db"] == 0)].set_index("detector", drop=False)
    a, b = scores(cell.loc["a"]), scores(cell.loc["b"])
    aucs, c = delong(a["label"], [a["score"], b["score"]])
    half_width = 1.959964 * np.sqrt(c[0, 0] + c[1, 1] - 2 * c[0, 1])
    row = table[(table["unit"] == "id_01") & (table["snr_db"] == 0)].iloc[0]
    assert row["difference"] == pytest.approx(aucs[0] - aucs[1])
    assert (row["low"], row["high"]) == pytest.approx((row["difference"] - half_width, row["difference"] + half_width))
    assert (row["p"] < 0.05) == (row["low"] > 0)


def test_paired_cells_are_antisymmetric_and_a_detector_ties_with_itself():
    results, scores = noisy({"a": 1.6, "b": 1.0}, units=3)
    forward, back = (paired_cells(results, scores, *pair) for pair in (("a", "b"), ("b", "a")))
    assert forward["difference"].tolist() == pytest.approx((-back["difference"]).tolist())
    assert set(forward["verdict"]) == {"win"}
    assert set(back["verdict"]) == {"loss"}
    same = pd.concat([results[results["detector"] == "a"], results[results["detector"] == "a"].assign(detector="twin")])
    twins = paired_cells(same, lambda row: scores(pd.Series({**row, "detector": "a"})), "a", "twin")
    assert set(twins["verdict"]) == {"tie"}
    assert twins["p"].tolist() == [1] * 6
    with pytest.raises(InputError, match="have no finished cell in common"):
        paired_cells(results, scores, "a", "nobody")


def test_paired_bootstrap_agrees_with_paired_delong():
    rng = np.random.default_rng(4)
    labels = np.repeat([0, 1], 150)
    shared = rng.normal(size=300) + labels
    scores = shared + 0.5 * rng.normal(size=(2, 300))
    aucs, c = delong(labels, scores)
    error = np.sqrt(c[0, 0] + c[1, 1] - 2 * c[0, 1])
    low, high = paired_bootstrap_interval(labels, scores, 4000, rng)
    assert (low, high) == pytest.approx((aucs[0] - aucs[1] - 1.96 * error, aucs[0] - aucs[1] + 1.96 * error), abs=0.005)


def test_the_smallest_detectable_difference_is_detected_in_80_percent():
    errors = sampling_error(*noisy({"a": 1.0, "b": 1.1}, units=4))
    smallest = smallest_detectable_difference(errors)
    error = errors.difference[0, 1]
    estimates = np.random.default_rng(5).normal(smallest, error, 20000)
    assert (estimates > 1.96 * error).mean() == pytest.approx(0.8, abs=0.01)
    with pytest.raises(InputError, match="give at least two"):
        smallest_detectable_difference(sampling_error(*noisy({"a": 1.0}, units=1)))
