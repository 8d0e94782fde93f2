"""The sets that detectors are ranked on, unequal seeds, and the differences that ranks rest on."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.evaluation.cell_statistics import cell_statistics
from benchmarks.evaluation.comparison import spreads, unit_aucs
from benchmarks.evaluation.differences import differences
from benchmarks.evaluation.intervals import delong
from benchmarks.evaluation.leaderboard import leaderboard
from benchmarks.evaluation.ranked_sets import ranked_sets
from benchmarks.evaluation.sampling_error import sampling_error
from benchmarks.evaluation.significance import wilcoxon_holm
from tests.support.made_results import noisy, results_of, small, table


def units_ranked_on(units_of):
    """The units that count, of `detector -> its units`."""
    cells = [(name, unit) for name, units in units_of.items() for unit in units]
    results = pd.DataFrame(cells, columns=["detector", "unit"]).assign(machine="fan", snr_db=np.nan)
    return "".join(ranked_sets(results)["unit"])


@pytest.mark.parametrize(
    ("units_of", "ranked_on"),
    [
        ({"a": "xyz", "b": "xyz", "c": "xyz"}, "xyz"),
        ({"a": "xyzS", "b": "xyz", "c": "xyz"}, "xyz"),
        ({"a": "xyS", "b": "xy"}, "xy"),
        ({"a": "xyS", "b": "xyT"}, "xy"),  # each has a stray cell of its own
        ({"a": "xS", "b": "x", "c": "x"}, "x"),
        ({"a": "xyzuvw", "b": "x", "c": "x"}, "x"),  # one detector alone is no comparison
        ({"a": "vwxyz", "b": "vwxyz", "c": "vwxyz", "d": "x", "e": "x", "f": "S"}, "vwxyz"),  # trials on one unit
        ({"a": "xyz", "b": "x"}, "xyz"),  # b was just started
        ({"a": "xyz", "b": "xyz", "c": "xy"}, "xyz"),  # c lacks a unit, which costs only c
        ({"a": "x", "b": "y"}, "x"),
        ({"a": "xy"}, "xy"),
    ],
)
def test_the_sets_that_count(units_of, ranked_on):
    if units_of == {"a": "x", "b": "y"}:
        assert units_ranked_on(units_of) in ("x", "y")  # nothing can be compared
    else:
        assert units_ranked_on(units_of) == "".join(sorted(ranked_on))


@pytest.fixture
def stray():
    """Two units; iforest has three seeds, the others one; knn also has a cell on a unit that nobody else has."""
    cells = {(name, "fan", unit, 6.0, 0): auc for name, auc in (("knn", 1.0), ("ocsvm", 0.75)) for unit in ("x", "y")}
    cells |= {("iforest", "fan", unit, 6.0, seed): 0.25 * (seed + 1) for unit in ("x", "y") for seed in range(3)}
    return cells | {("knn", "fan", "stray", 6.0, 0): 0.0}


def test_a_stray_cell_and_unequal_seeds_unrank_nobody(stray):
    board = leaderboard(*small(stray)).set_index("detector")
    assert board["rank"].notna().all()
    assert board["auc"].to_dict() == {"knn": 1.0, "ocsvm": 0.75, "iforest": 0.5}
    assert board["seeds"].to_dict() == {"knn": "1", "ocsvm": "1", "iforest": "3"}
    assert board["cells"].to_dict() == board["cells_ok"].to_dict() == {"knn": 2, "ocsvm": 2, "iforest": 6}
    assert board.loc["iforest", "seed_sd"] == pytest.approx(0.25)
    assert np.isnan(board.loc["knn", "seed_sd"])


def test_a_detector_with_nothing_but_a_stray_cell_is_named(stray):
    board = leaderboard(*small(stray | {("typo", "crane", "z", 6.0, 0): 1.0})).set_index("detector")
    assert board.loc["typo", ["cells_ok", "cells", "reason"]].tolist() == [0, 2, "2 not run"]
    assert board["rank"].notna().sum() == 3


def test_failing_selects_nothing(stray):
    board = leaderboard(*small(stray | {("ocsvm", "fan", "y", 6.0, 0): None})).set_index("detector")
    assert board.loc["knn", "cells"] == 2  # y still counts
    assert board["rank"].notna().to_dict() == {"knn": True, "iforest": True, "ocsvm": False}
    board = leaderboard(*small(stray | {("iforest", "fan", "y", 6.0, 2): None})).set_index("detector")
    assert np.isnan(board.loc["iforest", "auc"])  # a failed seed is not left out of the mean
    assert board.loc["iforest", "reason"] == "1 out_of_memory: CUDA out of memory"


def test_a_seed_that_was_stopped_is_counted_and_said():
    cells = {("a", "fan", unit, 0.0, 0): 0.5 for unit in "xy"} | {("a", "fan", "x", 0.0, 1): 1.0}
    row = leaderboard(*small(cells)).iloc[0]
    assert (row["rank"], row["auc"], row["seeds"]) == (1, 0.625, "1 to 2")
    assert np.isnan(row["seed_sd"])


def unequal():
    """Noisy scores of "one" with one seed and "three" with three seeds, on the same clips of three units."""
    rng, tables = np.random.default_rng(0), {}
    labels = np.repeat([0, 1], 40)
    for unit in "xyz":
        clips = rng.normal(size=80) + labels
        for name, seeds in (("one", 1), ("three", 3)):
            for seed in range(seeds):
                tables[name, "fan", unit, 6.0, seed] = table(clips + rng.normal(size=80), labels)
    return results_of(tables)


def test_paired_errors_are_those_of_the_means_over_seeds():
    results, scores = unequal()
    variances = []
    for _, rows in results.groupby("unit"):
        rows = rows.sort_values(["detector", "seed"])
        tables = [scores(row) for _, row in rows.iterrows()]
        _, c = delong(tables[0]["label"], [one["score"] for one in tables])
        weights = np.array([1, -1 / 3, -1 / 3, -1 / 3])  # the AUC of one minus the mean AUC of three
        variances.append(weights @ c @ weights)
    errors = sampling_error(results, scores)
    assert errors.difference[0, 1] == pytest.approx(np.sqrt(sum(variances)) / 3)
    assert errors.pairs == 3 * 40


def test_a_repeated_seed_ties_with_itself():
    results, scores = noisy({"a": 1.0}, units=3)
    copies = [results.assign(detector="copy", seed=seed) for seed in range(3)]
    board = leaderboard(
        pd.concat([results, *copies]), lambda row: scores(pd.Series({**row, "detector": "a", "seed": 0}))
    )
    assert board["rank"].tolist() == [1, 1]


def test_spreads_and_units_take_unequal_seeds():
    results, scores = unequal()
    assert unit_aucs(results).shape == (3, 2)
    table = spreads(results, scores, 50, np.random.default_rng(0)).set_index("detector")
    assert table["seed_sd"].isna().to_dict() == {"one": True, "three": False}
    assert table[["clips_low", "units_high"]].notna().all(axis=None)


def test_a_detector_without_a_seed_is_paired_at_each_seed_of_the_other():
    results, scores = unequal()
    _, pairs = cell_statistics(results.assign(seeded=results["detector"] == "three"), scores, 20, 0)
    assert pairs.groupby("unit")["seed"].apply(list).to_dict() == {unit: [0, 1, 2] for unit in "xyz"}
    intervals, pairs = cell_statistics(results, scores, 20, 0)
    assert len(intervals) == len(results)
    assert set(pairs["seed"]) == {0}


def test_ranks_rest_on_the_differences_that_are_written():
    results, scores = noisy({"best": 2.0, "a": 1.0, "b": 1.0, "random": 0.0}, units=6)
    board = leaderboard(results, scores, sanity={"random"})
    table = differences(board, results, scores)
    assert len(table) == 6
    rank, auc = board.set_index("detector")["rank"], board.set_index("detector")["auc"]
    assert [low > 0 for low in table["low"]] == [rank[a] < rank[b] for a, b in table[["detector", "other"]].to_numpy()]
    assert table["difference"].to_list() == pytest.approx([auc[a] - auc[b] for a, b in table.to_numpy()[:, :2]])
    pair = table.set_index(["detector", "other"]).loc[("best", "random")]
    of_units = unit_aucs(results)
    each = of_units["best"] - of_units["random"]
    half = 2.570582 * each.std() / np.sqrt(6)  # Student's t with 5 degrees of freedom
    assert tuple(pair[["units_low", "units_high"]]) == pytest.approx((each.mean() - half, each.mean() + half))
    assert pair["units_p"] == pytest.approx(wilcoxon_holm(of_units).loc["best", "random"])
    assert pair["p"] < 1e-6


def test_differences_of_one_detector_or_one_unit():
    results, scores = noisy({"a": 1.0, "b": 0.0}, units=1)
    pair = differences(leaderboard(results, scores), results, scores).iloc[0]
    assert pair["low"] > 0
    assert np.isnan(pair["units_low"])
    alone = results[results["detector"] == "a"]
    assert differences(leaderboard(alone, scores), alone, scores).empty
