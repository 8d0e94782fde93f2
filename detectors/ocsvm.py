"""One-class support vector machine (Schölkopf et al., 2001): what lies outside a smooth hull is anomalous."""

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import OneClassSVM

from detectors.detector import Clips, Detector, vectors
from detectors.global_state import seeded_globally
from detectors.registry import register
from features import Feature, PooledLogMel


@register("ocsvm")
@dataclass
class OneClassSvm(Detector):
    """A hull around the training clips in the space of a Gaussian kernel, leaving at most a share `nu` of them out.

    Score: `rho - sum_i alpha_i exp(-gamma |x - x_i|^2)`, 0 on the hull, positive outside.
    Bins are standardised with the training clips; a bin that never changes is centred only.
    """

    nu: float = 0.1  # 0..1
    gamma: float | Literal["scale", "auto"] = "scale"  # "scale": 1 / (n_bins * variance)
    feature: Feature = PooledLogMel()

    def fit(self, clips: Clips) -> Self:
        self.hull_ = make_pipeline(StandardScaler(), OneClassSVM(kernel="rbf", nu=self.nu, gamma=self.gamma))
        with seeded_globally(0):  # libsvm is handed a seed from numpy's global generator, though it uses none here
            self.hull_.fit(vectors(clips).astype(np.float64))
        return self

    def score(self, clips: Clips) -> np.ndarray:
        return -self.hull_.decision_function(vectors(clips).astype(np.float64))  # scikit-learn: higher = normal
