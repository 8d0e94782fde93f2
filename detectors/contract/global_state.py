"""The global random generators: what state they are in, and how third-party code is kept from leaving a trace."""

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

# ruff: noqa: NPY002 - the legacy interface is the only way to the generator that is global


def global_state() -> dict[str, object]:
    """Return the states of the global generators of random, numpy and, where it is loaded, torch."""
    state: dict[str, object] = {"random": random.getstate(), "numpy": np.random.get_state()}
    if torch := sys.modules.get("torch"):
        state["torch"] = torch.get_rng_state().numpy()  # (n_bytes,) uint8
    return state


@contextmanager
def seeded_globally(seed: int) -> Iterator[dict[str, object]]:
    """Seed the global generators and put them back at the end; yields the state that they were in.

    For code of others that reads global state. Ours draws from `np.random.default_rng(seed)`.
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
