"""Blows: a body that is struck rings in its modes."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from benchmarks.datasets.synthesis.clock import SAMPLE_RATE

_FEW = 200  # blows up to which adding one by one is faster than convolving


class Mode(NamedTuple):
    """One mode of a struck body: frequency in Hz, time to fall to 1/e in seconds, weight."""

    frequency: float
    decay: float
    weight: float


def ringing(modes: Sequence[Mode], rng: np.random.Generator, spread: float = 0.02) -> np.ndarray:
    """Return the response of a body to one blow, peak near 1; each clip strikes it elsewhere.

    `spread` is the relative deviation of frequencies and, ten times that, of decays and weights.
    """
    time = np.arange(int(5.0 * SAMPLE_RATE * max(mode.decay for mode in modes))) / SAMPLE_RATE
    response = np.zeros(len(time))
    for mode in modes:
        frequency, decay, weight = np.array(mode) * np.exp(rng.standard_normal(3) * spread * np.array([1, 5, 10]))
        response += weight * np.exp(-time / decay) * np.sin(2 * np.pi * frequency * time)
    return response / np.max(np.abs(response))


def struck(n_samples: int, times: np.ndarray, strengths: np.ndarray, response: np.ndarray) -> np.ndarray:
    """Return the sound `(n_samples,)` of blows at `times` in seconds; those before 0 or after the end are left out."""
    starts = np.rint(np.asarray(times) * SAMPLE_RATE).astype(np.int64)
    inside = (starts >= 0) & (starts < n_samples)
    starts, strengths = starts[inside], np.asarray(strengths)[inside]
    if len(starts) > _FEW:
        train = np.bincount(starts, weights=strengths, minlength=n_samples)
        size = next_fast_len(n_samples + len(response), real=True)
        return irfft(rfft(train, size) * rfft(response, size), size)[:n_samples]
    sound = np.zeros(n_samples + len(response))
    for start, strength in zip(starts, strengths, strict=True):
        sound[start : start + len(response)] += strength * response
    return sound[:n_samples]


def random_times(rng: np.random.Generator, rate: float, duration: float) -> np.ndarray:
    """Return the times in seconds, rising, of a Poisson process of `rate` events a second."""
    return np.sort(rng.random(rng.poisson(rate * duration)) * duration)
