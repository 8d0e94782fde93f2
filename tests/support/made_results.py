"""Results and score tables made from numbers, without a run."""

import itertools

import numpy as np
import pandas as pd

from benchmarks.metrics import METRICS

FOUR = {0.0: [3, 4, 1, 2], 0.25: [2, 4, 1, 3], 0.5: [1, 4, 2, 3], 0.75: [1, 3, 2, 4], 1.0: [1, 2, 3, 4]}


def table(scores, labels=(0, 0, 1, 1)):
    paths = [f"{i:08}.wav" for i in range(len(labels))]
    return pd.DataFrame({"part": "test", "path": paths, "label": labels, "score": np.asarray(scores, dtype=float)})


def results_of(tables):
    """Results and score loader of `(detector, machine, unit, snr_db, seed) -> score table`, None for a failed cell."""
    rows = []
    for (detector, machine, unit, snr_db, seed), scores in tables.items():
        row = {"detector": detector, "dataset": "toy", "machine": machine, "unit": unit, "snr_db": snr_db, "seed": seed}
        row |= {"fit_seconds": 2.0, "score_seconds": 0.5, "status": "ok", "message": np.nan}
        row |= dict.fromkeys(METRICS, np.nan)
        if scores is None:
            row |= {"status": "out_of_memory", "message": "CUDA out of memory\nat 12 GB"}
        else:
            row |= {name: metric(scores["label"], scores["score"]) for name, metric in METRICS.items()}
        rows.append(row)
    by_name = {_cell_name(*cell): scores for cell, scores in tables.items()}
    cells = ["detector", "machine", "unit", "snr_db", "seed"]
    return pd.DataFrame(rows), lambda row: by_name[_cell_name(*row[cells])]


def _cell_name(detector, machine, unit, snr_db, seed):
    return f"{detector} {machine} {unit} {snr_db:g} {seed:g}"  # text, because NaN is not equal to NaN


def small(aucs):
    """Results of `(detector, machine, unit, snr_db, seed) -> AUC`, with four clips a cell."""
    return results_of({cell: None if area is None else table(FOUR[area]) for cell, area in aucs.items()})


def noisy(detectors, units=6, clips=60, snrs=(6.0, 0.0), seed=0, shared=1.0):
    """Results of `detector -> shift of the anomalies`; the detectors share noise of scale `shared` on each clip."""
    rng = np.random.default_rng(seed)
    labels = np.repeat([0, 1], clips)
    tables = {}
    for unit, snr_db in itertools.product(range(units), snrs):
        common = shared * rng.normal(size=2 * clips)
        for name, shift in detectors.items():
            tables[name, "fan", f"id_{unit:02}", snr_db, 0] = table(
                common + 0.3 * rng.normal(size=2 * clips) + shift * labels, labels
            )
    return results_of(tables)
