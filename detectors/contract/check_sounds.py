"""The sounds of the conformance checks: two humming units, and a fault that is easy to detect."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

import numpy as np

from detectors.contract.detector import Clips, Detector, features_of
from features import Feature, InputError

SAMPLE_RATE = 16_000  # Hz
N_SAMPLES = 16_000
HUM = {"00": 180.0, "02": 290.0}  # unit -> fundamental in Hz

Part = Literal["train", "normal", "fault", "silence", "longer", "shortest"]
N_CLIPS: dict[Part, int] = {"train": 24, "normal": 8, "fault": 8, "silence": 2, "longer": 2, "shortest": 2}


def clips(detector: Detector, part: Part) -> Clips:
    """Return the clips of one part with the features of the detector, read-only.

    They are of one unit, or of two where the scope is a machine. A detector with a field `channels` gets that many
    channels, as with `--channel all`.
    """
    units = tuple(HUM) if detector.scope == "machine" else tuple(HUM)[:1]
    return _clips(features_of(detector), units, part, getattr(detector, "channels", 1))


@lru_cache(maxsize=64)
def _clips(features: tuple[Feature, ...], units: tuple[str, ...], part: Part, n_channels: int) -> Clips:
    of_clip = [units[index % len(units)] for index in range(N_CLIPS[part])]
    n_samples = {"longer": 2 * N_SAMPLES, "shortest": max(map(_shortest, features))}.get(part, N_SAMPLES)
    rng = np.random.default_rng(list(N_CLIPS).index(part))
    sounds = [[_sound(rng, unit, part, n_samples) for _ in range(n_channels)] for unit in of_clip]
    first, *further = [[_table(feature, channels) for channels in sounds] for feature in features]
    return Clips(first, of_clip, further)


def _table(feature: Feature, channels: Sequence[np.ndarray]) -> np.ndarray:
    """Return the feature of each channel, side by side and read-only: `(n_frames, n_channels * n_bins) float32`."""
    table = np.concatenate([feature(waveform, SAMPLE_RATE) for waveform in channels], axis=1)
    table.flags.writeable = False
    return table


def _sound(rng: np.random.Generator, unit: str, part: Part, n_samples: int) -> np.ndarray:
    """Return `(n_samples,) float32`: six harmonics with random levels and phases, in quiet noise."""
    if part == "silence":
        return np.zeros(n_samples, dtype=np.float32)
    hum = _tones(rng, HUM[unit] * np.arange(1, 7), n_samples) + 0.003 * rng.standard_normal(n_samples)
    if part == "fault":  # a tone far above the hum, 20 dB louder than each harmonic, and noise of 20 dB more
        hum += 10 * _tones(rng, HUM[unit] * np.array([20.5]), n_samples) + 0.03 * rng.standard_normal(n_samples)
    return hum.astype(np.float32)


def _tones(rng: np.random.Generator, frequencies: np.ndarray, n_samples: int) -> np.ndarray:
    """Return the sum of tones of about -32 dB each, within 1 dB, with random phases."""
    amplitudes = 0.035 * 10 ** (rng.uniform(-1, 1, (len(frequencies), 1)) / 20)
    phases = rng.uniform(0, 2 * np.pi, (len(frequencies), 1))
    time = np.arange(n_samples) / SAMPLE_RATE
    return np.sum(amplitudes * np.sin(2 * np.pi * frequencies[:, np.newaxis] * time + phases), axis=0)


def _shortest(feature: Feature) -> int:
    """Return the smallest number of samples that the feature takes, by bisection."""
    refused, taken = 0, N_SAMPLES
    while taken - refused > 1:
        middle = (refused + taken) // 2
        try:
            feature(np.zeros(middle, dtype=np.float32), SAMPLE_RATE)
        except InputError:
            refused = middle
        else:
            taken = middle
    return taken
