"""DeLong against a plain implementation, hand-worked numbers, coverage, and limits near 1."""

import numpy as np
import pytest
from scipy.stats import norm

from benchmarks.evaluation.intervals import (
    auc_interval,
    bootstrap_aucs,
    bootstrap_limits,
    clopper_pearson,
    delong,
    delong_interval,
    difference_interval,
    raised_variance,
    standard_error,
)
from benchmarks.metrics import auc
from features import InputError
from tests.support.reference_intervals import stratified_bootstrap_interval


def plain_delong(labels, scores):
    """The definition, pair by pair: kernel 1, 1/2 or 0, its means per clip, and the covariances of these."""
    normal, abnormal = scores[:, labels == 0], scores[:, labels == 1]
    kernel = (abnormal[:, :, None] > normal[:, None, :]) + 0.5 * (abnormal[:, :, None] == normal[:, None, :])
    aucs = kernel.mean(axis=(1, 2))
    per_abnormal, per_normal = kernel.mean(axis=2) - aucs[:, None], kernel.mean(axis=1) - aucs[:, None]
    m, n = abnormal.shape[1], normal.shape[1]
    return aucs, per_abnormal @ per_abnormal.T / (m * (m - 1)) + per_normal @ per_normal.T / (n * (n - 1))


def problem(rng):
    """A random problem: class sizes from 2 to 60, one to four detectors, scores with or without ties."""
    labels = np.r_[np.zeros(rng.integers(2, 60), int), np.ones(rng.integers(2, 60), int)]
    shared = rng.normal(size=len(labels)) + rng.uniform(0, 2) * labels
    scores = shared + rng.normal(size=(rng.integers(1, 5), len(labels)))
    order = rng.permutation(len(labels))
    return labels[order], np.round(scores, rng.integers(0, 4))[:, order]


def test_delong_equals_the_definition_on_1000_random_problems():
    rng = np.random.default_rng(0)
    for _ in range(1000):
        labels, scores = problem(rng)
        aucs, covariance = delong(labels, scores)
        expected, expected_covariance = plain_delong(labels, scores)
        np.testing.assert_allclose(aucs, expected, rtol=0, atol=1e-12)
        np.testing.assert_allclose(covariance, expected_covariance, rtol=0, atol=1e-12)


def test_delong_by_hand():
    # abnormal 2, 4 against normal 1, 3: shares below 1/2, 1 and shares above 1, 1/2; variance 1/8 each, over 2
    aucs, covariance = delong([0, 0, 1, 1], [[1, 3, 2, 4]])
    assert aucs == pytest.approx([0.75])
    assert covariance == pytest.approx(np.array([[0.125 / 2 + 0.125 / 2]]))


def test_delong_variance_agrees_with_the_published_half_widths():
    # Hanley and McNeil (1982), at AUC 0.7: 95 % half-width .077 with 89 clips a class, .036 with 407 (their formula
    # holds for exponential scores, where the slope of the means is that of AUC / (1 - AUC))
    rng = np.random.default_rng(3)
    for n, half_width in ((89, 0.077), (407, 0.036)):
        labels = np.repeat([0, 1], n)
        scores = rng.exponential(np.where(labels == 1, 0.7 / 0.3, 1.0), size=(300, 2 * n))
        errors = [delong(labels, row)[1][0, 0] ** 0.5 for row in scores]
        assert 1.96 * np.mean(errors) == pytest.approx(half_width, abs=0.001)


def test_a_detector_does_not_differ_from_its_own_monotone_map():
    rng = np.random.default_rng(4)
    labels, scores = np.repeat([0, 1], 30), rng.normal(size=60)
    aucs, covariance = delong(labels, [scores, np.exp(scores)])
    assert aucs[0] == aucs[1]
    assert covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1] == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize(("area", "n"), [(0.7, 50), (0.9, 50), (0.9, 200), (0.95, 100)])
def test_95_percent_intervals_cover_the_truth_in_93_to_97_percent(area, n):
    rng = np.random.default_rng(5)
    labels = np.repeat([0, 1], n)
    scores = rng.normal(size=(1500, 2 * n)) + labels * np.sqrt(2) * norm.ppf(area)
    covered = [low <= area <= high for low, high in (auc_interval(labels, row) for row in scores)]
    assert 0.93 <= np.mean(covered) <= 0.97


UNEASY = {
    "normal": lambda rng, area, n: (rng.normal(size=n), rng.normal(np.sqrt(2) * norm.ppf(area), size=n)),
    "anomalies three times as spread": lambda rng, area, n: (
        rng.normal(size=n),
        rng.normal(np.sqrt(10) * norm.ppf(area), 3, size=n),
    ),
    "exponential": lambda rng, area, n: (rng.exponential(size=n), rng.exponential(area / (1 - area), size=n)),
    "partly inaudible": lambda rng, area, n: (
        rng.normal(size=n),
        rng.normal(np.where(rng.random(n) < 2 * area - 1, 99, 0)),
    ),
}


@pytest.mark.parametrize(("area", "n"), [(0.9, 30), (0.98, 100), (0.99, 60)])
@pytest.mark.parametrize("kind", UNEASY)
def test_near_1_and_under_uneasy_laws_the_interval_still_covers(kind, area, n):
    # with limits on the logit scale and DeLong's own variance 0.78 to 0.95 of these hold the truth
    rng, labels = np.random.default_rng(11), np.repeat([0, 1], n)
    covered = []
    for _ in range(600):
        low, high = auc_interval(labels, np.concatenate(UNEASY[kind](rng, area, n)))
        covered.append(low <= area <= high)
    assert np.mean(covered) >= 0.92


def test_variance_is_raised_by_hand():
    # A = 0.9, 10 clips a class: 0.09 (1 + 9 (0.1 / 1.1 + 0.9 / 1.9)) / 100; E = 1, so its weight is 4 / 5
    assumed = 0.09 * (1 + 9 * (0.1 / 1.1 + 0.9 / 1.9)) / 100
    assert raised_variance(0.9, 0.001, 10, 10) == pytest.approx(0.001 + 0.8 * (assumed - 0.001))
    assert raised_variance(0.9, 0.1, 10, 10) == 0.1  # never lowered
    assert raised_variance(0.9, 0.0, 10, 10) == 0.0  # left to the pairs
    assert raised_variance(0.8, 0.0004, 400, 400) == pytest.approx(0.0004, rel=0.01)  # many out of order: DeLong's


def test_limits_are_those_of_so_many_tosses_of_a_coin():
    # 81 heads in 263 tosses: Wilson's limits as printed by Newcombe (1998), table I, method 3
    share = 81 / 263
    assert delong_interval(share, share * (1 - share) / 263, pairs=50) == pytest.approx((0.2553, 0.3662), abs=5e-5)


def test_paired_differences_cover_zero_in_93_to_97_percent():
    rng = np.random.default_rng(6)
    labels = np.repeat([0, 1], 60)
    shared = rng.normal(size=(1500, 1, 120)) + labels
    covered = []
    for scores in shared + 0.7 * rng.normal(size=(1500, 2, 120)):
        aucs, c = delong(labels, scores)
        low, high = difference_interval(aucs[0] - aucs[1], c[0, 0] + c[1, 1] - 2 * c[0, 1])
        covered.append(low <= 0 <= high)
    assert 0.93 <= np.mean(covered) <= 0.97


def test_limits_stay_inside_0_to_1_and_are_longer_towards_one_half():
    low, high = delong_interval(0.98, 0.02**2, pairs=50)
    assert 0.5 < low < 0.98 < high < 1
    assert 0.98 - low > high - 0.98
    assert delong_interval(0.02, 0.02**2, pairs=50) == pytest.approx((1 - high, 1 - low))


def test_perfect_separation_has_the_exact_bound_of_k_pairs():
    labels = [0] * 100 + [1] * 40
    low, high = auc_interval(labels, np.arange(140))
    assert (low, high) == pytest.approx((0.025 ** (1 / 40), 1))
    assert auc_interval(labels, -np.arange(140)) == pytest.approx((0, 1 - 0.025 ** (1 / 40)))


def test_the_bound_at_1_holds_for_the_worst_scores():
    # a share 1 - AUC of the anomalies is quieter than every normal clip: no scores of this AUC look perfect more often
    rng, area, labels = np.random.default_rng(10), 0.925, np.repeat([0, 1], 50)
    missed = 0
    for quiet in rng.random((2000, 50)) > area:
        scores = np.r_[rng.random(50), np.where(quiet, -1.0, 2.0)]
        looks_perfect = scores[50:].min() > scores[:50].max()
        missed += looks_perfect and auc_interval(labels, scores)[0] > area
    assert 0 < missed / 2000 <= 0.03  # 0.925^50 = 0.020 of samples look perfect, and their low limit is 0.929


@pytest.mark.parametrize("scores", [np.zeros(60), np.arange(60.0), -np.arange(60.0)])
def test_no_interval_is_a_point(scores):
    labels = np.repeat([0, 1], 30)
    for low, high in (
        auc_interval(labels, scores),
        stratified_bootstrap_interval(labels, scores, 50, np.random.default_rng(7)),
    ):
        assert low <= auc(labels, scores) <= high
        assert high - low > 0.05
    aucs, covariance = delong(labels, scores)
    assert standard_error(aucs[0], covariance[0, 0], 30, 30) > 0.01


def test_one_clip_of_a_class_gives_nearly_no_information():
    low, high = auc_interval([0, 0, 0, 1], [1, 2, 3, 4])
    assert (low, high) == pytest.approx((0.025, 1))
    with pytest.raises(InputError, match="3 normal and 1 abnormal"):
        delong([0, 0, 0, 1], [1, 2, 3, 4])


def test_bootstrap_agrees_with_delong():
    rng = np.random.default_rng(8)
    labels = np.repeat([0, 1], 150)
    scores = (rng.normal(size=300) + labels).round(1)
    low, high = stratified_bootstrap_interval(labels, scores, 4000, rng)
    expected = auc_interval(labels, scores)
    assert (low, high) == pytest.approx(expected, abs=0.006)
    resamples = bootstrap_aucs(labels, scores, 4000, rng)
    assert resamples.std() == pytest.approx(delong(labels, scores)[1][0, 0] ** 0.5, rel=0.05)


def test_bootstrap_pairs_detectors_and_repeats_with_its_seed():
    rng = np.random.default_rng(9)
    labels, scores = np.repeat([0, 1], 40), rng.normal(size=80)
    both = bootstrap_aucs(labels, [scores, 2 * scores + 1], 200, np.random.default_rng(1))
    assert both.shape == (2, 200)
    np.testing.assert_array_equal(both[0], both[1])
    np.testing.assert_array_equal(both[0], bootstrap_aucs(labels, scores, 200, np.random.default_rng(1)))


def test_equal_resamples_have_the_exact_limits_of_the_level():
    labels, same = np.repeat([0, 1], 10), np.full(200, 1.0)
    assert bootstrap_limits(labels, same, 0.9) == clopper_pearson(1.0, 10, 0.9)
    assert bootstrap_limits(labels, same, 0.9)[0] > bootstrap_limits(labels, same, 0.95)[0]


def test_bootstrap_weights_give_the_auc_of_the_resample():
    class Twice:
        """Draws every clip twice: the AUC is that of the clips themselves."""

        def multinomial(self, n, shares, size):
            return np.full((size, len(shares)), 2.0)

    labels, scores = np.array([0, 0, 0, 1, 1]), np.array([1.0, 2, 3, 2, 4])
    np.testing.assert_allclose(bootstrap_aucs(labels, scores, 3, Twice()), auc(labels, scores))


@pytest.mark.parametrize("level", [0, 1, 95])
def test_levels_outside_0_to_1_are_refused(level):
    with pytest.raises(InputError, match="level"):
        delong_interval(0.7, 0.01, 50, level)
