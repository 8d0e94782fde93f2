"""Log-mel spectrogram: power (or magnitude) mel spectrogram in dB, through torchaudio."""

import sys
import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np

from features.errors import InputError
from features.feature import Feature


@dataclass(frozen=True)
class LogMel(Feature):
    """Mel spectrogram in dB, `(n_frames, n_mels) float32`, with the defaults of the MIMII baseline.

    `20 / power * log10(mel + epsilon)`, epsilon = 2.2e-16: 0 dB is a full-scale unit, silence is -156.5 dB (power 2).
    n_frames = 1 + n_samples // hop_length with centred frames. The defaults are those of Purohit et al. 2019
    (arXiv 1909.09347) and of its code. librosa >= 0.10 pads the edges with `pad_mode="constant"`.

    >>> LogMel(n_mels=32)(np.zeros(16_000), sample_rate=16_000).shape
    (32, 32)
    """

    n_fft: int = 1024  # samples, also the length of the Hann window
    hop_length: int = 512  # samples
    n_mels: int = 64
    f_min: float = 0.0  # Hz
    f_max: float | None = None  # Hz, None = half the sample rate
    power: float = 2.0  # 2 = power, 1 = magnitude
    mel_scale: Literal["slaney", "htk"] = "slaney"
    norm: Literal["slaney"] | None = "slaney"
    center: bool = True
    pad_mode: Literal["reflect", "constant"] = "reflect"

    def __call__(self, waveform: np.ndarray, sample_rate: int) -> np.ndarray:
        import torch  # here, because torch is slow to import and not needed to name a LogMel

        shortest = self.n_fft // 2 + 1 if self.center else self.n_fft
        if len(waveform) < shortest:
            raise InputError(
                f"{self!r} needs clips of at least {shortest} samples, found {len(waveform)}; "
                "lower n_fft or leave the clip out"
            )
        with torch.inference_mode():
            mel = _mel_spectrogram(self, sample_rate)(torch.as_tensor(waveform, dtype=torch.float32))
            decibel = 20.0 / self.power * torch.log10(mel + sys.float_info.epsilon)
        return np.ascontiguousarray(decibel.numpy().T)  # (n_mels, n_frames) -> (n_frames, n_mels)


@lru_cache(maxsize=8)
def _mel_spectrogram(feature: LogMel, sample_rate: int) -> Any:
    """Return the transform, built once per feature and sample rate."""
    import torchaudio

    f_max = sample_rate / 2 if feature.f_max is None else feature.f_max
    if not 0 <= feature.f_min < f_max <= sample_rate / 2:
        raise InputError(f"{feature!r}: needs 0 <= f_min < f_max <= {sample_rate / 2:g} Hz at {sample_rate} Hz")
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        try:
            return torchaudio.transforms.MelSpectrogram(
                sample_rate=sample_rate,
                n_fft=feature.n_fft,
                hop_length=feature.hop_length,
                f_min=feature.f_min,
                f_max=f_max,
                n_mels=feature.n_mels,
                power=feature.power,
                center=feature.center,
                pad_mode=feature.pad_mode,
                norm=feature.norm,
                mel_scale=feature.mel_scale,
            )
        except UserWarning as empty_bands:
            raise InputError(
                f"{feature!r} leaves bands empty at {sample_rate} Hz; lower n_mels or raise n_fft"
            ) from empty_bands
