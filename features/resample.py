"""Resampling clips of another sample rate to that of the corpus, with the soxr library at high quality.

Resampling removes the sound above half the lower rate, and a detector could recognise the resampled clips of a corpus
by that. So the corpus decides: those that are published at one rate refuse any other (in features.cache), your own
recordings can be resampled (benchmarks.datasets.folder), and the result says so.
"""

from dataclasses import dataclass

import numpy as np

from features.audio import AudioSource, Channel
from features.errors import InputError

METHOD = "soxr_hq"  # librosa's name: soxr, steep linear-phase filter, 20 bits


def resample(waveform: np.ndarray, from_rate: int, to_rate: int) -> np.ndarray:
    """Return `(ceil(n_samples * to_rate / from_rate),) float32` at `to_rate` Hz; at its own rate, the array itself.

    `waveform` `(n_samples,) float32`. Time and scale do not change: a tone below both Nyquist frequencies keeps its
    amplitude. Raises `InputError` where a rate is not above 0.

    >>> resample(np.zeros(44_100, dtype=np.float32), from_rate=44_100, to_rate=16_000).shape
    (16000,)
    """
    if min(from_rate, to_rate) <= 0:
        raise InputError(f"resample: from {from_rate} to {to_rate} Hz; give rates above 0")
    if from_rate == to_rate:
        return waveform
    import librosa  # here, because it is slow to import and not needed to name a source

    resampled = librosa.resample(waveform, orig_sr=from_rate, target_sr=to_rate, res_type=METHOD)
    return np.ascontiguousarray(resampled, dtype=np.float32)


@dataclass(frozen=True)
class Resampled:
    """A source, resampled to this rate where it has another."""

    source: AudioSource
    rate: int  # Hz

    @property
    def name(self) -> str:
        return self.source.name

    @property
    def identity(self) -> str:
        """That of the source, with rate and method; its own rate is not known before it is read."""
        return f"{self.source.identity} at {self.rate} Hz by {METHOD}"

    def read(self, channel: Channel) -> tuple[np.ndarray, int]:
        """Return `((n_samples,) float32, self.rate)`. Raises `InputError` as the source does."""
        waveform, rate = self.source.read(channel)
        return resample(waveform, rate, self.rate), self.rate

    def read_all(self) -> tuple[np.ndarray, int]:
        """Return `((n_channels, n_samples) float32, self.rate)`. Raises `InputError` as the source does."""
        waveforms, rate = self.source.read_all()
        return np.stack([resample(waveform, rate, self.rate) for waveform in waveforms]), self.rate
