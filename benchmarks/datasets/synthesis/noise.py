"""Random noise with a given spectrum, made in the frequency domain."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy.fft import irfft

from benchmarks.datasets.synthesis.clock import SAMPLE_RATE


def shaped_noise(
    rng: np.random.Generator,
    n_samples: int,
    frequencies: Sequence[float] | np.ndarray,
    levels: Sequence[float] | np.ndarray,
) -> np.ndarray:
    """Return Gaussian noise of unit expected power, `(n_samples,)`.

    Its power spectral density passes through `levels` in dB at `frequencies` in Hz (rising), straight between them
    on a logarithmic frequency axis and flat outside.
    """
    density = np.interp(_octaves(n_samples), np.log2(frequencies), levels)
    gain = np.exp(density * (np.log(10.0) / 20.0))
    gain[0] = 0.0
    spectrum = rng.standard_normal(2 * len(gain)).view(complex) * gain
    return irfft(spectrum, n_samples) * (n_samples / (2.0 * np.sqrt(np.sum(gain**2))))


@lru_cache(maxsize=4)
def _octaves(n_samples: int) -> np.ndarray:
    """Return log2 of the bin frequencies in Hz, that of bin 0 set to bin 1."""
    hertz = np.arange(n_samples // 2 + 1) * (SAMPLE_RATE / n_samples)
    hertz[0] = hertz[1]
    return np.log2(hertz)
