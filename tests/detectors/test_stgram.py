"""stgram: the shapes and sizes of its parts, its two inputs in step, and what it learns."""

import numpy as np
import pytest
import torch

from detectors import Clips
from detectors.networks.mobilefacenet import mobilefacenet
from detectors.stgram import Stgram, StgramNetwork
from features import InputError, LogMel, Waveform

UNITS = ["id_00", "id_02"]
MEL = LogMel(n_fft=256, hop_length=128, n_mels=16)


def n_weights(network: torch.nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


def swapped(clips: Clips) -> Clips:
    return Clips(clips.features, [UNITS[1 - UNITS.index(unit)] for unit in clips.units], clips.further)


def sounds(n_clips: int, n_samples: int = 2560, seed: int = 0, mel: LogMel = MEL) -> Clips:
    """Two units in turn, one humming at 500 Hz, the other at 2000 Hz, in noise, at 16 kHz."""
    rng, units = np.random.default_rng(seed), [UNITS[index % 2] for index in range(n_clips)]
    time = np.arange(n_samples) / 16_000
    waves = [np.sin(2 * np.pi * (500 if unit == UNITS[0] else 2000) * time + rng.uniform(0, 6)) for unit in units]
    noisy = [(0.1 * wave + 0.02 * rng.normal(size=n_samples)).astype(np.float32) for wave in waves]
    waveforms, spectrograms = ([feature(wave, 16_000) for wave in noisy] for feature in (Waveform(), mel))
    return Clips(waveforms, units, (spectrograms,))


def stgram(**options: object) -> Stgram:
    settings = {"feature": (Waveform(), MEL), "epochs": 1, "batch_size": 8, "learning_rate": 1e-3}
    return Stgram(**settings | options, device="cpu")


def test_mobilefacenet_has_the_size_and_the_shapes_of_its_paper():
    network = mobilefacenet(3, 112, 112).eval()
    assert n_weights(network) == pytest.approx(0.99e6, rel=0.02)
    with torch.no_grad():
        x, shapes = torch.zeros(1, 3, 112, 112), []
        for layer in network:
            x = layer(x)
            if not shapes or shapes[-1] != tuple(x.shape[1:]):
                shapes.append(tuple(x.shape[1:]))
    published = [(64, 56, 56), (64, 28, 28), (128, 14, 14), (128, 7, 7), (512, 7, 7), (512, 1, 1), (128, 1, 1), (128,)]
    assert shapes == published


@pytest.mark.parametrize("size", [(128, 313), (16, 1), (33, 17)])
def test_mobilefacenet_takes_any_size_that_it_was_made_for(size):
    assert mobilefacenet(2, *size, n_features=8).eval()(torch.zeros(3, 2, *size)).shape == (3, 8)


def test_stgram_has_the_parts_and_sizes_of_the_authors_code():
    """Clips of 10 s at 16 kHz give 313 frames; the standardisation of bands is our own."""
    assert Stgram().feature == (Waveform(), LogMel(n_mels=128))
    network = StgramNetwork(Stgram().feature[1], 313)
    assert n_weights(network.tgram) == 128 * 1024 + 3 * (2 * 313 + 3 * 128 * 128)
    assert n_weights(network.face) == n_weights(mobilefacenet(2, 128, 313))
    assert n_weights(network) == n_weights(network.tgram) + n_weights(network.face) + 2 * 128


def test_stgram_pieces_are_the_same_moment_of_both_inputs():
    clips = sounds(2)  # 21 frames
    detector = stgram(crop_frames=6).fit(clips)
    sound, pictures = detector._pieces(clips, 0, at_random=False)
    assert sound.shape == (4, 5 * 128 + 256)
    assert pictures.shape == (4, 6, 16)
    inner = LogMel(n_fft=256, hop_length=128, n_mels=16, center=False)
    for samples, frames in list(zip(sound, pictures, strict=True))[1:-1]:  # the ends are padded differently
        np.testing.assert_allclose(inner(samples.numpy(), 16_000), frames, atol=1e-3)
    whole = clips.of(1).features[0]
    np.testing.assert_array_equal(pictures[0], whole[:6])
    np.testing.assert_array_equal(pictures[-1], whole[-6:])


def test_stgram_refuses_channels_side_by_side():
    clips = sounds(4)
    two_each = [[np.repeat(table, 2, axis=1) for table in clips.of(i).features] for i in range(2)]
    stereo = Clips(two_each[0], clips.units, two_each[1:])
    with pytest.raises(InputError, match=r"clips have 2 channels, but stgram takes 1: .* one with --channel"):
        stgram().fit(stereo)
    with pytest.raises(InputError, match="clips have 2 channels"):
        stgram().fit(clips).score(stereo)


@pytest.mark.parametrize("scoring", ["neighbours", "probability"])
def test_stgram_distinguishes_units(scoring):
    detector = stgram(scoring=scoring, epochs=12, crop_frames=16).fit(sounds(16))
    assert detector.history_[-1]["train_error"] < 0.1 * detector.history_[0]["train_error"]
    test = sounds(8, seed=1)
    assert detector.score(test).max() < detector.score(swapped(test)).min()


def test_stgram_learns_from_the_waveform_as_well_as_from_the_spectrogram():
    """With a spectrogram of zeros, the learned one still distinguishes the units."""
    waveforms = sounds(16)
    clips = Clips(waveforms.features, waveforms.units, [[np.zeros((21, 16), np.float32)] * 16])
    detector = stgram(epochs=12).fit(clips)
    assert detector.score(clips).max() < detector.score(swapped(clips)).min()


def test_stgram_repeats_shorter_clips_and_covers_longer_ones():
    detector = stgram(epochs=12).fit(sounds(16))
    assert detector.n_frames_ == 21
    for n_samples in (1000, 10_000):
        test = sounds(4, n_samples=n_samples, seed=1)
        assert detector.score(test).max() < detector.score(swapped(test)).min()


def test_stgram_without_centred_frames_keeps_in_step():
    mel = LogMel(n_fft=256, hop_length=128, n_mels=16, center=False)
    detector = stgram(feature=(Waveform(), mel), crop_frames=5)
    clips = sounds(4, mel=mel)
    sound, pictures = detector.fit(clips)._pieces(clips, 0, at_random=False)
    for samples, frames in zip(sound, pictures, strict=True):
        np.testing.assert_allclose(mel(samples.numpy(), 16_000), frames, atol=1e-3)


def test_stgram_refuses_what_it_cannot_score():
    with pytest.raises(InputError, match="two units or more"):
        stgram().fit(sounds(8).take(range(0, 8, 2)))
    with pytest.raises(InputError, match="crop_frames=0"):
        Stgram(crop_frames=0)
    detector = stgram().fit(sounds(4))
    with pytest.raises(InputError, match="unit 'id_06' was not in training"):
        detector.score(Clips(sounds(1).features, ["id_06"], sounds(1).further))
