"""The AUC of the test clips after each epoch, as papers print it: a diagnostic by which nothing may be chosen.

The detector does not know of it: after each epoch the diagnosis asks for the scores of the test clips, as the runner
does after a fit. The labels join them once the fit has ended, in another process.
"""

import time
from collections.abc import Mapping, Sequence
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
    seconds: float = 0.0  # spent here so far, not part of the time of the fit
    scores: dict[int, np.ndarray] = field(default_factory=dict)  # by epoch, where they are finite

    def __call__(self, epoch: int) -> None:
        started = time.perf_counter()
        try:
            scores = real_scores(self.detector.score(self.clips), len(self.clips))
            if np.isfinite(scores).all():
                self.scores[epoch] = scores
        except NotFitted:  # what it needs to score is computed after the last epoch
            pass
        self.seconds += time.perf_counter() - started


def with_test_auc(
    history: pd.DataFrame, scores: Mapping[int, np.ndarray], labels: Sequence[int | None]
) -> pd.DataFrame:
    """Return a history with the column `test_auc`, or as it is where no epoch has scores or the labels judge nothing.

    scores: by epoch, one per test clip; labels: of these clips.

    >>> history = pd.DataFrame({"epoch": [1, 2], "loss": [0.5, 0.25]})
    >>> with_test_auc(history, {2: np.array([0.0, 1.0])}, [0, 1])["test_auc"].tolist()
    [nan, 1.0]
    """
    if not scores or set(labels) != {0, 1} or "epoch" not in history:
        return history
    aucs = {epoch: auc(np.array(labels, dtype=int), of_epoch) for epoch, of_epoch in scores.items()}
    return history.assign(test_auc=history["epoch"].map(aucs))
