"""Comparison of detectors over units: printed examples of the literature, hand-worked numbers, simulations."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from benchmarks.evaluation.comparison import (
    average_ranks,
    critical_difference,
    friedman,
    holm,
    iman_davenport,
    nemenyi,
    paired_bootstrap_interval,
    paired_cells,
    signed_rank,
    smallest_detectable_difference,
    smallest_p,
    spreads,
    unit_aucs,
    unit_bootstrap,
    wilcoxon_holm,
    win_tie_loss,
)
from benchmarks.evaluation.intervals import delong
from benchmarks.evaluation.sampling_error import sampling_error
from features import InputError
from tests.support.made_results import noisy, small

# Demsar (2006), table 6: AUC of C4.5 without and with m, cf and both tuned, on 14 sets. Its ranks tell the two 0.975 of
# the set "voting" apart, so one of them stands here as 0.9751.
DEMSAR = pd.DataFrame(
    {
        "c45": [0.763, 0.599, 0.954, 0.628, 0.882, 0.936, 0.661, 0.583, 0.775, 1, 0.940, 0.619, 0.972, 0.957],
        "m": [0.768, 0.591, 0.971, 0.661, 0.888, 0.931, 0.668, 0.583, 0.838, 1, 0.962, 0.666, 0.981, 0.978],
        "cf": [0.771, 0.590, 0.968, 0.654, 0.886, 0.916, 0.609, 0.563, 0.866, 1, 0.965, 0.614, 0.9751, 0.946],
        "m+cf": [0.798, 0.569, 0.967, 0.657, 0.898, 0.931, 0.685, 0.625, 0.875, 1, 0.962, 0.669, 0.975, 0.970],
    }
)


def test_average_ranks_of_demsar_2006():
    ranks = average_ranks(DEMSAR)
    assert ranks.round(3).to_dict() == {"m+cf": 1.964, "m": 2.0, "cf": 2.893, "c45": 3.143}
    assert ranks.index[0] == "m+cf"


def test_friedman_of_demsar_2006():
    # printed without the correction for ties: 9.28. Tied: three pairs (6 each) and a set of four (60), of 14 x 60.
    result = friedman(DEMSAR)
    assert result.chi2 * (1 - (3 * 6 + 60) / (14 * 60)) == pytest.approx(9.28, abs=0.005)
    assert iman_davenport(9.28, 14, 4) == pytest.approx(3.69, abs=0.005)
    assert result.f == pytest.approx(iman_davenport(result.chi2, 14, 4))
    assert result.p_f < result.p_chi2 < 0.05


def test_critical_difference_of_demsar_2006():
    assert critical_difference(4, 14) == pytest.approx(1.25, abs=0.005)
    assert critical_difference(4, 14, alpha=0.10) == pytest.approx(1.12, abs=0.005)


@pytest.mark.parametrize(
    ("alpha", "constants"),
    [
        (0.05, [1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164]),
        (0.10, [1.645, 2.052, 2.291, 2.459, 2.589, 2.693, 2.780, 2.855, 2.920]),
    ],
)
def test_nemenyi_constants_of_demsar_2006_table_5(alpha, constants):
    for k, q in enumerate(constants, start=2):
        assert critical_difference(k, 1, alpha) / np.sqrt(k * (k + 1) / 6) == pytest.approx(q, abs=0.0011)


def test_nemenyi_p_values_agree_with_the_critical_difference():
    p, ranks = nemenyi(DEMSAR), average_ranks(DEMSAR)
    for alpha in (0.05, 0.1):
        limit = critical_difference(4, 14, alpha)
        for a in DEMSAR.columns:
            for b in DEMSAR.columns.drop(a):
                assert (p.loc[a, b] < alpha) == (abs(ranks[a] - ranks[b]) > limit)
    # at 0.10 the worst and the two best differ, at 0.05 none do (Demsar 2006)
    assert (p.loc["c45", ["m", "m+cf"]] < 0.10).all()
    assert (p > 0.05).all(axis=None)


def test_signed_ranks_of_demsar_2006():
    # printed: sums of ranks 93 and 12 of 14 sets, z = -2.54 without the correction for ties, here two pairs
    variance = 14 * 15 * 29 / 24
    z = (12 - 14 * 15 / 4) / np.sqrt(variance)
    assert z == pytest.approx(-2.54, abs=0.005)
    corrected = z * np.sqrt(variance / (variance - 2 * (2**3 - 2) / 48))
    assert signed_rank(DEMSAR["c45"], DEMSAR["m"]) == pytest.approx(2 * norm.cdf(corrected), rel=1e-6)


def test_signed_ranks_of_equal_detectors_say_nothing():
    assert signed_rank([0.7, 0.8, 0.1 + 0.2], [0.7, 0.8, 0.3]) == 1


def test_small_samples_get_the_exact_p_value():
    assert signed_rank([5, 6, 7, 8], [4, 4, 4, 4]) == pytest.approx(2 / 2**4)
    assert smallest_p(2, 4) == pytest.approx(2 / 2**4)
    assert smallest_p(10, 4) == 1
    assert smallest_p(5, 16) == pytest.approx(10 * 2 / 2**16)


def test_holm_of_demsar_2006():
    # printed: p = 0.016, 0.019, 0.607 against 0.05 / 3, / 2, / 1: the first two are rejected, the third is not
    adjusted = holm([0.607, 0.016, 0.019])
    assert adjusted == pytest.approx([0.607, 0.048, 0.048])


def test_holm_by_hand():
    # 4 x 0.005, 3 x 0.01, 2 x 0.03, then 0.04 raised to the one before it
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_wilcoxon_holm_corrects_all_pairs_at_once():
    table = wilcoxon_holm(DEMSAR)
    raw = {(a, b): signed_rank(DEMSAR[a], DEMSAR[b]) for a in DEMSAR for b in DEMSAR if a < b}
    least = min(raw, key=raw.get)
    assert table.loc[least] == pytest.approx(6 * raw[least])
    assert (np.diag(table) == 1).all()
    assert np.array_equal(table, table.T)


def test_friedman_rejects_5_percent_of_equal_detectors():
    rng = np.random.default_rng(0)
    p = np.array([friedman(pd.DataFrame(rng.normal(size=(16, 5)))).p_f for _ in range(600)])
    assert 0.03 <= (p < 0.05).mean() <= 0.07


def test_friedman_of_units_that_agree_or_say_nothing():
    same_order = pd.DataFrame([[1, 2, 3]] * 6)
    assert friedman(same_order).f == np.inf
    assert friedman(same_order).p_f == 0
    assert friedman(pd.DataFrame(np.ones((6, 3)))).p_f == 1
    with pytest.raises(InputError, match="2 detectors on 6 units"):
        friedman(same_order[[0, 1]])


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


def test_wins_ties_and_losses_by_hand():
    units = pd.DataFrame({"a": [0.80, 0.70, 0.60, 0.90], "b": [0.70, 0.69, 0.65, 0.905]})
    counts = win_tie_loss(units)
    assert counts.loc[("a", "b")].to_dict() == {"win": 1, "tie": 2, "loss": 1}  # 0.01 apart is still a tie
    assert counts.loc[("b", "a")].to_dict() == {"win": 1, "tie": 2, "loss": 1}
    assert win_tie_loss(units, margin=0).loc[("a", "b")].to_dict() == {"win": 2, "tie": 0, "loss": 2}


def test_the_smallest_detectable_difference_is_detected_in_80_percent():
    errors = sampling_error(*noisy({"a": 1.0, "b": 1.1}, units=4))
    smallest = smallest_detectable_difference(errors)
    error = errors.difference[0, 1]
    estimates = np.random.default_rng(5).normal(smallest, error, 20000)
    assert (estimates > 1.96 * error).mean() == pytest.approx(0.8, abs=0.01)
    with pytest.raises(InputError, match="give at least two"):
        smallest_detectable_difference(sampling_error(*noisy({"a": 1.0}, units=1)))
