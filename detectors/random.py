"""Random scores: a sanity row that shows the results of chance."""

import hashlib
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from detectors.contract.detector import Clips, Detector
from detectors.contract.fields import Seed
from detectors.contract.registry import register
from features import Feature, Level


@register("random")
@dataclass
class Random(Detector):
    """A uniform random number in 0..1 for each clip.

    It is drawn from a hash of the seed and the clip, so that a clip has the same score in any batch.
    """

    sanity: ClassVar[bool] = True
    seed: Seed = 0
    feature: Feature = Level()

    def fit(self, clips: Clips) -> Self:
        return self

    def score(self, clips: Clips) -> np.ndarray:
        return np.array([self._draw(frames) for frames in clips.features])

    def _draw(self, frames: np.ndarray) -> float:
        digest = hashlib.blake2b(frames.tobytes(), digest_size=8, salt=str(self.seed).encode()[:16])
        return int.from_bytes(digest.digest()) / 2**64
