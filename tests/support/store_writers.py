"""Processes that write and read one cell of a store at the same time, forked from a process without threads.

    python -m tests.support.store_writers killed|together FOLDER_OF_A_CELL

Prints a line for each thing that went wrong, then how often each version was read.
"""

import os
import random
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import pandas as pd

from benchmarks.run.store import Store
from features import InputError

KILLS, WRITERS, WRITES = 40, 4, 25


def version(n):
    """A score table of as many clips as its scores say, so that a mixed one shows."""
    size = 200 + 100 * (n % 2)
    return pd.DataFrame({"part": "test", "path": [f"{i}.wav" for i in range(size)], "label": 0, "score": size + 0.5})


def read(store, folder):
    """The number of clips of the version that is stored. Raises `InputError` where none is whole."""
    result, scores = store.read(folder)
    assert [folder] == store.folders()
    assert (scores["score"] == len(scores) + 0.5).all()
    assert result.n_train == len(scores)
    return len(scores)


def write(store, result, n):
    scores = version(n)
    store.write(result.model_copy(update={"n_train": len(scores)}), scores, scores[["score"]])


def forked(function):
    child = os.fork()
    if child:
        return child
    try:
        function()
    except BaseException as error:
        print(f"writer: {type(error).__name__}: {error}", flush=True)
        os._exit(1)
    os._exit(0)


def killed(store, folder, result):
    """Kill a writer at a random moment, again and again; read what it left."""
    rng, seen = random.Random(0), Counter()
    for first in range(KILLS):
        child = forked(lambda first=first: [write(store, result, n) for n in range(first, 10**6)])
        time.sleep(rng.uniform(0.001, 0.06))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        seen[attempt(store, folder)] += 1
    store.sweep()
    seen[attempt(store, folder)] += 1
    return seen


def together(store, folder, result):
    """Read while several processes write the same cell, and another one sweeps."""
    children = [forked(lambda: [write(store, result, n) for n in range(WRITES)]) for _ in range(WRITERS)]
    children.append(forked(lambda: [store.sweep() for _ in range(WRITES)]))
    seen = Counter()
    while children:
        children = [child for child in children if os.waitpid(child, os.WNOHANG) == (0, 0)]
        seen[attempt(store, folder)] += 1
    return seen


def attempt(store, folder):
    try:
        return read(store, folder)
    except (InputError, AssertionError) as error:
        print(f"reader: {type(error).__name__}: {error}", flush=True)
        return 0


if __name__ == "__main__":
    mode, folder = {"killed": killed, "together": together}[sys.argv[1]], Path(sys.argv[2])
    store = Store(folder.parents[3])
    result = store.result(folder)
    write(store, result, 0)
    for size, count in sorted(mode(store, folder, result).items()):
        print(f"{size}: {count}")
