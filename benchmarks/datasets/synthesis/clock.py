"""Time: the sample rate, slow random drift, and what repeats with every turn of a shaft."""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from scipy.fft import irfft

SAMPLE_RATE = 16_000  # Hz
_TABLE = 1 << 14  # points in one turn: the phase is rounded to 2 pi / 16384


@lru_cache(maxsize=4)
def seconds(n_samples: int) -> np.ndarray:
    """Return the time of each sample, `(n_samples,)` in seconds, read-only."""
    time = np.arange(n_samples) / SAMPLE_RATE
    time.flags.writeable = False
    return time


def drift(rng: np.random.Generator, n_samples: int, rate: float) -> np.ndarray:
    """Return a slow random curve of about unit spread: `rate` independent values a second, joined by lines."""
    step = max(int(SAMPLE_RATE / rate), 1)
    knots = rng.standard_normal(n_samples // step + 3)
    start = int(step * rng.random())
    curve = knots[:-1, np.newaxis] + np.diff(knots)[:, np.newaxis] * (np.arange(step) / step)
    return curve.ravel()[start : start + n_samples]


def turns(frequency: np.ndarray) -> np.ndarray:
    """Return the turns made since the start, `(n_samples,)`, of a shaft at `frequency` in Hz."""
    return np.cumsum(frequency) / SAMPLE_RATE


def periodic(orders: Mapping[int, float], revolutions: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a sum of sinusoids locked to a shaft: amplitude by order (periods per turn), phases drawn.

    Only orders below `_TABLE / 2` exist; the caller keeps order * speed below half the sample rate.
    """
    numbers = np.fromiter(orders.keys(), dtype=int)
    phases = np.exp(2j * np.pi * rng.random(len(numbers)))
    spectrum = np.zeros(_TABLE // 2 + 1, dtype=complex)
    spectrum[numbers] = np.fromiter(orders.values(), dtype=float) * phases * (_TABLE / 2)
    one_turn = irfft(spectrum, _TABLE)
    return one_turn[(revolutions * _TABLE).astype(np.int64) & (_TABLE - 1)]


def decibel(level: float) -> float:
    """Return the amplitude factor of a level in dB."""
    return float(10.0 ** (level / 20.0))
