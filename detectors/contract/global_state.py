"""The state of the global random generators, and how to restore it after third-party code has changed it."""

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

# ruff: noqa: NPY002 - only the legacy interface gives access to the global generator


def global_state() -> dict[str, object]:
    """Return the states of the global generators of random, numpy and, if it is loaded, torch."""
    state: dict[str, object] = {"random": random.getstate(), "numpy": np.random.get_state()}
    if torch := sys.modules.get("torch"):
        state["torch"] = torch.get_rng_state().numpy()  # (n_bytes,) uint8
    return state


@contextmanager
def seeded_globally(seed: int) -> Iterator[dict[str, object]]:
    """Seed the global generators and restore them at the end; yields the state before.

    For third-party code that uses global state. Our own code draws from `np.random.default_rng(seed)`.

    >>> with seeded_globally(0):
    ...     first = random.random()
    >>> with seeded_globally(0):
    ...     random.random() == first
    True
    """
    before = global_state()
    try:
        random.seed(seed)
        np.random.seed(seed)
        if torch := sys.modules.get("torch"):
            torch.random.default_generator.manual_seed(seed)
        yield before
    finally:
        random.setstate(before["random"])  # type: ignore[arg-type]
        np.random.set_state(before["numpy"])  # type: ignore[arg-type]
        if "torch" in before:
            torch = sys.modules["torch"]
            torch.set_rng_state(torch.from_numpy(before["torch"]))
