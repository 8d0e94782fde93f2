"""Features pooled over time, which have the same size for any length of clip: log-mel statistics, and the level."""

import re
import sys
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np

from features.errors import InputError
from features.feature import Feature
from features.log_mel import LogMel


@dataclass(frozen=True)
class PooledLogMel(Feature):
    """Statistics of each mel band over the frames of a clip: `(n_statistics, n_mels) float32`, in dB.

    Statistics: `mean`, `std`, `min`, `max`; `q90` (any quantile in percent); `twfr0.5` (any r in 0..1), the
    time-weighted pool of Guan et al. 2023 (arXiv 2305.03328): the frames of each band are sorted from loud to quiet and
    averaged with the weights 1, r, r^2, ..., so r = 1 is the mean and r = 0 the maximum.

    >>> PooledLogMel(LogMel(n_mels=32), ("mean", "q90"))(np.zeros(16_000), sample_rate=16_000).shape
    (2, 32)
    """

    pooled: ClassVar[bool] = True
    mel: LogMel = LogMel(n_mels=128)
    statistics: tuple[str, ...] = ("mean", "std", "max")

    def __post_init__(self) -> None:
        if not self.statistics:
            raise InputError("PooledLogMel: statistics is empty; give at least one, e.g. ('mean',)")
        for statistic in self.statistics:
            _pool(np.zeros((1, 1), dtype=np.float32), statistic)

    def __call__(self, waveform: np.ndarray, sample_rate: int) -> np.ndarray:
        frames = self.mel(waveform, sample_rate)  # (n_frames, n_mels)
        return np.stack([_pool(frames, statistic) for statistic in self.statistics]).astype(np.float32)


@dataclass(frozen=True)
class Level(Feature):
    """Level of the whole clip, `(1, 1) float32`: its mean square in dB, where 0 dB is a mean square of 1.

    >>> Level()(np.full(16_000, 0.1), sample_rate=16_000).round(2)
    array([[-20.]], dtype=float32)
    """

    pooled: ClassVar[bool] = True

    def __call__(self, waveform: np.ndarray, sample_rate: int) -> np.ndarray:
        if len(waveform) == 0:
            raise InputError("Level needs clips of at least 1 sample, found none; leave the clip out")
        mean_square = np.mean(np.square(waveform, dtype=np.float64))
        return np.float32(10 * np.log10(mean_square + sys.float_info.epsilon)).reshape(1, 1)


def _pool(frames: np.ndarray, statistic: str) -> np.ndarray:
    """Reduce `(n_frames, n_bins)` to `(n_bins,)`."""
    if statistic in ("mean", "std", "min", "max"):
        return getattr(np, statistic)(frames, axis=0)
    match = re.fullmatch(r"(q|twfr)(\d+(?:\.\d+)?)", statistic)
    kind, value = (match[1], float(match[2])) if match else ("", -1.0)
    if kind == "q" and value <= 100:
        return np.percentile(frames, value, axis=0)
    if kind == "twfr" and value <= 1:
        return _twfr_weights(len(frames), value) @ np.sort(frames, axis=0)[::-1]
    raise InputError(
        f"PooledLogMel: unknown statistic {statistic!r}; known: mean, std, min, max, q0..q100, twfr0..twfr1"
    )


@lru_cache(maxsize=64)
def _twfr_weights(n_frames: int, r: float) -> np.ndarray:
    weights = r ** np.arange(n_frames, dtype=np.float64)  # 0 ** 0 = 1, so r = 0 keeps only the loudest frame
    return weights / weights.sum()
