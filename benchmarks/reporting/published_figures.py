"""Published figures beside ours: on the same cells, of the same kind, and never ranked.

`published/<dataset>.csv` has one row per figure: citation_key, method, machine, unit, snr_db, metric, value, split,
public, source. `metric` is the kind of the figure: an AUC is compared with AUCs only, a balanced accuracy with balanced
accuracies only. Rows that are not `public` are on recordings that were never released; nobody can reproduce them, so
they are in the file but never shown. A published figure has its own split, and usually no interval: it stands beside
ours for orientation, not as a competitor.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.datasets.mimii_release import counts
from features import InputError

CHANNEL = "0"  # the channel of all published AUCs
FOLDER = Path(__file__).parent / "published"
SET = ["machine", "unit", "snr_db"]


def published(dataset: str, metric: str = "auc") -> pd.DataFrame:
    """The public figures of one kind on a corpus: `citation_key, method, machine, unit, snr_db, value, split, source`.

    Raises `InputError` if there are none, with the kinds or corpora that have some.
    """
    file = FOLDER / f"{dataset}.csv"
    if not file.is_file():
        known = sorted(path.stem for path in FOLDER.glob("*.csv"))
        raise InputError(f"published figures: none on {dataset!r}; there are some on {', '.join(known)}")
    table = pd.read_csv(file)
    chosen = table[table["public"] & (table["metric"] == metric)]
    if chosen.empty:
        raise InputError(f"published figures: no {metric!r} on {dataset}; kinds: {', '.join(table['metric'].unique())}")
    return chosen.drop(columns=["public", "metric"]).reset_index(drop=True)


def are_comparable(results: pd.DataFrame, dataset: str, channel: str) -> bool:
    """Whether a corpus has published figures and our cells are on the same clips: whole units, the same channel.

    results: one row per cell, with `n_abnormal`. The figures are not on samples of a unit, nor on quick runs.
    """
    if not (FOLDER / f"{dataset}.csv").is_file() or channel != CHANNEL or results.empty:
        return False
    whole = {unit: n_abnormal for unit, (_, n_abnormal) in counts().items()}
    rows = zip(results["machine"], results["unit"], results["n_abnormal"], strict=True)
    return all(whole.get((machine, unit)) == n_abnormal for machine, unit, n_abnormal in rows)


def published_rows(results: pd.DataFrame, figures: pd.DataFrame) -> pd.DataFrame:
    """AUC figures as rows for the end of a leaderboard of `results`: means over exactly the same (machine, unit, SNR).

    One row per citation key and split, `track` "published", without a rank; append them with `pandas.concat`. A mean is
    given only if each of its sets has a figure; `reason` names the method.
    """
    sets = results[SET].drop_duplicates()
    rows = []
    for (key, split), of_source in figures.groupby(["citation_key", "split"]):
        found = sets.merge(of_source, on=SET, how="left")
        units = [_mean(values) for _, values in found.groupby(["machine", "unit"])["value"]]
        row: dict[str, object] = {"detector": f"{key} ({split} split)", "track": "published", "sanity": False}
        row |= {"tied": False, "auc": _mean(found["value"]), "worst_unit": np.min(units)}
        row |= {f"auc[{snr_db:g} dB]": _mean(values) for snr_db, values in found.groupby("snr_db")["value"]}
        row |= {f"auc[{machine}]": _mean(values) for machine, values in found.groupby("machine")["value"]}
        row |= {"cells_ok": int(found["value"].notna().sum()), "cells": len(sets)}
        rows.append(row | {"reason": f"published figures of: {of_source['method'].iloc[0]}"})
    return pd.DataFrame(rows).sort_values("auc", ascending=False, kind="stable").reset_index(drop=True)


def beside(ours: pd.DataFrame, figures: pd.DataFrame, metric: str = "auc") -> pd.DataFrame:
    """Each published figure and ours of the same kind, machine, unit and SNR.

    ours: one row per cell with `detector`, the column `metric` and, if there is an interval, `<metric>_low` and
    `<metric>_high` (results have them for "auc", decisions at a threshold have none for "balanced_accuracy"). Seeds are
    averaged, limits too, since all seeds score the same clips.

    Returns `detector, citation_key, split, machine, unit, snr_db, published, ours, low, high, inside`. `inside` says
    whether the published figure lies within our interval, NA if we have none. Figures on sets that we did not run are
    left out.
    """
    if metric not in ours:
        raise InputError(
            f"published figures: our table has no {metric!r}; kinds are never mixed, so give a table with it"
        )
    repeated = ours.duplicated([column for column in ["detector", *SET, "seed"] if column in ours])
    if repeated.any():
        raise InputError(f"published figures: {repeated.sum()} of our cells occur twice; select one threshold rule")
    limits = {"low": f"{metric}_low", "high": f"{metric}_high"}
    columns = {"ours": metric} | {name: column for name, column in limits.items() if column in ours}
    mean = ours.groupby(["detector", *SET], as_index=False)[list(columns.values())].mean()
    mean = mean.rename(columns={column: name for name, column in columns.items()})
    both = figures.rename(columns={"value": "published"}).merge(mean.dropna(subset="ours"), on=SET)
    both = both.reindex(columns=["detector", "citation_key", "split", *SET, "published", "ours", "low", "high"])
    inside = both["published"].between(both["low"], both["high"]).astype("boolean")
    return both.assign(inside=inside.mask(both["low"].isna() | both["high"].isna()))


def _mean(values: pd.Series) -> float:
    return float(values.mean(skipna=False))
