"""From the store to one tidy table: a row per cell, with the metrics of its stored scores."""

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

    Metrics come from the stored scores and are NaN where `status` is not "ok". `folder` holds `scores.csv`.
    A cell whose test clips lack labels, or two clips of each class, is scored but has status "unlabelled".
    A result on another split or version of the corpus than the newest of its unit and SNR is no result on the same
    clips: it becomes a row of status "stale". `scores_only` marks scores that were computed elsewhere and imported;
    `trained_on` is what their authors declare.
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
    metrics = _judge(Store.scores(folder)) if result["status"] == "ok" else {}
    renamed = {
        "n_abnormal": result["n_abnormal"],
        "folder": str(folder),
        "clips": f"{result['manifest']} of {result['config']['dataset_identity']}",  # what was split, and how
    }
    ours = {"scores_only": False, "trained_on": ""}  # unless the result, computed elsewhere, says otherwise
    return dict.fromkeys(COLUMNS, np.nan) | ours | result | renamed | dict(metrics)


def _judge(scores: pd.DataFrame) -> Mapping[str, object]:
    """The metrics of a cell; where its test clips do not allow any, the status "unlabelled" and why."""
    test = scores[scores["part"] == "test"]
    n_secret, n_normal, n_abnormal = (int((test["label"].fillna(-1) == label).sum()) for label in (-1, 0, 1))
    if n_secret or min(n_normal, n_abnormal) < 2:  # an interval needs two of each
        found = f"{n_normal} normal, {n_abnormal} abnormal and {n_secret} unlabelled test clips"
        return {"status": "unlabelled", "message": f"scored, not judged: {found}"}
    labels, values = test["label"].to_numpy(), test["score"].to_numpy()
    low, high = auc_interval(labels, values)
    limits = {"auc_low": low, "auc_high": high}
    return {name: metric(labels, values) for name, metric in METRICS.items()} | limits
