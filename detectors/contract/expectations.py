"""What the conformance checks expect of scores, with messages that say what was found."""

import numpy as np


def require(condition: object, message: str) -> None:
    """Unlike `assert`, this also runs with `python -O`."""
    if not condition:
        raise AssertionError(message)


def require_scores(scores: np.ndarray, n_clips: int) -> None:
    require(isinstance(scores, np.ndarray), f"score returned {type(scores).__name__}, expected is a numpy array")
    require(scores.shape == (n_clips,), f"scores have shape {scores.shape}, expected is ({n_clips},)")
    require(np.issubdtype(scores.dtype, np.floating), f"scores are {scores.dtype}, expected is float")
    require(np.isfinite(scores).all(), f"{np.sum(~np.isfinite(scores))} of {n_clips} scores are not finite")


def require_equal(found: np.ndarray, expected: np.ndarray, this: str, that: str) -> None:
    """Equal up to 1e-6 of the largest score: sums in another order round differently."""
    gap, largest = np.max(np.abs(found - expected)), np.max(np.abs(expected))
    require(gap <= 1e-6 * largest, f"scores differ by {gap:.3g} (largest score {largest:.3g}) {this} against {that}")
