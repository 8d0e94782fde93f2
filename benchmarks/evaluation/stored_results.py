"""Results of the store as one table: a row per cell, with the metrics of its stored scores."""

from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.cell import Cell
from benchmarks.evaluation.intervals import auc_interval
from benchmarks.metrics import METRICS
from benchmarks.run.result import Result
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
    *(name for name in METRICS if name != "auc"),
    "n_train",
    "n_normal",
    "n_abnormal",
    "fit_seconds",
    "score_seconds",
    "score_seconds_without_features",
    "message",
)
WRITTEN = (*COLUMNS, "scope", "sanity", "scores_only")  # the columns of results.csv
BESIDE = ("scope", "sanity", "seeded", "scores_only", "trained_on", "manifest", "finished", "folder")
MEANINGS = {  # of the columns that are neither metrics nor fields of result.json, or say more than these
    "status": (
        "As in result.json, or stale: another split or version of the corpus than the newest result, or unlabelled: "
        "scored, but the labels are secret or of one class."
    ),
    "auc_low": "Lower limit of the 95 % interval of `auc` over the sampling of test clips.",
    "auc_high": "Upper limit of this interval.",
    "scores_only": "Whether the scores were computed elsewhere and imported.",
}
_MEASURED = [*METRICS, "auc_low", "auc_high"]
_UNKNOWN = {
    "scope": "unit",
    "sanity": False,
    "seeded": True,
    "scores_only": False,
    "trained_on": "",
}  # of a detector without results


def load_results(root: Path | str) -> pd.DataFrame:
    """Read `<results>/<dataset>/<protocol>` into one row per cell: `COLUMNS`, then `BESIDE`.

    Metrics come from the stored scores and are NaN where `status` is not "ok". `folder` holds `scores.csv`.
    `scores_only` marks scores that were computed elsewhere and imported; `trained_on` is what their authors declare.

    A cell whose test clips lack labels, or two clips of each class, has scores but no metrics: status "unlabelled".
    A result on another split or version of the corpus than the newest result of its unit and SNR is not a result on
    the same clips: status "stale". A cell whose files are broken, changed (their checksums say so), incomplete or of an
    older version of the format is a row of status "error"; `message` says what to do, and `finished` is NaN.
    Raises `InputError` where there are no results, none can be read, or the folder name of a broken one does not name
    its cell.
    """
    rows, broken = _read(Store(Path(root)))
    if not rows:
        first = next(
            iter(broken.values()),
            f"{root}: no results; run the benchmark first, or name the folder <results>/<dataset>/<protocol>",
        )
        raise InputError(first + (f" ({len(broken)} results cannot be read)" if len(broken) > 1 else ""))
    known = pd.DataFrame(list(rows.values()))
    rows |= {folder: _broken_row(folder, message, known) for folder, message in broken.items()}
    table = pd.DataFrame([rows[folder] for folder in sorted(rows)])
    return _mark_stale(table)[[*COLUMNS, *BESIDE]]


def stored_scores(row: pd.Series) -> pd.DataFrame:
    """The score table of a row of `load_results`: `part, path, label, score`, one row per clip."""
    return Store.scores(Path(row["folder"]))


def _mark_stale(results: pd.DataFrame) -> pd.DataFrame:
    group = ["machine", "unit", "snr_db"]
    newest = results.sort_values("finished").groupby(group, dropna=False)["clips"].transform("last")
    stale = results["clips"].notna() & (results["clips"] != newest.sort_index())
    results.loc[stale, "status"] = "stale"
    results.loc[stale, "message"] = "measured on another split or version of the corpus; run it again"
    results.loc[stale, _MEASURED] = np.nan
    return results


def _read(store: Store) -> tuple[dict[Path, dict[str, object]], dict[Path, str]]:
    """The row of every result that can be read, and what is wrong with the others, by the folders of their cells."""
    rows, broken = dict[Path, dict[str, object]](), dict[Path, str]()
    for folder in store.folders():
        try:
            rows[folder] = _row(folder, *store.read(folder))
        except InputError as error:
            broken[folder] = str(error)
    return rows, broken


def _row(folder: Path, result: Result, scores: pd.DataFrame | None) -> dict[str, object]:
    clips = f"{result.manifest} of {result.config.dataset_identity}"  # what was split, and how
    values = dict.fromkeys(_MEASURED, np.nan) | result.model_dump(mode="json") | {"folder": str(folder), "clips": clips}
    return values | ({} if scores is None else _metrics(scores))


def _broken_row(folder: Path, message: str, known: pd.DataFrame) -> dict[str, object]:
    """The row of a cell whose result cannot be read; `known`: the rows of those that can."""
    cell = Cell.of_folder(folder, known["dataset"].iloc[0])
    if cell is None:
        raise InputError(f"{message}; its folder is not named <unit>-<snr>-seed<n>; rename or remove it")
    alike = known[known["detector"] == cell.detector].to_dict("records")
    scope = {name: alike[0][name] for name in _UNKNOWN} if alike else _UNKNOWN
    return vars(cell) | scope | {"status": "error", "message": message, "folder": str(folder)}


def _metrics(scores: pd.DataFrame) -> dict[str, object]:
    """The metrics of a cell; without any, the status "unlabelled", and why."""
    test = scores[scores["part"] == "test"]
    n_secret, n_normal, n_abnormal = (int((test["label"].fillna(-1) == label).sum()) for label in (-1, 0, 1))
    if n_secret or min(n_normal, n_abnormal) < 2:  # an interval needs two of each
        found = f"{n_normal} normal, {n_abnormal} abnormal and {n_secret} unlabelled test clips"
        return {"status": "unlabelled", "message": f"scored, but without metrics: {found}"}
    labels, values = test["label"].to_numpy(), test["score"].to_numpy()
    low, high = auc_interval(labels, values)
    return {"auc_low": low, "auc_high": high, **{name: metric(labels, values) for name, metric in METRICS.items()}}
