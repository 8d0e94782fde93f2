"""Detectors without gradient training, against numbers calculated by hand and against scikit-learn."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.covariance import LedoitWolf

from detectors import Clips
from detectors.contract.detector import sampled_frames
from detectors.gmm import TimeWeightedMixture
from detectors.iforest import IsolationForest
from detectors.knn import LocalNeighbours, NearestNeighbours
from detectors.loudness import Loudness
from detectors.mahalanobis import Mahalanobis
from detectors.ocsvm import OneClassSvm
from detectors.random import Random
from features import Feature, InputError, Level, LogMel

SAMPLE_RATE = 16_000
POOLED = [NearestNeighbours(), LocalNeighbours(), Mahalanobis(), OneClassSvm(), IsolationForest()]


def clips(*values: object) -> Clips:
    """One clip per value, each a table of one row."""
    tables = [np.atleast_2d(np.asarray(value, dtype=np.float32)) for value in values]
    return Clips(tables, ["00"] * len(tables))


def gaussian_clips(n_clips: int, n_bins: int, seed: int = 0) -> Clips:
    rng = np.random.default_rng(seed)
    mixing = rng.standard_normal((n_bins, n_bins))
    return clips(*(rng.standard_normal((n_clips, n_bins)) @ mixing))


def sine(n_samples: int = SAMPLE_RATE, frequency: float = 1000.0) -> np.ndarray:
    return np.sin(2 * np.pi * frequency * np.arange(n_samples) / SAMPLE_RATE).astype(np.float32)


def clips_of(feature: Feature, *waveforms: np.ndarray) -> Clips:
    return Clips([feature(waveform, SAMPLE_RATE) for waveform in waveforms], ["00"] * len(waveforms))


def test_loudness_is_the_level_in_db() -> None:
    detector = Loudness()
    sounds = clips_of(detector.feature, sine(), 0.1 * sine(), np.full(100, 0.5, dtype=np.float32))
    assert detector.fit(sounds).score(sounds) == pytest.approx([-3.01, -23.01, -6.02], abs=0.01)


def test_random_is_uniform_and_belongs_to_clip_and_seed() -> None:
    sounds = clips(*range(2000))
    draws = Random().fit(sounds).score(sounds)
    assert draws.min() >= 0
    assert draws.max() < 1
    assert np.histogram(draws, bins=4, range=(0, 1))[0] == pytest.approx(500, abs=80)
    assert np.array_equal(draws[::-1], Random().score(sounds.take(range(1999, -1, -1))))
    assert abs(np.corrcoef(draws, Random(seed=1).score(sounds))[0, 1]) < 0.1


def test_knn_by_hand() -> None:
    """Training clips at -2, 0, 2 have deviation sqrt(8/3); a clip at 3 is 1, 3 and 5 away from them."""
    deviation = np.sqrt(8 / 3)
    for k, expected in ((1, 1.0), (2, 2.0), (3, 3.0), (5, 3.0)):
        detector = NearestNeighbours(k=k).fit(clips(-2, 0, 2))
        assert detector.score(clips(3)) == pytest.approx(expected / deviation, rel=1e-6)


def test_knn_whitened_is_the_mahalanobis_distance_between_clips() -> None:
    normal, test = gaussian_clips(60, 4), gaussian_clips(5, 4, seed=1)
    whitened = NearestNeighbours(k=1, whiten=True).fit(normal).score(test)
    reference = Mahalanobis().fit(normal)
    scaled = [reference.scaler_.transform(np.concatenate(part.features)) for part in (normal, test)]
    precision = reference.covariance_.precision_
    expected = [min(np.sqrt((x - z) @ precision @ (x - z)) for z in scaled[0]) for x in scaled[1]]
    assert whitened == pytest.approx(expected, rel=1e-6)


def test_knn_density_by_hand() -> None:
    """The nearest neighbours of 0, 1 and 2 are 1 away, those of 10 and 14 are 4; 8 is 2 from 10, half its radius."""
    detector = NearestNeighbours(k=1, density=1).fit(clips(0, 1, 2, 10, 14))
    assert detector.score(clips(8, 1, 3)) == pytest.approx([2 / 4, 0, 1], rel=1e-6)
    assert NearestNeighbours(k=2, density=1).fit(clips(0, 1, 2, 10, 14)).score(clips(3)) == pytest.approx(
        (1 + 7 / 4) / 2
    )


def test_knn_local_survives_duplicates_and_refuses_a_single_clip() -> None:
    detector = LocalNeighbours().fit(clips(*[1] * 6, 5, 6, 7))
    assert np.isfinite(detector.score(clips(1, 1.5, 6))).all()
    with pytest.raises(InputError, match="density=4 needs 2 training clips or more, found 1"):
        LocalNeighbours().fit(clips(1))


@pytest.mark.parametrize(
    "detector",
    [IsolationForest(frames=100, feature=LogMel()), OneClassSvm(frames=100, feature=LogMel())],
    ids=["iforest", "ocsvm"],
)
def test_frames_score_is_the_mean_over_frames(detector) -> None:
    rng = np.random.default_rng(0)
    normal = Clips([rng.standard_normal((n_frames, 3)) for n_frames in (40, 50, 7)], ["00"] * 3)
    detector.fit(normal)
    frames = [clips(frame) for frame in normal.features[2]]
    single = np.concatenate([detector.score(frame) for frame in frames])
    assert detector.score(normal)[2] == pytest.approx(single.mean(), rel=1e-4)


@pytest.mark.parametrize("detector", [IsolationForest, OneClassSvm])
def test_frames_of_a_pooled_feature_are_refused(detector) -> None:
    with pytest.raises(InputError, match=r"frames=100\]: choose a feature that has frames"):
        detector(frames=100)


def test_sampled_frames_are_distinct_bounded_and_seeded() -> None:
    table = np.arange(60.0).reshape(60, 1)
    sample = sampled_frames(Clips([table[:10], table[10:]], ["00", "00"]), at_most=30, seed=0)
    assert len(sample) == len(np.unique(sample)) == 10 + 15
    again = sampled_frames(Clips([table[:10], table[10:]], ["00", "00"]), at_most=30, seed=0)
    other = sampled_frames(Clips([table[:10], table[10:]], ["00", "00"]), at_most=30, seed=1)
    assert np.array_equal(sample, again)
    assert not np.array_equal(sample, other)


def test_mahalanobis_matches_scikit_learn() -> None:
    """The training clips already have mean 0 and deviation 1 in each bin, so standardising changes nothing."""
    table = np.stack([frames.ravel() for frames in gaussian_clips(50, 4).features]).astype(np.float64)
    table = (table - table.mean(axis=0)) / table.std(axis=0)
    scores = Mahalanobis().fit(clips(*table)).score(clips(*table))
    assert scores == pytest.approx(np.sqrt(LedoitWolf().fit(table).mahalanobis(table)), rel=1e-5)


def test_mahalanobis_of_known_covariance() -> None:
    """Two bins with correlation .9: along the ridge (1, 1) is sqrt(2 / 1.9) away, across it (1, -1) is sqrt(2 / .1)."""
    rng = np.random.default_rng(0)
    normal = rng.multivariate_normal([0, 0], [[1, 0.9], [0.9, 1]], size=20_000)
    scores = Mahalanobis().fit(clips(*normal)).score(clips([1, 1], [1, -1], [0, 0]))
    assert scores == pytest.approx([np.sqrt(2 / 1.9), np.sqrt(2 / 0.1), 0], abs=0.06)


def test_isolation_forest_scores_an_outlier_above_one_half() -> None:
    normal = gaussian_clips(300, 3)
    detector = IsolationForest().fit(normal)
    outlier, usual = detector.score(clips([30, 30, 30])), detector.score(normal)
    assert 0.6 < outlier[0] < 1
    assert usual.mean() == pytest.approx(0.45, abs=0.06)


def test_one_class_svm_leaves_out_at_most_nu() -> None:
    normal = gaussian_clips(300, 3)
    for nu in (0.05, 0.3):
        outside = np.mean(OneClassSvm(nu=nu).fit(normal).score(normal) > 1e-6)
        assert nu - 0.03 < outside < nu + 0.01


@pytest.mark.parametrize("detector", POOLED, ids=lambda detector: type(detector).__name__)
def test_bins_that_never_change_do_no_harm(detector) -> None:
    rng = np.random.default_rng(0)
    normal = clips(*[[value, -156.5, -156.5] for value in rng.standard_normal(30)])
    scores = detector.fit(normal).score(clips([0, -156.5, -156.5], [9, -156.5, -156.5], [0, -100, -156.5]))
    assert np.isfinite(scores).all()
    assert scores[1] > scores[0]


@pytest.mark.parametrize("detector", POOLED, ids=lambda detector: type(detector).__name__)
def test_clips_of_different_size_are_refused(detector) -> None:
    with pytest.raises(ValueError, match="PooledLogMel"):
        detector.fit(Clips([np.zeros((3, 2)), np.zeros((4, 2))], ["00", "00"]))


def two_pools(n_clips: int, seed: int = 0) -> Clips:
    """Row 0: bins that follow each other closely. Row 1: independent bins. Both have deviation 1."""
    rng = np.random.default_rng(seed)
    together = rng.standard_normal((n_clips, 1)) + 0.05 * rng.standard_normal((n_clips, 3))
    return clips(*np.stack([together, rng.standard_normal((n_clips, 3))], axis=1))


def test_mixture_of_one_component_is_the_gaussian_of_the_training_clips() -> None:
    normal, other = two_pools(200), two_pools(10, seed=1)
    detector = TimeWeightedMixture(components=1, regularisation=1e-6).fit(normal)
    expected = np.zeros(10)
    for pool in (0, 1):
        table, values = (np.stack([frames[pool] for frames in part.features]) for part in (normal, other))
        covariance = np.cov(table.T, bias=True) + 1e-6 * np.eye(3)
        expected -= multivariate_normal(table.mean(axis=0), covariance).logpdf(values) / 2
    assert detector.score(other) == pytest.approx(expected, rel=1e-6)


def test_mixture_ignores_the_weights_of_its_components() -> None:
    """Two clusters of the same shape, one with three times as many clips: both centres have the same score."""
    cloud = np.random.default_rng(0).standard_normal((100, 1))
    normal = clips(*(cloud - 50), *(cloud - 50), *(cloud - 50), *(cloud + 50))
    detector = TimeWeightedMixture(components=2).fit(normal)
    centres = cloud.mean() + np.array([-50, 50])
    rare, frequent = detector.score(clips(*centres))
    assert rare == pytest.approx(frequent, rel=1e-4)
    assert rare == pytest.approx(np.log(cloud.std() * np.sqrt(2 * np.pi)), rel=1e-3)


def test_held_out_keeps_the_pool_that_normal_clips_can_be_predicted_in() -> None:
    detector = TimeWeightedMixture(components=1, pools="held_out").fit(two_pools(200))
    assert detector.chosen_ == [0]
    louder = Clips([10 * frames[::-1] for frames in two_pools(200).features], ["00"] * 200)
    assert TimeWeightedMixture(components=1, pools="held_out").fit(louder).chosen_ == [1]


def test_level_refuses_an_empty_clip() -> None:
    with pytest.raises(ValueError, match="at least 1 sample"):
        Level()(np.zeros(0, dtype=np.float32), SAMPLE_RATE)
