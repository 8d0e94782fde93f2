"""A detector whose annotations are text, one of which only a type checker can resolve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np

from detectors import Clips, Detector
from detectors.contract.fields import AtLeast
from features import Feature, Level

if TYPE_CHECKING:
    from decimal import Decimal


@dataclass
class TextAnnotations(Detector):
    """The level of the clip."""

    k: Annotated[int, AtLeast(1)] = 1
    known_to_type_checkers_only: Decimal | None = None
    feature: Feature = Level()

    def fit(self, clips: Clips) -> TextAnnotations:
        return self

    def score(self, clips: Clips) -> np.ndarray:
        return np.array([frames.mean() for frames in clips.features])
