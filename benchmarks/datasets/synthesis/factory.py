"""Noise of a factory hall, another for each clip and level.

Broadband noise with a random tilt and a few broad humps, mains hum, two or three distant machines of random speed,
impacts at random times; the whole swells and fades within a clip.
"""

import numpy as np

from benchmarks.datasets.synthesis.clock import SAMPLE_RATE, decibel, drift, periodic, turns
from benchmarks.datasets.synthesis.impacts import Mode, random_times, ringing, struck
from benchmarks.datasets.synthesis.noise import shaped_noise


def factory_noise(rng: np.random.Generator, own: np.random.Generator, n_samples: int) -> np.ndarray:
    """Return the noise at one microphone, `(n_samples,)`, with a mean power of exactly 1.

    `rng` draws the hall and what is heard alike everywhere in it, `own` the diffuse part, other at each microphone.
    """
    noise = _hall(rng, own, n_samples) + _hum(rng, n_samples) + _clatter(rng, n_samples)
    for _ in range(rng.integers(1, 4)):
        noise += _distant_machine(rng, n_samples)
    return noise / np.sqrt(np.mean(noise**2))


def _hall(rng: np.random.Generator, own: np.random.Generator, n_samples: int) -> np.ndarray:
    """Return the sum of everything far away: noise that falls 3 to 7 dB an octave, with humps of its own."""
    frequencies = 62.5 * 2.0 ** np.arange(8)  # 62.5 Hz to 8 kHz
    levels = -(5.0 + 0.7 * rng.standard_normal()) * np.arange(8) + 1.2 * rng.standard_normal(8)
    swell = 1.0 + 0.2 * drift(rng, n_samples, 1.5)
    return swell * shaped_noise(own, n_samples, frequencies, levels)


def _hum(rng: np.random.Generator, n_samples: int) -> np.ndarray:
    """Return mains hum: 50 Hz and its multiples, each at random."""
    orders = {k: decibel(-16.0 - 2.0 * k + 5.0 * rng.standard_normal()) for k in range(1, 9)}
    return periodic(orders, turns(np.full(n_samples, 50.0)), rng)


def _distant_machine(rng: np.random.Generator, n_samples: int) -> np.ndarray:
    """Return a harmonic series of random speed and tilt."""
    speed = 20.0 * 10.0 ** rng.random() * (1.0 + 0.002 * drift(rng, n_samples, 1.0))  # 20 to 200 Hz
    tilt, level = 0.5 + rng.random(), -14.0 + 4.0 * rng.standard_normal()
    orders = {k: decibel(level - 6.0 * tilt * np.log2(k) + 3.0 * rng.standard_normal()) for k in range(1, 16)}
    return (1.0 + 0.3 * drift(rng, n_samples, 2.0)) * periodic(orders, turns(speed), rng)


def _clatter(rng: np.random.Generator, n_samples: int) -> np.ndarray:
    """Return impacts of random bodies, about one a second."""
    times = random_times(rng, 1.0, n_samples / SAMPLE_RATE)
    modes = [Mode(300.0 * 10.0 ** (1.1 * rng.random()), 0.02 + 0.05 * rng.random(), rng.random()) for _ in range(4)]
    strengths = decibel(-4.0) * np.exp(0.6 * rng.standard_normal(len(times)))
    return struck(n_samples, times, strengths, ringing(modes, rng))
