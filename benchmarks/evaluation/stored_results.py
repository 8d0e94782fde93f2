"""Results of the store as one table: a row per cell, with the metrics of its stored scores."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.evaluation.intervals import auc_interval
from benchmarks.metrics import METRICS
from benchmarks.run.store import Store
from features import InputError

COLUMNS = (
    "detector",
    "dataset",
    "machine",
    "unit",
    "snr_db",
    "seed",
    "status",
    "auc",
    "auc_low",
    "auc_high",
    "pauc",
    "ap",
    "n_train",
    "n_normal",
    "n_abnormal",
    "fit_seconds",
    "score_seconds",
    "message",
)


BESIDE = ("scope", "sanity", "scores_only", "trained_on", "manifest", "finished", "folder")


def load_results(root: Path | str) -> pd.DataFrame:
    """Read `<results>/<dataset>/<protocol>` into one row per cell: `COLUMNS`, then `BESIDE`.

    Metrics are computed from the stored scores and are NaN if `status` is not "ok". `folder` holds `scores.csv`.
    A cell has status "unlabelled" if its test clips lack labels or have fewer than two clips of a class.
    A result on another split or version of the corpus than the newest one of its unit and SNR is on other clips: it
    has status "stale". `scores_only` marks imported scores that were computed elsewhere;
    `trained_on` is the training data that their authors declare.
    """
    rows = [_row(folder, result) for folder, result in Store(Path(root)).results()]
    if not rows:
        raise InputError(
            f"{root}: no results; run the benchmark first, or name the folder <results>/<dataset>/<protocol>"
        )
    return _mark_stale(pd.DataFrame(rows))[[*COLUMNS, *BESIDE]]


def stored_scores(row: pd.Series) -> pd.DataFrame:
    """The score table of a row of `load_results`: `part, path, label, score`, one row per clip."""
    return Store.scores(Path(row["folder"]))


def _mark_stale(results: pd.DataFrame) -> pd.DataFrame:
    group = ["machine", "unit", "snr_db"]
    newest = results.sort_values("finished").groupby(group, dropna=False)["clips"].transform("last")
    stale = results["clips"] != newest.sort_index()
    results.loc[stale, "status"] = "stale"
    results.loc[stale, "message"] = "measured on another split or version of the corpus; run it again"
    results.loc[stale, ["auc", "auc_low", "auc_high", "pauc", "ap"]] = np.nan
    return results


def _row(folder: Path, result: dict) -> dict[str, object]:
    metrics = _metrics_of(Store.scores(folder)) if result["status"] == "ok" else {}
    renamed = {
        "n_abnormal": result["n_abnormal"],
        "folder": str(folder),
        "clips": f"{result['manifest']} of {result['config']['dataset_identity']}",  # what was split, and how
    }
    ours = {"scores_only": False, "trained_on": ""}  # unless the result, computed elsewhere, says otherwise
    return dict.fromkeys(COLUMNS, np.nan) | ours | result | renamed | dict(metrics)


def _metrics_of(scores: pd.DataFrame) -> Mapping[str, object]:
    """The metrics of a cell; if its test clips do not allow any, the status "unlabelled" and the reason."""
    test = scores[scores["part"] == "test"]
    n_secret, n_normal, n_abnormal = (int((test["label"].fillna(-1) == label).sum()) for label in (-1, 0, 1))
    if n_secret or min(n_normal, n_abnormal) < 2:  # an interval needs two of each
        found = f"{n_normal} normal, {n_abnormal} abnormal and {n_secret} unlabelled test clips"
        return {"status": "unlabelled", "message": f"scored, but without metrics: {found}"}
    labels, values = test["label"].to_numpy(), test["score"].to_numpy()
    low, high = auc_interval(labels, values)
    limits = {"auc_low": low, "auc_high": high}
    return {name: metric(labels, values) for name, metric in METRICS.items()} | limits
