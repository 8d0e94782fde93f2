"""The convolutional autoencoder of spectrograms: layers, padding, pieces, stopping, penalties."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from detectors import Clips, conv2d_ae
from detectors.conv2d_ae import SpectrogramAutoencoder
from detectors.networks.training import seeded
from features import InputError, LogMel


def n_weights(network: nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


def spectrograms(*lengths: int, seed: int = 0, n_bins: int = 16) -> Clips:
    rng = np.random.default_rng(seed)
    shape = -60 + 10 * np.random.default_rng(9).normal(size=n_bins)
    frames = [(shape + 2 * rng.normal(size=(length, n_bins))).astype(np.float32) for length in lengths]
    return Clips(frames, ["00"] * len(lengths))


def test_spectrogram_network_has_the_layers_of_the_article():
    network = conv2d_ae.conv_network(320, 128)
    convolutions = [layer for layer in network if isinstance(layer, nn.Conv2d)]
    maps = [layer.out_channels for layer in convolutions]
    dense = [layer.out_features for layer in network.modules() if isinstance(layer, nn.Linear)]
    assert maps == [8, 8, 4, 4, 2, 2, 2, 2, 4, 4, 8, 8, 1]
    assert dense == [600, 100, 10, 100, 600, 1280]
    assert n_weights(network) == 1_216 + 1_660_690 + 1_253
    assert network[-1] is convolutions[-1], "a standardised target needs a linear output"
    assert network.to("meta")(torch.zeros(1, 1, 320, 128, device="meta")).shape == (1, 1, 320, 128)


def test_spectrogram_network_of_eight_channels_is_that_of_the_article():
    """Its input: 128 bands, 314 frames (here 320, a multiple of 8), 8 channels."""
    network = conv2d_ae.conv_network(320, 8 * 128, channels=8)
    first, last = network[0], network[-1]
    assert (first.in_channels, last.out_channels) == (8, 8)
    one, eight = (9 * 8 + 8, 9 * 8 + 1), (9 * 8 * 8 + 8, 9 * 8 * 8 + 8)  # weights of the first and last convolution
    assert (n_weights(first), n_weights(last)) == eight
    assert n_weights(network) == n_weights(conv2d_ae.conv_network(320, 128)) + sum(eight) - sum(one)
    assert network.to("meta")(torch.zeros(1, 8, 320, 128, device="meta")).shape == (1, 8, 320, 128)


def test_spectrogram_defaults_are_the_published_training():
    detector = SpectrogramAutoencoder()
    assert (detector.epochs, detector.patience, detector.batch_size) == (200, 10, 8)
    assert detector.feature == LogMel(n_fft=2048, hop_length=512, n_mels=128)


def plain_error(detector: SpectrogramAutoencoder, table: np.ndarray) -> float:
    """Mean squared error over the frames of a standardised table, padded with zeros for the network."""
    padded = np.zeros(detector.shape_, np.float32)
    padded[: len(table)] = table
    with torch.no_grad():
        rebuilt = detector.network_.eval()(torch.from_numpy(padded)[None, None])[0, 0].numpy()
    return float(np.mean((rebuilt[: len(table)] - table) ** 2))


def test_spectrogram_scores_equal_their_formula_for_short_exact_and_long_clips():
    detector = SpectrogramAutoencoder(epochs=2, device="cpu").fit(spectrograms(21, 21, 18, 21, 20))
    assert detector.shape_ == (24, 16), "the longest clip, rounded up to a multiple of eight"
    clips = spectrograms(5, 24, 60, seed=1)
    tables = [(frames - frames.mean()) / frames.std() for frames in clips.features]
    long = [plain_error(detector, tables[2][start : start + 24]) for start in (0, 24, 36)]
    expected = [plain_error(detector, tables[0]), plain_error(detector, tables[1]), np.mean(long)]
    np.testing.assert_allclose(detector.score(clips), expected, rtol=1e-4)


def test_spectrogram_level_and_contrast_of_a_clip_do_not_matter():
    detector = SpectrogramAutoencoder(epochs=1, device="cpu").fit(spectrograms(16, 16))
    clips = spectrograms(16, 16, seed=2)
    moved = Clips([2 * frames + 30 for frames in clips.features], clips.units)
    np.testing.assert_allclose(detector.score(moved), detector.score(clips), rtol=1e-4)


def test_spectrogram_autoencoder_can_overfit_one_clip_and_reaches_its_range():
    clip = spectrograms(16)
    settings = {"epochs": 300, "patience": None, "validation_fraction": 0.0, "l1": 0.0, "l2": 0.0, "seed": 2}
    detector = SpectrogramAutoencoder(**settings, device="cpu").fit(clip)
    assert detector.score(clip)[0] < 0.03, "of a variance of 1"
    table = torch.from_numpy(conv2d_ae.standardised(clip.features[0]))
    rebuilt = detector.network_(table[None, None])
    assert rebuilt.min() < table.min() + 0.4 < -1
    assert rebuilt.max() > table.max() - 0.4 > 1


def test_spectrogram_autoencoder_of_eight_channels_can_overfit_one_clip():
    clip = spectrograms(16, n_bins=8 * 16)
    settings = {"epochs": 400, "patience": None, "validation_fraction": 0.0, "l1": 0.0, "l2": 0.0, "seed": 2}
    detector = SpectrogramAutoencoder(**settings, channels=8, feature=LogMel(n_mels=16), device="cpu").fit(clip)
    assert detector.shape_ == (16, 128)
    assert detector.score(clip)[0] < 0.05, "of a variance of 1"


def test_spectrogram_channels_are_maps_of_the_network():
    """Block c of the bins is map c, and the score is the mean error over all blocks."""
    clips = spectrograms(16, 16, 9, n_bins=3 * 16)
    detector = SpectrogramAutoencoder(channels=3, feature=LogMel(n_mels=16), epochs=1, device="cpu").fit(clips)
    expected = []
    for frames in clips.features:
        table = (frames - frames.mean()) / frames.std()
        maps = np.zeros((3, 16, 16), np.float32)
        maps[:, : len(table)] = np.stack(np.split(table, 3, axis=1))
        with torch.no_grad():
            rebuilt = detector.network_.eval()(torch.from_numpy(maps)[None])[0].numpy()
        expected.append(np.mean((rebuilt - maps)[:, : len(table)] ** 2))
    np.testing.assert_allclose(detector.score(clips), expected, rtol=1e-4)


@pytest.mark.parametrize("seed", range(8))
def test_spectrogram_network_lets_sound_through_from_the_start(seed):
    with seeded(seed, "cpu"), torch.no_grad():
        outputs = conv2d_ae.conv_network(32, 32)(torch.randn(8, 1, 32, 32))
    assert outputs.std(dim=0).max() > 2e-4, "from Glorot's weights it is 1e-5 with some seeds"


def test_spectrogram_training_stops_early_on_held_out_clips():
    detector = SpectrogramAutoencoder(epochs=200, patience=3, learning_rate=1e-2, device="cpu")
    history = detector.fit(spectrograms(*[16] * 10)).history_
    errors = [row["validation_error"] for row in history]
    assert len(history) < 200
    assert int(np.argmin(errors)) == len(history) - 4
    assert not math.isnan(errors[0])


def test_spectrogram_penalties_shrink_the_dense_weights():
    sums = []
    for l1 in (0.0, 1e-2):
        detector = SpectrogramAutoencoder(l1=l1, l2=0.0, epochs=20, device="cpu").fit(spectrograms(16, 16, 16))
        dense = [layer for layer in detector.network_.modules() if isinstance(layer, nn.Linear)]
        sums.append(sum(layer.weight.abs().sum().item() for layer in dense))
    assert sums[1] < 0.8 * sums[0]


def test_spectrogram_refusals():
    with pytest.raises(InputError, match=r"12 bins; conv2d_ae\[channels=1\] halves .* so give a multiple of 8"):
        SpectrogramAutoencoder(device="cpu").fit(spectrograms(16, n_bins=12))
    with pytest.raises(InputError, match=r"32 bins; conv2d_ae\[channels=3\] halves .* so give a multiple of 24"):
        SpectrogramAutoencoder(channels=3, device="cpu").fit(spectrograms(16, n_bins=32))
    with pytest.raises(InputError, match=r"channels=0\]: channels is at least 1"):
        SpectrogramAutoencoder(channels=0)
    detector = SpectrogramAutoencoder(epochs=1, device="cpu").fit(spectrograms(16))
    with pytest.raises(InputError, match="8 bins, expected 16"):
        detector.score(spectrograms(16, n_bins=8))
    with pytest.raises(InputError, match="no clips to learn from"):
        detector.fit(Clips([], []))


@pytest.mark.parametrize(("found", "channels"), [(1, 8), (8, 1), (2, 4)])
def test_spectrogram_autoencoder_refuses_another_number_of_channels_than_its_own(found, channels):
    """The network does not mistake bands of one channel for channels, or channels for bands."""
    detector = SpectrogramAutoencoder(channels=channels, feature=LogMel(n_mels=64), device="cpu")
    message = rf"clips have {found} channel\(s\) of 64 bands, .* channels={channels}; name it .*channels={found}\]"
    with pytest.raises(InputError, match=message):
        detector.fit(spectrograms(16, n_bins=found * 64))
