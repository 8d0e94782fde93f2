"""Clips of another sample rate: brought to the corpus's own by one declared method, the soxr library at high quality.

Resampling takes away what lies above half the lower rate, and a corpus of mixed rates tells its clips apart by that.
So it is the corpus that decides: those that are published at one rate refuse any other (features.cache does), own
recordings may be resampled (benchmarks.datasets.folder), and the result says so.
"""

from dataclasses import dataclass

import numpy as np

from features.audio import AudioSource, Channel
from features.errors import InputError

METHOD = "soxr_hq"  # librosa's name: soxr, steep linear-phase filter, 20 bits


def resample(waveform: np.ndarray, from_rate: int, to_rate: int) -> np.ndarray:
    """Return `(ceil(n_samples * to_rate / from_rate),) float32` at `to_rate` Hz; at its own rate, the array itself.

    `waveform` `(n_samples,) float32`. A sample keeps its time and its scale: a tone below both Nyquist frequencies
    keeps its amplitude. Raises `InputError` where a rate is not above 0.
    """
    if min(from_rate, to_rate) <= 0:
        raise InputError(f"resample: from {from_rate} to {to_rate} Hz; give rates above 0")
    if from_rate == to_rate:
        return waveform
    import librosa  # here: whoever only names a source must not wait for it

    resampled = librosa.resample(waveform, orig_sr=from_rate, target_sr=to_rate, res_type=METHOD)
    return np.ascontiguousarray(resampled, dtype=np.float32)


@dataclass(frozen=True)
class Resampled:
    """A source heard at another sample rate than it may have."""

    source: AudioSource
    rate: int  # Hz

    @property
    def name(self) -> str:
        return self.source.name

    @property
    def identity(self) -> str:
        """That of the source, with rate and method: the rate that it has is not known before it is read."""
        return f"{self.source.identity} at {self.rate} Hz by {METHOD}"

    def read(self, channel: Channel) -> tuple[np.ndarray, int]:
        """Return `((n_samples,) float32, self.rate)`. Raises `InputError` as the source does."""
        waveform, rate = self.source.read(channel)
        return resample(waveform, rate, self.rate), self.rate

    def read_all(self) -> tuple[np.ndarray, int]:
        """Return `((n_channels, n_samples) float32, self.rate)`. Raises `InputError` as the source does."""
        waveforms, rate = self.source.read_all()
        return np.stack([resample(waveform, rate, self.rate) for waveform in waveforms]), self.rate
