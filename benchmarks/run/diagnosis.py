"""The AUC of the test clips after each epoch, as papers print it: a diagnostic by which nothing may be chosen.

The detector does not know of it: after each epoch the diagnosis asks for the scores of the test clips, as the runner
does after a fit, and joins the labels here.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from benchmarks.metrics import auc
from detectors import Clips, Detector
from detectors.contract.detector import NotFitted
from detectors.contract.expectations import real_scores


@dataclass
class Diagnosis:
    """An observer of one fit: after each epoch it scores the test clips."""

    detector: Detector
    clips: Clips  # the test clips
    labels: Sequence[int | None]  # of the test clips
    seconds: float = 0.0  # spent here so far, not part of the time of the fit
    aucs: dict[int, float] = field(default_factory=dict)  # by epoch, where there is one

    def __call__(self, epoch: int) -> None:
        started = time.perf_counter()
        if set(self.labels) == {0, 1}:
            self._score(epoch)
        self.seconds += time.perf_counter() - started

    def _score(self, epoch: int) -> None:
        try:
            scores = real_scores(self.detector.score(self.clips), len(self.clips))
        except NotFitted:  # what it needs to score is computed after the last epoch
            return
        if np.isfinite(scores).all():
            self.aucs[epoch] = auc(np.array(self.labels, dtype=int), scores)

    def joined(self, history: pd.DataFrame) -> pd.DataFrame:
        """Return the history of the fit with the column `test_auc`, or as it is where no epoch has one."""
        if not self.aucs or "epoch" not in history:
            return history
        return history.assign(test_auc=history["epoch"].map(self.aucs))
