"""Statistics of each cell: both intervals and both comparisons are those of the functions for one detector or pair."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.evaluation.cell_statistics import cell_statistics
from benchmarks.evaluation.intervals import auc_interval
from tests.support.made_results import noisy, small
from tests.support.reference_intervals import paired_bootstrap_interval, paired_cells, stratified_bootstrap_interval

PLACE = ["machine", "unit", "snr_db", "seed"]


@pytest.fixture(scope="module")
def inputs():
    return noisy({"a": 1.4, "b": 1.0, "c": 1.0}, units=2)


def test_intervals_are_those_of_one_cell(inputs):
    results, scores = inputs
    intervals, _ = cell_statistics(results, scores, 300, seed=3)
    assert len(intervals) == len(results)
    both = results.merge(intervals, on=["detector", *PLACE], suffixes=("", "_again"))
    assert both["auc_again"].tolist() == pytest.approx(both["auc"].tolist())
    for _, row in both.iterrows():
        cell = scores(row)
        assert (row["delong_low"], row["delong_high"]) == pytest.approx(auc_interval(cell["label"], cell["score"]))
        expected = stratified_bootstrap_interval(cell["label"], cell["score"], 300, np.random.default_rng(3))
        assert (row["bootstrap_low"], row["bootstrap_high"]) == pytest.approx(expected)


def test_pairs_are_those_of_the_comparison(inputs):
    results, scores = inputs
    _, pairs = cell_statistics(results, scores, 300, seed=3)
    assert pairs.groupby(PLACE).size().tolist() == [3] * 4
    expected = paired_cells(results, scores, "a", "b")
    found = pairs[(pairs["detector"] == "a") & (pairs["other"] == "b")].merge(expected, on=PLACE[:-1])
    assert found["verdict_x"].tolist() == found["verdict_y"].tolist()
    for ours, theirs in {
        "difference": "difference",
        "delong_low": "low",
        "delong_high": "high",
        "delong_p": "p",
    }.items():
        columns = (f"{ours}_x", f"{theirs}_y") if ours == theirs else (ours, theirs)
        assert found[columns[0]].tolist() == pytest.approx(found[columns[1]].tolist())
    cell = results[(results["unit"] == "id_01") & (results["snr_db"] == 0)].set_index("detector", drop=False)
    a, b = scores(cell.loc["a"]), scores(cell.loc["b"])
    values = np.stack([a["score"], b["score"]])
    limits = paired_bootstrap_interval(a["label"], values, 300, np.random.default_rng(3))
    row = found[(found["unit"] == "id_01") & (found["snr_db"] == 0)].iloc[0]
    assert (row["bootstrap_low"], row["bootstrap_high"]) == pytest.approx(limits)


def test_a_cell_does_not_depend_on_other_cells_or_detectors(inputs):
    results, scores = inputs
    chosen = results[(results["unit"] == "id_01") & (results["detector"] != "c")]
    whole, part = cell_statistics(results, scores, 50, 0)[0], cell_statistics(chosen, scores, 50, 0)[0]
    both = part.merge(whole, on=["detector", *PLACE])
    assert both["bootstrap_low_x"].tolist() == both["bootstrap_low_y"].tolist()


def test_failed_cells_and_single_detectors_have_no_pairs():
    results, scores = small({("a", "fan", "x", np.nan, 0): 0.75, ("b", "fan", "x", np.nan, 0): None})
    intervals, pairs = cell_statistics(results, scores, 20, 0)
    assert intervals["detector"].tolist() == ["a"]
    assert pairs.empty
    twins, load = small({("a", "fan", "x", np.nan, 0): 1.0, ("b", "fan", "x", np.nan, 0): 1.0})
    (pair,) = cell_statistics(twins, load, 20, 0)[1].to_dict("records")
    assert (pair["difference"], pair["delong_p"], pair["verdict"]) == (0, 1, "tie")
    assert pd.isna(pair["snr_db"])
