"""Clips of another rate: a tone stays what it is, and the source says what was done to it."""

import numpy as np
import pytest

from features import InputError, WavFile
from features.cache import FeatureCache
from features.pooled import Level
from features.resample import Resampled, resample
from tests.support.cached_features import cached
from tests.support.wav_files import write_wav

RATES = [(48_000, 16_000), (44_100, 16_000), (8_000, 16_000), (16_000, 22_050)]


def tone(hertz, rate, seconds=0.5):
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


@pytest.mark.parametrize(("rate", "to_rate"), RATES)
def test_a_tone_keeps_its_pitch_its_amplitude_and_its_phase(rate, to_rate):
    found = resample(tone(1000, rate), rate, to_rate)
    assert found.dtype == np.float32
    assert len(found) == to_rate // 2
    middle = slice(len(found) // 8, -len(found) // 8)  # away from the edges, which ring
    np.testing.assert_allclose(found[middle], tone(1000, to_rate)[middle], atol=1e-5)


def test_what_the_lower_rate_cannot_hold_is_gone_and_does_not_fold_back():
    found = resample(tone(10_000, 48_000), 48_000, 16_000)
    assert np.abs(found[1000:-1000]).max() < 1e-5


@pytest.mark.parametrize(("n_samples", "expected"), [(1, 1), (2, 1), (3, 1), (4, 2), (48_001, 16_001)])
def test_no_sample_is_too_few_and_part_of_one_counts(n_samples, expected):
    assert resample(np.ones(n_samples, np.float32), 48_000, 16_000).shape == (expected,)


def test_at_its_own_rate_a_clip_is_left_alone():
    sound = tone(1000, 16_000)
    assert resample(sound, 16_000, 16_000) is sound


@pytest.mark.parametrize("rates", [(0, 16_000), (16_000, 0), (-1, 16_000)])
def test_a_rate_that_is_none_is_refused(rates):
    with pytest.raises(InputError, match="give rates above 0"):
        resample(tone(1000, 16_000), *rates)


def test_a_source_is_read_at_the_rate_asked_for_and_named_by_it(tmp_path):
    stereo = (np.stack([tone(440, 48_000), tone(1000, 48_000)], axis=1) * 2**15).astype(np.int16)
    wav = WavFile(write_wav(tmp_path / "a.wav", stereo, 48_000), "a.wav")
    source = Resampled(wav, 16_000)
    sound, rate = source.read(1)
    assert rate == 16_000
    np.testing.assert_array_equal(sound, resample(wav.read(1)[0], 48_000, 16_000))
    assert source.identity == f"{wav.identity} at 16000 Hz by soxr_hq"
    assert source.name == str(tmp_path / "a.wav")
    both, rate = source.read_all()
    assert rate == 16_000
    np.testing.assert_array_equal(both, [source.read(0)[0], source.read(1)[0]])


def test_the_cache_takes_a_resampled_source_where_it_refuses_the_source_itself(tmp_path):
    wav = WavFile(write_wav(tmp_path / "a.wav", (tone(440, 48_000)[:, None] * 2**15).astype(np.int16), 48_000))
    cache = FeatureCache(tmp_path / "cache")
    with pytest.raises(InputError, match=r"a\.wav: sampled at 48000 Hz, the corpus at 16000 Hz"):
        cached(cache, [wav], 0, Level(), 16_000)
    (level,) = cached(cache, [Resampled(wav, 16_000)], 0, Level(), 16_000).arrays
    assert level[0, 0] == pytest.approx(10 * np.log10(0.5**2 / 2), abs=0.05)  # of the sine, 0.5 ** 2 / 2
