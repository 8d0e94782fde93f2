"""The contract of a feature: a pure function from one waveform to a table of frames."""

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np


class Feature(ABC):
    """A representation of a clip. The runner computes it for detectors and stores it in the feature cache.

    A feature is a frozen dataclass. Its fields are its configuration, its `repr` is its name in the cache and in
    results. It learns nothing: statistics over clips belong to detectors, which see training clips only.
    """

    pooled: ClassVar[bool] = False  # True: the same size for any length of clip, so a table of vectors can replace it

    @abstractmethod
    def __call__(self, waveform: np.ndarray, sample_rate: int) -> np.ndarray:
        """Compute the feature of one clip.

        Parameters: `waveform` `(n_samples,) float32`, full scale = 1; `sample_rate` in Hz.
        Returns `(n_frames, n_bins) float32`, finite. Raises `InputError` where the clip is too short.
        """
