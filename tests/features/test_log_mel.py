"""LogMel against librosa, and against what is known of a tone and of silence."""

import librosa
import numpy as np
import pytest

from features import InputError, LogMel, Waveform

RATE = 16_000


def noise(n_samples=RATE, seed=0):
    return (0.1 * np.random.default_rng(seed).standard_normal(n_samples)).astype(np.float32)


def tone(hertz, n_samples=RATE):
    return np.sin(2 * np.pi * hertz * np.arange(n_samples) / RATE).astype(np.float32)


@pytest.mark.parametrize(
    "feature",
    [
        LogMel(),
        LogMel(pad_mode="constant"),
        LogMel(n_mels=128),
        LogMel(n_fft=2048, n_mels=128, mel_scale="htk", norm=None),
        LogMel(n_fft=512, hop_length=160, n_mels=40, f_min=50.0, f_max=7600.0, power=1.0),
        LogMel(center=False, hop_length=256),
    ],
    ids=["baseline", "zero-padded", "128 bands", "htk", "magnitude", "not centred"],
)
def test_agrees_with_librosa(feature):
    mel = librosa.feature.melspectrogram(
        y=noise().astype(np.float64),
        sr=RATE,
        n_fft=feature.n_fft,
        hop_length=feature.hop_length,
        n_mels=feature.n_mels,
        fmin=feature.f_min,
        fmax=feature.f_max,
        power=feature.power,
        htk=feature.mel_scale == "htk",
        norm=feature.norm,
        center=feature.center,
        pad_mode=feature.pad_mode,
    )
    ours = 10 ** (feature(noise(), RATE).astype(np.float64) * feature.power / 20)
    np.testing.assert_allclose(ours, mel.T, rtol=1e-4)


def test_shape_type_and_number_of_frames():
    frames = LogMel()(noise(160_000), RATE)
    assert frames.shape == (313, 64)
    assert frames.dtype == np.float32


@pytest.mark.parametrize("hertz", [250.0, 1000.0, 4000.0])
def test_a_tone_lands_in_its_band(hertz):
    feature = LogMel()
    centres = librosa.mel_frequencies(n_mels=feature.n_mels + 2, fmin=0, fmax=RATE / 2)[1:-1]
    loudest = feature(tone(hertz), RATE).mean(axis=0).argmax()
    assert abs(loudest - np.abs(centres - hertz).argmin()) <= 1


def test_ten_times_the_amplitude_is_20_db_more():
    difference = LogMel()(noise() * 10, RATE) - LogMel()(noise(), RATE)
    np.testing.assert_allclose(difference, 20, atol=1e-3)


def test_silence_is_the_floor_of_float_epsilon():
    np.testing.assert_allclose(
        LogMel()(np.zeros(RATE, np.float32), RATE), 10 * np.log10(2.220446049250313e-16), rtol=1e-5
    )


def test_empty_bands_are_refused_and_it_says_what_to_change():
    with pytest.raises(InputError, match=r"n_mels=128.* leaves bands empty at 16000 Hz; lower n_mels or raise n_fft"):
        LogMel(n_fft=256, n_mels=128)(noise(), RATE)


def test_a_clip_that_is_too_short_is_refused():
    with pytest.raises(InputError, match="needs clips of at least 513 samples, found 512"):
        LogMel()(noise(512), RATE)
    assert LogMel()(noise(513), RATE).shape == (2, 64)


def test_frequencies_beyond_half_the_rate_are_refused():
    with pytest.raises(InputError, match="f_max <= 8000 Hz at 16000 Hz"):
        LogMel(f_max=9000.0)(noise(), RATE)


def test_waveform_is_the_samples_one_a_frame():
    np.testing.assert_array_equal(Waveform()(noise(10), RATE), noise(10)[:, np.newaxis])
