"""Loudness: a sanity row that takes loud clips for anomalous ones."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from detectors.contract.detector import Clips, Detector
from detectors.contract.registry import register
from features import Feature, Level


@register("loudness")
@dataclass
class Loudness(Detector):
    """The level of the clip in dB. It learns nothing from normal sound.

    With another feature, the score is the mean over all its values.
    """

    sanity: ClassVar[bool] = True
    feature: Feature = Level()

    def fit(self, clips: Clips) -> Self:
        return self

    def score(self, clips: Clips) -> np.ndarray:
        return np.array([frames.mean(dtype=np.float64) for frames in clips.features])
