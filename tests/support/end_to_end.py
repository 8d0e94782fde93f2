"""A small corpus through plan, runner and report, in one process."""

from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.datasets import Dataset
from benchmarks.evaluation.stored_results import load_results
from benchmarks.reporting.leaderboard_files import write_leaderboard
from benchmarks.run.plan import make_plan
from benchmarks.run.protocols import Protocol
from benchmarks.run.runner import Runner
from benchmarks.run.store import Store
from detectors.contract.variants import create
from features.cache import FeatureCache


def run(
    corpus: Dataset, folder: Path, *detectors: str, split: str | None = None, channel: str = "0"
) -> tuple[Path, pd.DataFrame]:
    """Run detectors on a corpus under its own split rule; return the results' folder and the table of its cells."""
    protocol = Protocol(split or corpus.official_split, channel)
    plan = make_plan(corpus, protocol, {name: create(name) for name in detectors})
    runner = Runner(Store(folder / "results" / corpus.folder / protocol.name), FeatureCache(folder / "cache"))
    for _ in runner.run(plan, runner.pending(plan)):
        pass
    write_leaderboard(runner.store.root)
    return runner.store.root, load_results(runner.store.root)


def hum(loudness: float, n_samples: int = 1600, rate: int = 16_000) -> np.ndarray:
    """A sound whose level rises with `loudness`, 0 to 10: `(n_samples, 1) int16`."""
    phase = 2 * np.pi * 440 * np.arange(n_samples) / rate
    return (loudness * 3000 * np.sin(phase)).astype(np.int16)[:, np.newaxis]
