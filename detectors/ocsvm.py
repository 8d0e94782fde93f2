"""One-class support vector machine: a smooth hull around the normal clips."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import OneClassSVM

from detectors.contract.detector import Clips, Detector, sampled_frames, vectors
from detectors.contract.fields import Above, AtMost, CountOrZero, Positive, Seed
from detectors.contract.global_state import seeded_globally
from detectors.contract.registry import register
from features import Feature, InputError, PooledLogMel


@register("ocsvm")
@dataclass
class OneClassSvm(Detector):
    """Distance to a hull around the training clips (one-class support vector machine; Schölkopf et al., 2001).

    Score: `rho - sum_i alpha_i exp(-gamma |x - x_i|^2)`, 0 on the hull, positive outside. Bins are standardised with
    the training clips; a bin that never changes is only centred.
    """

    nu: Annotated[float, Above(0), AtMost(1)] = 0.1  # upper limit of the share of training clips outside the hull
    gamma: Positive | Literal["scale", "auto"] = "scale"  # scale: 1 / (n_bins * variance); auto: 1 / n_bins
    frames: CountOrZero = 0  # 0: one vector per clip; otherwise learn from this many frames, e.g. 5_000 (cost: square),
    #                          of a feature such as `LogMel()`, and score a clip by the mean over its frames
    seed: Seed = 0  # decides which frames are drawn
    feature: Feature = PooledLogMel()
    papers: ClassVar[tuple[str, ...]] = ("schoelkopf2001ocsvm",)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.frames and isinstance(self.feature, PooledLogMel):
            raise InputError(f"ocsvm[frames={self.frames}]: choose a feature that has frames, e.g. feature=LogMel()")

    def fit(self, clips: Clips) -> Self:
        normal = sampled_frames(clips, self.frames, self.seed) if self.frames else vectors(clips)
        self.hull_ = make_pipeline(StandardScaler(), OneClassSVM(kernel="rbf", nu=self.nu, gamma=self.gamma))
        with seeded_globally(0):  # libsvm is given a seed from numpy's global generator, though it uses none here
            self.hull_.fit(normal.astype(np.float64))
        return self

    def score(self, clips: Clips) -> np.ndarray:  # scikit-learn: higher = normal
        if self.frames:
            return np.array([-self._distances(frames).mean() for frames in clips.features])
        return -self._distances(vectors(clips))

    def _distances(self, table: np.ndarray) -> np.ndarray:
        """Return the signed distances of rows to the hull, `(n_rows,)`, positive inside."""
        return self.hull_.decision_function(table.astype(np.float64))
