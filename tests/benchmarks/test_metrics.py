"""Metrics: hand-worked numbers, the direction of scores, and errors that say what was found."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from benchmarks.metrics import METRICS, auc, average_precision, pauc
from features import InputError

# normal 1, 2, 3; abnormal 2, 4: of the six pairs four and a half are in order (2 ties with 2)
LABELS, SCORES = [0, 0, 0, 1, 1], [1.0, 2.0, 3.0, 2.0, 4.0]


def test_auc_counts_ties_one_half():
    assert auc(LABELS, SCORES) == pytest.approx(4.5 / 6)


def test_average_precision_by_hand():
    # 4: precision 1 at recall 1/2; 3: none; 2 (a tie of both): precision 2/4 at recall 1
    assert average_precision(LABELS, SCORES) == pytest.approx(0.5 * 1 + 0.5 * 0.5)


def test_pauc_by_hand():
    # 10 normals; one anomaly above all, one above nine: the ROC is 1/2 up to a rate of 0.1
    labels = [0] * 10 + [1, 1]
    scores = [*range(10), 8.5, 20]
    raw, p = 0.5 * 0.1, 0.1
    assert pauc(labels, scores) == pytest.approx(0.5 * (1 + (raw - p**2 / 2) / (p - p**2 / 2)))


def test_pauc_over_all_rates_is_auc():
    assert pauc(LABELS, SCORES, max_fpr=1) == pytest.approx(auc(LABELS, SCORES))


@pytest.mark.parametrize("name", METRICS)
def test_perfect_scores_give_one(name):
    assert METRICS[name]([0, 0, 1, 1], [1, 2, 3, 4]) == pytest.approx(1)


def test_equal_scores_give_chance():
    labels = [0] * 30 + [1] * 10
    scores = np.ones(40)
    assert auc(labels, scores) == 0.5
    assert pauc(labels, scores) == pytest.approx(0.5)
    assert average_precision(labels, scores) == pytest.approx(0.25)


def test_scores_are_never_flipped():
    assert auc([0, 0, 1, 1], [4, 3, 2, 1]) == 0
    assert pauc([0, 0, 1, 1], [4, 3, 2, 1]) < 0.5


@pytest.mark.parametrize("name", METRICS)
def test_a_monotone_map_changes_nothing(name):
    rng = np.random.default_rng(1)
    labels, scores = rng.integers(0, 2, 200), rng.normal(size=200).round(1)
    assert METRICS[name](labels, np.exp(scores)) == pytest.approx(METRICS[name](labels, scores))


def test_auc_of_swapped_classes_is_its_complement():
    rng = np.random.default_rng(2)
    labels, scores = rng.integers(0, 2, 100), rng.integers(0, 9, 100)
    assert auc(1 - labels, scores) == pytest.approx(1 - auc(labels, scores))
    assert auc(labels, scores) == pytest.approx(roc_auc_score(labels, scores))


@pytest.mark.parametrize(
    ("labels", "scores", "message"),
    [
        ([0, 0], [1, 2], "2 normal and 0 abnormal"),
        ([1, 1, 1], [1, 2, 3], "0 normal and 3 abnormal"),
        ([0, 1], [1, np.nan], "1 scores are not finite, the first nan at clip 1"),
        ([0, 1, 1], [1, np.inf, 2], "the first inf at clip 1"),
        ([0, 1], [1, 2, 3], r"labels \(2,\) but scores \(3,\)"),
        ([0, 2], [1, 2], r"labels hold \[2\]"),
        ([], [], "no clips"),
    ],
)
@pytest.mark.parametrize("name", METRICS)
def test_bad_input_is_named(name, labels, scores, message):
    with pytest.raises(InputError, match=message):
        METRICS[name](labels, scores)


@pytest.mark.parametrize("max_fpr", [0, -0.1, 1.1])
def test_pauc_refuses_rates_outside_0_to_1(max_fpr):
    with pytest.raises(InputError, match="max_fpr"):
        pauc(LABELS, SCORES, max_fpr)
