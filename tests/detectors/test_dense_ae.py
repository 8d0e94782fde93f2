"""The official baseline, compared with a second, simple implementation in numpy."""

import pickle

import numpy as np
import pytest
import torch

from detectors import Clips
from detectors.dense_ae import DenseAutoencoder
from features import InputError, LogMel


def decibels(n_clips: int, n_frames: int, n_bins: int = 64, seed: int = 0) -> Clips:
    """Clips at about -60 dB with a spectral shape of their own and some jitter."""
    rng = np.random.default_rng(seed)
    shape = -60 + 10 * np.random.default_rng(9).normal(size=n_bins)
    frames = [(shape + 3 * rng.normal(size=(n_frames, n_bins))).astype(np.float32) for _ in range(n_clips)]
    return Clips(frames, ["00"] * n_clips)


def plain_score(frames: np.ndarray, weights: list[tuple[np.ndarray, np.ndarray]]) -> float:
    """Frame by frame, as in the paper: stack five, encode, decode, mean squared error, mean over windows."""
    errors = []
    for start in range(len(frames) - 4):
        vector = np.concatenate([frames[start + offset] for offset in range(5)]).astype(np.float64)
        layer = vector
        for position, (matrix, bias) in enumerate(weights):
            layer = matrix @ layer + bias
            if position < len(weights) - 1:
                layer = np.maximum(layer, 0)
        errors.append(np.mean((vector - layer) ** 2))
    return float(np.mean(errors))


def numpy_weights(detector: DenseAutoencoder) -> list[tuple[np.ndarray, np.ndarray]]:
    layers = [layer for layer in detector.network_ if isinstance(layer, torch.nn.Linear)]
    return [(layer.weight.detach().double().numpy(), layer.bias.detach().double().numpy()) for layer in layers]


def test_scores_equal_those_of_a_plain_implementation():
    clips = Clips([*decibels(5, 30).features, *decibels(1, 47, seed=1).features], ["00"] * 6)
    detector = DenseAutoencoder(epochs=3, batch_size=32, device="cpu").fit(clips)
    expected = [plain_score(frames, numpy_weights(detector)) for frames in clips.features]
    np.testing.assert_allclose(detector.score(clips), expected, rtol=1e-5)


def test_defaults_are_the_published_network():
    detector = DenseAutoencoder(epochs=1, device="cpu").fit(decibels(3, 20))
    shapes = [matrix.shape for matrix, _ in numpy_weights(detector)]
    assert shapes == [(64, 320), (64, 64), (8, 64), (64, 8), (64, 64), (320, 64)]
    assert sum(weight.numel() for weight in detector.network_.parameters()) == 50_760
    assert detector.feature == LogMel(n_fft=1024, hop_length=512, n_mels=64, power=2.0)


def test_weights_start_as_glorot_says():
    detector = DenseAutoencoder(epochs=1, learning_rate=1e-12, device="cpu").fit(decibels(2, 20))
    for matrix, bias in numpy_weights(detector):
        limit = np.sqrt(6 / sum(matrix.shape))
        assert 0.95 * limit < np.abs(matrix).max() <= limit * 1.0001
        assert np.abs(bias).max() < 1e-6


def test_history_has_one_row_per_epoch_fifty_by_default():
    detector = DenseAutoencoder(device="cpu").fit(decibels(2, 20))
    assert [row["epoch"] for row in detector.history_] == list(range(1, 51))
    assert detector.history_[-1]["train_error"] < detector.history_[0]["train_error"]


def test_the_last_tenth_of_the_windows_is_not_learnt_from():
    clips = decibels(1, 104)  # 100 windows: the first 90 end at frame 94
    changed = clips.features[0].copy()
    changed[94:] += 20
    first, second = (
        DenseAutoencoder(epochs=2, device="cpu").fit(Clips([f], ["00"])) for f in (clips.features[0], changed)
    )
    assert [r["train_error"] for r in first.history_] == [r["train_error"] for r in second.history_]
    assert first.history_[0]["validation_error"] != second.history_[0]["validation_error"]


def test_it_can_overfit_one_clip_and_reaches_its_whole_range():
    clip = decibels(1, 12, n_bins=8).features[0] + 60  # both signs, which an output with a ReLU could not reach
    one = Clips([clip], ["00"])
    detector = DenseAutoencoder(latent=32, epochs=1000, validation_fraction=0.0, device="cpu").fit(one)
    assert detector.score(one)[0] < 1e-3 * clip.var()
    windows = torch.from_numpy(clip).unfold(0, 5, 1).transpose(1, 2).flatten(1)
    output = detector.network_(windows)
    assert output.min() < 0.95 * clip.min() < 0
    assert output.max() > 0.95 * clip.max() > 0


def test_louder_noise_scores_higher():
    train, test = decibels(6, 30), decibels(4, 30, seed=5)
    detector = DenseAutoencoder(epochs=20, batch_size=32, device="cpu").fit(train)
    louder = Clips([frames + 20 * (np.arange(64) == 30) for frames in test.features], test.units)
    assert detector.score(louder).min() > detector.score(test).max()


def test_mahalanobis_scoring_equals_its_formula():
    clips = decibels(4, 30, n_bins=6)
    detector = DenseAutoencoder(scoring="mahalanobis", epochs=2, device="cpu").fit(clips)
    residuals = []
    for frames in clips.features:
        windows = np.stack([frames[start : start + 5].ravel() for start in range(26)])
        output = detector.network_(torch.from_numpy(windows)).detach().numpy()
        residuals.append((output - windows).reshape(-1, 6).astype(np.float64))
    everything = np.concatenate(residuals)
    inverse = np.linalg.inv(everything.T @ everything / len(everything))
    expected = [np.mean([row @ inverse @ row for row in rows]) for rows in residuals]
    np.testing.assert_allclose(detector.score(clips), expected, rtol=1e-3)
    assert detector.score(clips).mean() == pytest.approx(6, rel=1e-3), (
        "the mean length over the training frames is n_bins"
    )


def test_mahalanobis_survives_perfect_reconstruction():
    silence = Clips([np.zeros((20, 4), np.float32)] * 3, ["00"] * 3)
    assert (
        DenseAutoencoder(scoring="mahalanobis", epochs=1, device="cpu").fit(silence).score(silence).tolist() == [0] * 3
    )


def test_a_fitted_detector_pickles_and_scores_clips_of_other_lengths_alone_as_together():
    detector = DenseAutoencoder(epochs=2, device="cpu").fit(decibels(3, 20))
    clips = Clips([*decibels(2, 5, seed=2).features, *decibels(2, 40, seed=3).features], ["00"] * 4)
    alone = [pickle.loads(pickle.dumps(detector)).score(clips.take([i]))[0] for i in range(4)]
    assert detector.score(clips).tolist() == alone


def test_the_seed_decides_the_scores():
    clips = decibels(3, 20)
    first, again, other = (DenseAutoencoder(epochs=2, seed=s, device="cpu").fit(clips).score(clips) for s in (4, 4, 5))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_what_cannot_be_used_is_refused():
    detector = DenseAutoencoder(epochs=1, device="cpu").fit(decibels(3, 20))
    with pytest.raises(InputError, match="4 frames, at least 5 needed"):
        detector.score(decibels(1, 4))
    with pytest.raises(InputError, match="32 bins, expected 64"):
        detector.score(decibels(1, 20, n_bins=32))
    with pytest.raises(InputError, match="windows of 5 frames to learn from"):
        DenseAutoencoder(device="cpu").fit(decibels(1, 6))
    with pytest.raises(InputError, match="choose scoring=mse or scoring=mahalanobis"):
        DenseAutoencoder(scoring="mae")
    with pytest.raises(Exception, match="fit"):
        DenseAutoencoder().score(decibels(1, 20))
