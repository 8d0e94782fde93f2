"""The waveform itself as a feature, for detectors that learn from raw samples."""

from dataclasses import dataclass

import numpy as np

from features.feature import Feature


@dataclass(frozen=True)
class Waveform(Feature):
    """Raw samples, one per frame: `(n_samples, 1) float32`, full scale = 1.

    >>> Waveform()(np.zeros(16_000), sample_rate=16_000).shape
    (16000, 1)
    """

    def __call__(self, waveform: np.ndarray, sample_rate: int) -> np.ndarray:
        return np.asarray(waveform, dtype=np.float32)[:, np.newaxis]
