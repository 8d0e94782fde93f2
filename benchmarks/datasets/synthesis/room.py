"""The recording room: one machine at a time before a circular array of eight microphones.

Microphone k looks to 45 k degrees; the valve stands at 0, the pump at 90, the fan at 180 and the slider at 270
degrees, 500 mm away from the microphone that faces it (the valve 100 mm), as in MIMII (Purohit et al. 2019). A
microphone hears the machine directly, weaker and later the farther it is and the more it looks away, and through a
reverberant tail of its own.
"""

from functools import lru_cache

import numpy as np
from scipy.fft import irfft, rfft, rfftfreq

from benchmarks.datasets.synthesis.clock import SAMPLE_RATE, decibel, seconds

MICROPHONES = 8
FACING = {"valve": 0, "pump": 2, "fan": 4, "slider": 6}  # microphone that looks at the machine
_DISTANCE = {"valve": 0.1, "pump": 0.5, "fan": 0.5, "slider": 0.5}  # m, to the facing microphone
_RADIUS = 0.05  # m, of the array
_SOUND = 343.0  # m/s
_REVERBERATION = 0.3  # s, to fall by 60 dB
_TAIL = -8.0  # dB, reverberant sound against direct sound at 500 mm


def heard(sound: np.ndarray, machine: str, microphone: int) -> np.ndarray:
    """Return what a microphone hears of a machine, `(n_samples,)`; the sound counts as running before the clip too."""
    return irfft(rfft(sound) * _response(machine, microphone, len(sound)), len(sound))


@lru_cache(maxsize=2 * MICROPHONES)
def _response(machine: str, microphone: int, n_samples: int) -> np.ndarray:
    """Return the transfer function from machine to microphone, `(n_samples // 2 + 1,)` complex."""
    facing = FACING[machine]
    angle = 2 * np.pi * (microphone - facing) / MICROPHONES
    near = _DISTANCE[machine]
    distance = abs(near + _RADIUS - _RADIUS * np.exp(1j * angle))
    gain = near / distance * (0.75 + 0.25 * np.cos(angle))  # the array's body shades its back by 6 dB
    delay = np.exp(-2j * np.pi * rfftfreq(n_samples, 1 / SAMPLE_RATE) * (distance - near) / _SOUND)
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(2019, spawn_key=(facing, microphone))))
    time = seconds(n_samples)
    tail = rng.standard_normal(n_samples) * np.exp(-time * (np.log(1000.0) / _REVERBERATION)) * (time > 0.003)
    return gain * delay + decibel(_TAIL) * near / 0.5 * rfft(tail / np.sqrt(np.sum(tail**2)))
