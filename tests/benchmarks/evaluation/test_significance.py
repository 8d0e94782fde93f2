"""Significance tests over units: printed examples of the literature, hand-worked numbers, simulations."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from benchmarks.evaluation.significance import (
    average_ranks,
    critical_difference,
    friedman,
    holm,
    iman_davenport,
    nemenyi,
    signed_rank,
    smallest_p,
    wilcoxon_holm,
    win_tie_loss,
)
from features import InputError

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


def test_wins_ties_and_losses_by_hand():
    units = pd.DataFrame({"a": [0.80, 0.70, 0.60, 0.90], "b": [0.70, 0.69, 0.65, 0.905]})
    counts = win_tie_loss(units)
    assert counts.loc[("a", "b")].to_dict() == {"win": 1, "tie": 2, "loss": 1}  # 0.01 apart is still a tie
    assert counts.loc[("b", "a")].to_dict() == {"win": 1, "tie": 2, "loss": 1}
    assert win_tie_loss(units, margin=0).loc[("a", "b")].to_dict() == {"win": 2, "tie": 0, "loss": 2}
