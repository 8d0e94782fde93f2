"""One-class support vector machine (Schölkopf et al., 2001): what lies outside a smooth hull is anomalous."""

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import OneClassSVM

from detectors.contract.detector import Clips, Detector, sampled_frames, vectors
from detectors.contract.global_state import seeded_globally
from detectors.contract.registry import register
from features import Feature, InputError, PooledLogMel


@register("ocsvm")
@dataclass
class OneClassSvm(Detector):
    """A hull around the training clips in the space of a Gaussian kernel, leaving at most a share `nu` of them out.

    Score: `rho - sum_i alpha_i exp(-gamma |x - x_i|^2)`, 0 on the hull, positive outside.
    Bins are standardised with the training clips; a bin that never changes is centred only.
    With `frames`, and a feature such as `LogMel()`, the hull is one of frames, and the score is their mean.
    """

    nu: float = 0.1  # 0..1
    gamma: float | Literal["scale", "auto"] = "scale"  # "scale": 1 / (n_bins * variance)
    frames: int = 0  # 0 = one vector per clip; otherwise the number of frames to learn from, e.g. 5_000 (cost: square)
    seed: int = 0  # which frames
    feature: Feature = PooledLogMel()

    def __post_init__(self) -> None:
        if self.frames and isinstance(self.feature, PooledLogMel):
            raise InputError(f"frames={self.frames} needs a feature that has frames, such as feature=LogMel()")

    def fit(self, clips: Clips) -> Self:
        normal = sampled_frames(clips, self.frames, self.seed) if self.frames else vectors(clips)
        self.hull_ = make_pipeline(StandardScaler(), OneClassSVM(kernel="rbf", nu=self.nu, gamma=self.gamma))
        with seeded_globally(0):  # libsvm is handed a seed from numpy's global generator, though it uses none here
            self.hull_.fit(normal.astype(np.float64))
        return self

    def score(self, clips: Clips) -> np.ndarray:  # scikit-learn: higher = normal
        if self.frames:
            return np.array([-self._distances(frames).mean() for frames in clips.features])
        return -self._distances(vectors(clips))

    def _distances(self, table: np.ndarray) -> np.ndarray:
        """Signed distances of rows to the hull, `(n_rows,)`, positive inside."""
        return self.hull_.decision_function(table.astype(np.float64))
