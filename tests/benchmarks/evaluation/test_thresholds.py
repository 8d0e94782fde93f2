"""Thresholds: values worked by hand, fits on many distributions, and the conformal bound in simulation."""

from math import inf

import numpy as np
import pytest
from scipy.stats import gamma

from benchmarks.evaluation.operating_points import operating_point
from benchmarks.evaluation.thresholds import (
    clips_needed,
    conformal,
    conformal_interval,
    gamma_quantile,
    mean_and_deviations,
    oracle,
    recall_threshold,
)
from features import InputError


def test_the_oracle_is_the_best_of_all_thresholds():
    rng = np.random.default_rng(0)
    for _ in range(50):
        labels = np.repeat([0, 1], rng.integers(1, 20, size=2))
        scores = rng.integers(0, 12, size=len(labels)).astype(float)
        best = max(operating_point(labels, scores, t).balanced_accuracy for t in np.arange(-1.5, 13))
        assert operating_point(labels, scores, oracle(labels, scores)).balanced_accuracy == pytest.approx(best)


def test_mean_and_deviations_by_hand():
    assert mean_and_deviations(np.array([1.0, 3.0]), 2) == 4


def test_gamma_quantile_finds_the_quantile_of_its_distribution():
    scores = gamma(3, loc=10, scale=2).rvs(4000, random_state=1)
    assert gamma_quantile(scores) == pytest.approx(gamma(3, loc=10, scale=2).ppf(0.9), rel=0.01)
    assert gamma_quantile(1e6 + 1e-3 * scores) == pytest.approx(1e6 + 1e-3 * gamma_quantile(scores), abs=1e-6)
    assert gamma_quantile(np.full(9, 4.0)) == 4


@pytest.mark.parametrize("seed", range(5))
def test_gamma_quantile_is_sane_on_skewed_and_heavy_tailed_scores(seed):
    rng = np.random.default_rng(seed)
    for values in (rng.normal(size=60), rng.uniform(size=90), rng.lognormal(size=300), rng.lognormal(0, 2, size=300)):
        assert 0.75 <= np.mean(values <= gamma_quantile(values)) <= 1


def test_a_gamma_distribution_that_does_not_fit_is_refused():
    # of two values every threshold has 0, 70 or 100 % at or below it: none is near a half
    with pytest.raises(InputError, match="no gamma distribution fits these 100 scores"):
        gamma_quantile(np.repeat([0.0, 1.0], [70, 30]), share=0.5)


@pytest.mark.parametrize(
    ("alpha", "expected"),
    [(0.05, 19), (0.1, 18), (0.5, 10), (0.04, inf)],  # 19 clips: the 19th, 18th, 10th of them; 0.04 would take 24
)
def test_conformal_threshold_by_hand(alpha, expected):
    assert conformal(np.random.default_rng(2).permutation(np.arange(1.0, 20)), alpha) == expected


@pytest.mark.parametrize(
    ("alpha", "n", "draw"),
    [
        (0.05, 60, lambda rng, size: rng.normal(size=size)),
        (0.1, 39, lambda rng, size: rng.standard_cauchy(size=size)),
        (0.2, 30, lambda rng, size: rng.integers(0, 5, size=size).astype(float)),  # many ties: still a bound
    ],
)
def test_the_conformal_bound_holds_over_1000_splits(alpha, n, draw):
    # one pool of normal clips, split 1000 times: the mean rate of false alarms stays below alpha
    rng = np.random.default_rng(3)
    rates = []
    for _ in range(1000):
        pool = draw(rng, n + 300)
        rates.append(np.mean(pool[n:] > conformal(pool[:n], alpha)))
    error = np.std(rates) / np.sqrt(1000)
    assert np.mean(rates) <= alpha + 2 * error
    if len(set(pool)) == len(pool):  # and without ties it is used up to 1 / (n + 1)
        assert np.mean(rates) >= alpha - 1 / (n + 1) - 2 * error
        assert np.mean(np.array(rates) > conformal_interval(n, alpha, 0.9)[1]) == pytest.approx(0.05, abs=0.04)


def test_thresholds_from_memorised_training_clips_alarm_too_often():
    # scores of training clips are lower than those of new normal clips: 5 % becomes far more
    rng = np.random.default_rng(4)
    train, new = rng.normal(-1, 1, 500), rng.normal(0, 1, 500)
    assert np.mean(new > np.quantile(train, 0.95)) > 0.2
    assert np.mean(new > conformal(rng.normal(0, 1, 500), 0.05)) < 0.09


def test_the_rate_of_one_threshold_is_zero_where_it_is_infinite():
    assert conformal_interval(10, 0.05) == (0, 0)
    low, high = conformal_interval(19, 0.05)
    assert 0 < low < 0.05 < high


@pytest.mark.parametrize("alpha", [0.5, 0.1, 0.05, 0.01, 0.003, 1 / 8640])
def test_the_clips_needed_are_the_fewest_that_give_a_finite_threshold(alpha):
    n = clips_needed(alpha)
    assert np.isfinite(conformal(np.arange(float(n)), alpha))
    assert conformal(np.arange(float(n - 1)), alpha) == inf


@pytest.mark.parametrize("alpha", [0, 1, -0.1, 5])
def test_conformal_refuses_rates_that_are_none(alpha):
    with pytest.raises(InputError, match="alpha"):
        conformal(np.arange(9.0), alpha)


@pytest.mark.parametrize(("recall", "expected_alarms"), [(0.5, 5), (0.95, 10), (0.9, 9), (0.01, 1)])
def test_a_recall_threshold_catches_the_share_and_no_more(recall, expected_alarms):
    abnormal = np.arange(10.0)
    assert np.sum(abnormal > recall_threshold(abnormal, recall)) == expected_alarms
