"""The autoencoders beside the baseline: sizes against their sources, scores against plain formulas."""

import math

import numpy as np
import pytest
import torch
from torch.distributions import Independent, Normal, kl_divergence

from detectors import Clips
from detectors.dcase_ae import DcaseAutoencoder
from detectors.idnn import InterpolationNetwork
from detectors.vae import VariationalAutoencoder
from features import InputError, LogMel


def decibels(n_clips: int, n_frames: int, n_bins: int = 16, seed: int = 0) -> Clips:
    """Clips at about -60 dB with a spectral shape of their own and some jitter."""
    rng = np.random.default_rng(seed)
    shape = -60 + 10 * np.random.default_rng(9).normal(size=n_bins)
    frames = [(shape + 3 * rng.normal(size=(n_frames, n_bins))).astype(np.float32) for _ in range(n_clips)]
    return Clips(frames, ["00"] * n_clips)


def n_weights(network: torch.nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


def stack(frames: np.ndarray) -> torch.Tensor:
    """All windows of five frames."""
    return torch.stack([torch.from_numpy(frames[start : start + 5]).flatten() for start in range(len(frames) - 4)])


# dcase_ae


def test_dcase_network_is_that_of_the_2020_baseline():
    detector = DcaseAutoencoder(epochs=1, device="cpu").fit(decibels(2, 20, n_bins=128))
    moving = [buffer for name, buffer in detector.network_.named_buffers() if "running" in name]
    assert n_weights(detector.network_) + sum(buffer.numel() for buffer in moving) == 269_992
    widths = [layer.out_features for layer in detector.network_ if isinstance(layer, torch.nn.Linear)]
    assert widths == [128, 128, 128, 128, 8, 128, 128, 128, 128, 640]
    assert isinstance(detector.network_[-1], torch.nn.Linear), "a target in dB needs a linear output"
    assert detector.feature == LogMel(n_mels=128)


def test_dcase_scores_equal_the_mean_squared_error_in_evaluation_mode():
    clips = decibels(3, 20)
    detector = DcaseAutoencoder(epochs=2, device="cpu").fit(clips)
    network = detector.network_.eval()
    expected = [(network(stack(frames)) - stack(frames)).square().mean().item() for frames in clips.features]
    np.testing.assert_allclose(detector.score(clips), expected, rtol=1e-5)


# idnn


def test_idnn_sees_four_frames_and_predicts_the_middle_one():
    clips = decibels(3, 20)
    detector = InterpolationNetwork(epochs=2, device="cpu").fit(clips)
    layers = [layer for layer in detector.network_ if isinstance(layer, torch.nn.Linear)]
    assert [layer.out_features for layer in layers] == [64, 32, 16, 32, 64, 16]
    expected = []
    for frames in clips.features:
        errors = []
        for middle in range(2, 18):
            neighbours = np.concatenate([frames[middle + offset] for offset in (-2, -1, 1, 2)])
            guess = detector.network_(torch.from_numpy(neighbours)).detach().numpy()
            errors.append(np.mean((guess - frames[middle]) ** 2))
        expected.append(np.mean(errors))
    np.testing.assert_allclose(detector.score(clips), expected, rtol=1e-5)


def test_idnn_learns_what_follows_from_the_neighbours():
    """Clips of five frames of white noise, except for the middle one, which is the mean of its neighbours."""
    noise = np.random.default_rng(0).normal(size=(60, 5, 4)).astype(np.float32)
    noise[:, 2] = (noise[:, 1] + noise[:, 3]) / 2
    learnt, broken = noise.copy(), noise.copy()
    broken[:, 2] += 3
    detector = InterpolationNetwork(epochs=400, validation_fraction=0.0, device="cpu")
    detector.fit(Clips(list(learnt), ["00"] * 60))
    assert detector.score(Clips(list(learnt), ["00"] * 60)).mean() < 0.1 * learnt[:, 2].var()
    assert detector.score(Clips(list(broken), ["00"] * 60)).min() > 3


@pytest.mark.parametrize("network", [DcaseAutoencoder, InterpolationNetwork])
def test_network_can_overfit_one_clip_and_reaches_its_whole_range(network):
    clip = decibels(1, 48, n_bins=8).features[0] + 60  # both signs, which an output with a ReLU could not reach
    detector = network(
        hidden=(128, 128), latent=64, epochs=400, learning_rate=3e-3, validation_fraction=0.0, device="cpu"
    ).fit(Clips([clip], ["00"]))
    assert detector.score(Clips([clip], ["00"]))[0] < 1e-2 * clip.var()
    windows = torch.from_numpy(clip).unfold(0, 5, 1).transpose(1, 2).flatten(1)
    with torch.inference_mode():
        residual = detector._residual(detector.network_.eval(), windows)
    target = windows if network is DcaseAutoencoder else torch.from_numpy(clip[2:-2])
    rebuilt = residual + target
    assert rebuilt.min() < 0.95 * target.min() < 0
    assert rebuilt.max() > 0.95 * target.max() > 0


def test_idnn_needs_a_middle():
    for frames in (1, 4):
        with pytest.raises(InputError, match=rf"frames={frames}\]: frames is (odd|at least 3)"):
            InterpolationNetwork(frames=frames)


# vae


def vae(**options: object) -> VariationalAutoencoder:
    settings = {"frames": 1, "hidden": (16,), "latent": 1, "epochs": 60, "batch_size": 64, "learning_rate": 1e-2}
    return VariationalAutoencoder(**settings | options, device="cpu").fit(decibels(4, 40, n_bins=3))


def test_vae_terms_equal_those_of_torch_distributions():
    network = vae(latent=2).network_
    x = torch.from_numpy(decibels(1, 6, n_bins=3, seed=4).features[0])
    noise = torch.randn(5, 6, 2, generator=torch.Generator().manual_seed(0))
    rebuilding, divergence = network(x, noise)

    standardised = (x - network.mean) / network.scale
    mean, log_variance = network.encoder(standardised).chunk(2, dim=-1)
    posterior = Independent(Normal(mean, (log_variance / 2).exp()), 1)
    prior = Independent(Normal(torch.zeros(6, 2), torch.ones(6, 2)), 1)
    torch.testing.assert_close(divergence, kl_divergence(posterior, prior))
    z = mean + noise * (log_variance / 2).exp()
    x_mean, x_log_variance = network.decoder(z).chunk(2, dim=-1)
    likelihood = Independent(Normal(x_mean, (x_log_variance / 2).exp()), 1)
    torch.testing.assert_close(rebuilding, -likelihood.log_prob(standardised), rtol=1e-4, atol=1e-4)


def test_vae_bound_lies_above_the_true_surprise_and_near_it():
    """With one latent number, -log p(x) can be integrated on a grid."""
    detector = vae(n_draws=2000)
    clip = decibels(1, 1, n_bins=3, seed=5)
    z = torch.linspace(-8, 8, 4001)[:, None]
    network = detector.network_
    standardised = (torch.from_numpy(clip.features[0]) - network.mean) / network.scale
    mean, log_variance = network.decoder(z).chunk(2, dim=-1)
    log_joint = Normal(mean, (log_variance / 2).exp()).log_prob(standardised).sum(dim=1) + Normal(0, 1).log_prob(
        z[:, 0]
    )
    surprise = -(torch.logsumexp(log_joint, 0) + math.log(16 / 4000)).item()
    bound = detector.score(clip)[0]
    assert surprise - 0.02 < bound < surprise + 1.0


def test_vae_scorings_add_up_and_the_unseen_surprises():
    train, test = decibels(4, 40, n_bins=3), decibels(2, 20, n_bins=3, seed=6)
    louder = Clips([frames + 30 for frames in test.features], test.units)
    scores = {}
    for scoring in ("neg_elbo", "reconstruction_probability", "kl"):
        detector = VariationalAutoencoder(scoring=scoring, epochs=30, batch_size=32, device="cpu").fit(train)
        scores[scoring] = detector.score(test)
        assert detector.score(louder).min() > scores[scoring].max()
    np.testing.assert_allclose(scores["neg_elbo"], scores["reconstruction_probability"] + scores["kl"], rtol=1e-9)


def test_vae_standardises_by_the_training_frames_with_a_floor():
    frames = np.array([[-60.0, -100.0], [-50.0, -100.0], [-40.0, -100.0]], np.float32)
    network = VariationalAutoencoder(frames=2, epochs=1, device="cpu").fit(Clips([frames] * 3, ["00"] * 3)).network_
    assert network.mean.tolist() == [-50, -100, -50, -100]
    np.testing.assert_allclose(network.scale, [math.sqrt(200 / 3), 0.1] * 2, rtol=1e-6)


def test_vae_scores_a_clip_alone_as_in_a_batch_with_the_draws_of_its_seed():
    detector, clips = vae(epochs=1), decibels(3, 9, n_bins=3, seed=7)
    together = detector.score(clips)
    assert [detector.score(clips.take([i]))[0] for i in range(3)] == together.tolist()
    assert not np.array_equal(vae(epochs=1, seed=1).score(clips), together)


def test_vae_can_overfit_one_clip():
    clip = decibels(1, 8)
    detector = VariationalAutoencoder(
        hidden=(64,), epochs=600, learning_rate=3e-3, validation_fraction=0.0, device="cpu"
    )
    history = detector.fit(clip).history_
    assert history[-1]["train_error"] < 0, "nats of a density: below 0 it is far narrower than standardised frames are"
    network, x = detector.network_.eval(), torch.from_numpy(clip.features[0]).unfold(0, 5, 1).transpose(1, 2).flatten(1)
    x = (x - network.mean) / network.scale
    with torch.inference_mode():
        x_mean = network.decoder(network.encoder(x)[:, :8]).chunk(2, dim=1)[0]
    assert x_mean.min() < 0.8 * x.min() < 0
    assert x_mean.max() > 0.8 * x.max() > 0
    with pytest.raises(InputError, match=r"scoring=mse\]: choose scoring=neg_elbo, "):
        VariationalAutoencoder(scoring="mse")
