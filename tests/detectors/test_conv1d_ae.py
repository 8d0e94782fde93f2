"""The autoencoder of raw samples: layers, phase of the output, scores against plain formulas."""

import numpy as np
import pytest
import torch
from torch import nn

from detectors import Clips, conv1d_ae
from detectors.conv1d_ae import WaveformAutoencoder
from detectors.networks.training import seeded
from features import InputError, Waveform


def n_weights(network: nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


def sounds(*lengths: int, seed: int = 0) -> Clips:
    """A slow wave of 200 samples a period in some noise, `(n_samples, 1)` each."""
    rng = np.random.default_rng(seed)
    waves = [np.sin(2 * np.pi * (np.arange(length) / 200 + rng.random())) for length in lengths]
    noisy = [(0.1 * wave + 0.01 * rng.normal(size=len(wave))).astype(np.float32)[:, None] for wave in waves]
    return Clips(noisy, ["00"] * len(lengths))


def fitted(**options: object) -> WaveformAutoencoder:
    settings = {"crop_samples": 300, "epochs": 2, "batch_size": 4, "learning_rate": 1e-3} | options
    return WaveformAutoencoder(**settings, device="cpu").fit(sounds(400, 500, 450, 400))


def test_waveform_network_has_the_layers_of_the_article():
    network = conv1d_ae.conv_network()
    layers = [layer for layer in network if isinstance(layer, nn.Conv1d | nn.ConvTranspose1d)]
    sizes = [(layer.in_channels, layer.out_channels, layer.stride[0], layer.dilation[0]) for layer in layers]
    encoder = [(1, 16, 1, 1), (16, 32, 1, 2), (32, 64, 1, 4), (64, 128, 1, 8), (128, 256, 1, 16)]
    decoder = [(256, 128, 2, 1), (128, 64, 1, 8), (64, 32, 2, 4), (32, 16, 1, 2), (16, 1, 2, 1)]
    assert sizes == encoder + decoder
    assert [layer.padding[0] for layer in layers] == [1] * 10
    assert [layer.output_padding[0] for layer in layers[5:]] == [1, 0, 1, 0, 1]
    assert sum(isinstance(layer, nn.MaxPool1d) for layer in network) == 2
    assert sum(isinstance(layer, nn.BatchNorm1d) for layer in network) == 9
    assert n_weights(network) == 263_425
    assert network.to("meta").eval()(torch.zeros(1, 1, 160_000, device="meta")).shape == (1, 1, 319_744)


def test_waveform_defaults_are_the_published_training():
    detector = WaveformAutoencoder()
    assert (detector.epochs, detector.batch_size, detector.learning_rate) == (10, 32, 1e-4)
    assert detector.feature == Waveform()
    assert detector.crop_samples is detector.windows is None


@pytest.mark.parametrize(("design", "early", "late"), [("corrected", 0, 0), ("article", 59, -59)])
def test_corrected_output_is_in_phase_with_its_target_and_the_articles_drifts(design, early, late):
    """Mean position of the input samples that an output sample depends on, relative to the sample compared with it."""
    network = conv1d_ae.conv_network().double().eval()
    for layer in network:
        if isinstance(layer, nn.Conv1d | nn.ConvTranspose1d):
            nn.init.constant_(layer.weight, 1 / layer.weight[0].numel())
            nn.init.zeros_(layer.bias)
    positions = torch.arange(8000, dtype=torch.float64)
    inputs = torch.rand(1, 1, 8000, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    inputs.requires_grad_()
    outputs, targets = WaveformAutoencoder(design=design)._reconstructed(network, inputs)
    first = 65 if design == "corrected" else 0
    assert targets[0, 0, 0] == inputs[0, 0, first]
    for start, lag in ((200, early), (targets.shape[-1] - 400, late)):
        (gradient,) = torch.autograd.grad(outputs[..., start : start + 200].sum(), inputs, retain_graph=True)
        centre = (gradient[0, 0] * positions).sum() / gradient.sum()
        assert centre.item() - (first + start + 99.5) == pytest.approx(lag, abs=4 if lag else 1)


def test_corrected_output_leaves_out_the_quarter_that_is_constant():
    with seeded(0, "cpu"):
        output = conv1d_ae.conv_network().eval()(torch.rand(1, 1, 2000))[0, 0]
    deviations = [output[400 + phase : -400 : 4].std().item() for phase in range(4)]
    assert 1000 * min(deviations) < min(deviations[1], deviations[3])


def plain_parts(detector: WaveformAutoencoder, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The raw output of the network for a clip or window that is already scaled."""
    with torch.no_grad():
        output = detector.network_.eval()(torch.from_numpy(samples.astype(np.float32))[None, None])
    return output[0, 0].double().numpy(), samples.astype(np.float64)


def scaled(frames: np.ndarray) -> np.ndarray:
    return (frames[:, 0] - frames.min()) / (frames.max() - frames.min())


def test_corrected_scores_equal_their_formulas():
    clips = sounds(700, 640, seed=1)
    for scoring in ("mse", "relative_mse"):
        detector = fitted(scoring=scoring)
        expected = []
        for frames in clips.features:
            output, target = plain_parts(detector, scaled(frames))
            rebuilt = output[1::2]
            target = target[65 : 65 + len(rebuilt)]
            error = np.mean((rebuilt - target) ** 2)
            expected.append(error if scoring == "mse" else error / np.var(target))
        np.testing.assert_allclose(detector.score(clips), expected, rtol=1e-5)


def test_the_articles_score_is_the_sum_of_the_stretched_output():
    clips = sounds(700, 640, seed=1)
    detector = fitted(scoring="output_sum", design="article")
    expected = []
    for frames in clips.features:
        output, target = plain_parts(detector, scaled(frames))
        output = np.maximum(output, 0)
        nearest = [output[index * len(output) // len(target)] for index in range(len(target))]
        expected.append(np.sum(nearest))
    np.testing.assert_allclose(detector.score(clips), expected, rtol=1e-5)


def test_windows_are_evenly_spaced_and_scaled_with_their_clip():
    detector, clip = fitted(scoring="mse", windows=3), sounds(1000, seed=2)
    errors = []
    for start in (0, 350, 700):
        output, target = plain_parts(detector, scaled(clip.features[0])[start : start + 300])
        errors.append(np.mean((output[1::2] - target[65 : 65 + len(output) // 2]) ** 2))
    assert detector.score(clip)[0] == pytest.approx(np.mean(errors), rel=1e-5)


def test_gain_and_offset_of_a_clip_do_not_matter():
    detector, clips = fitted(), sounds(500, 600, seed=3)
    moved = Clips([3 * frames + np.float32(0.5) for frames in clips.features], clips.units)
    np.testing.assert_allclose(detector.score(moved), detector.score(clips), rtol=1e-3)


def test_waveform_autoencoder_can_overfit_one_clip_and_reaches_its_range():
    clip = sounds(400)
    settings = {"epochs": 60, "learning_rate": 3e-3, "scoring": "relative_mse"}
    detector = WaveformAutoencoder(**settings, device="cpu").fit(clip)
    assert detector.score(clip)[0] < 0.05, "of the variance of the clip"
    output, _ = plain_parts(detector, scaled(clip.features[0]))
    assert output[1::2].min() < 0.15
    assert output[1::2].max() > 0.85


def test_waveform_clips_of_any_length_alone_as_in_a_batch():
    detector, clips = fitted(), sounds(166, 1000, 333, seed=4)
    together = detector.score(clips)
    assert [detector.score(clips.take([i]))[0] for i in range(3)] == together.tolist()
    assert np.isfinite(detector.score(Clips([np.zeros((400, 1), np.float32)], ["00"]))).all()


def test_waveform_refusals():
    with pytest.raises(InputError, match="165 frames, at least 166 needed"):
        fitted().score(sounds(165))
    stereo = Clips([np.zeros((700, 2), np.float32)], ["00"])
    with pytest.raises(
        InputError, match=r"clip 0 has 2 columns of samples, but conv1d_ae takes 1: .* one with --channel"
    ):
        fitted().score(stereo)
    with pytest.raises(InputError, match="no clips to learn from"):
        WaveformAutoencoder(device="cpu").fit(Clips([], []))
    for wrong in ({"scoring": "sum"}, {"design": "mine"}, {"crop_samples": 100}, {"windows": 4}):
        with pytest.raises(InputError, match=rf"^conv1d_ae\[{next(iter(wrong))}="):
            WaveformAutoencoder(**wrong)
