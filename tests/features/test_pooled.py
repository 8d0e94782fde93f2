"""Pooling over time, against numbers worked by hand."""

import numpy as np
import pytest

from features import InputError, LogMel, PooledLogMel

SAMPLE_RATE = 16_000


@pytest.fixture
def waveform() -> np.ndarray:
    rng = np.random.default_rng(0)
    return (0.1 * rng.standard_normal(SAMPLE_RATE) * np.linspace(0.1, 1, SAMPLE_RATE)).astype(np.float32)


def pooled(waveform: np.ndarray, *statistics: str) -> np.ndarray:
    return PooledLogMel(LogMel(), statistics)(waveform, SAMPLE_RATE)


def test_statistics_are_those_of_numpy(waveform: np.ndarray) -> None:
    frames = LogMel()(waveform, SAMPLE_RATE)  # (n_frames, n_mels)
    expected = [frames.mean(axis=0), frames.std(axis=0), frames.min(axis=0), frames.max(axis=0)]
    assert pooled(waveform, "mean", "std", "min", "max") == pytest.approx(np.stack(expected), rel=1e-5)
    assert pooled(waveform, "q90")[0] == pytest.approx(np.percentile(frames, 90, axis=0), rel=1e-5)


def test_shape_and_type(waveform: np.ndarray) -> None:
    for n_samples in (SAMPLE_RATE, SAMPLE_RATE // 2):
        table = PooledLogMel()(waveform[:n_samples], SAMPLE_RATE)
        assert table.shape == (3, 128)
        assert table.dtype == np.float32


def test_twfr_of_r_1_is_the_mean_and_of_r_0_the_maximum(waveform: np.ndarray) -> None:
    assert pooled(waveform, "twfr1") == pytest.approx(pooled(waveform, "mean"), rel=1e-5)
    assert pooled(waveform, "twfr0") == pytest.approx(pooled(waveform, "max"), rel=1e-6)


def test_twfr_in_between_by_hand(waveform: np.ndarray) -> None:
    """r = 0.5 over frames sorted from loud to quiet: weights 1, 1/2, 1/4, ... over their sum."""
    frames = -np.sort(-LogMel()(waveform, SAMPLE_RATE), axis=0)
    weights = [0.5**rank for rank in range(len(frames))]
    expected = sum(weight * frame for weight, frame in zip(weights, frames, strict=True)) / sum(weights)
    assert pooled(waveform, "twfr0.5")[0] == pytest.approx(expected, rel=1e-5)


def test_twfr_falls_from_maximum_to_mean(waveform: np.ndarray) -> None:
    tables = pooled(waveform, "twfr0", "twfr0.5", "twfr0.9", "twfr0.99", "twfr1")
    assert (np.diff(tables, axis=0) < 0).all()


@pytest.mark.parametrize("statistic", ["median", "q101", "twfr1.5", "q", "twfr", "q-5", ""])
def test_unknown_statistics_are_named(statistic: str) -> None:
    with pytest.raises(InputError, match=r"unknown statistic .*known: mean, std, min, max, q0..q100, twfr0..twfr1"):
        PooledLogMel(statistics=(statistic,))


def test_no_statistics_are_refused() -> None:
    with pytest.raises(InputError, match="empty"):
        PooledLogMel(statistics=())
