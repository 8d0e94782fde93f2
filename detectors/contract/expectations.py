"""What is expected of scores, in a run and in the conformance checks, with messages that say what was found."""

import numpy as np

from features import InputError


def real_scores(returned: object, n_clips: int) -> np.ndarray:
    """Return what `score` returned as `(n_clips,) float64`.

    Raises `InputError` for anything but one real number per clip: a conversion would make numbers of text and of True,
    drop imaginary parts, and put something in the place of masked values.

    >>> real_scores([1, 2.5], 2)
    array([1. , 2.5])
    >>> real_scores(["1", "2"], 2)
    Traceback (most recent call last):
        ...
    features.errors.InputError: score() gave text (<U1) for 2 clips; return one float per clip
    """
    try:
        scores = np.asarray(returned)
    except ValueError:  # rows of different lengths
        raise _refusal("a ragged list", n_clips) from None
    if np.ma.isMaskedArray(returned):
        raise _refusal("a masked array", n_clips)
    if scores.dtype.kind not in "fiu":
        kind = _KINDS.get(scores.dtype.kind, "values that are no numbers")
        raise _refusal(f"{kind} ({scores.dtype})", n_clips)
    if scores.shape != (n_clips,):
        raise _refusal(f"shape {scores.shape}", n_clips)
    return scores.astype(np.float64)


_KINDS = {"b": "truth values", "c": "complex numbers", "U": "text", "S": "bytes", "O": "objects"}  # by numpy's kind


def _refusal(found: str, n_clips: int) -> InputError:
    return InputError(f"score() gave {found} for {n_clips} clips; return one float per clip")


def require(condition: object, message: str) -> None:
    """Unlike `assert`, this also runs with `python -O`."""
    if not condition:
        raise AssertionError(message)


def require_scores(scores: np.ndarray, n_clips: int) -> None:
    require(isinstance(scores, np.ndarray), f"score returned {type(scores).__name__}, expected is a numpy array")
    real_scores(scores, n_clips)
    require(np.issubdtype(scores.dtype, np.floating), f"scores are {scores.dtype}, expected is float")
    require(np.isfinite(scores).all(), f"{np.sum(~np.isfinite(scores))} of {n_clips} scores are not finite")


def require_equal(found: np.ndarray, expected: np.ndarray, this: str, that: str) -> None:
    """Equal up to 1e-6 of the largest score: sums in another order round differently."""
    gap, largest = np.max(np.abs(found - expected)), np.max(np.abs(expected))
    require(gap <= 1e-6 * largest, f"scores differ by {gap:.3g} (largest score {largest:.3g}) {this} against {that}")
