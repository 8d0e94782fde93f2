"""The official metrics of DCASE Task 2, computed from stored scores: which values a unit has, and their mean.

    2020          AUC and pAUC of each id; arithmetic means (Koizumi et al. 2020, arXiv 2006.05822)
    2021          AUC and pAUC of each section in each domain; harmonic mean (Kawaguchi et al. 2021, arXiv 2106.04492)
    2022 to 2025  AUC of each section in each domain, the domain's normal clips against the abnormal clips of both,
                  and pAUC over both domains; harmonic mean (Dohi et al. 2022, arXiv 2206.05876)

pAUC covers false-alarm rates up to 0.1. Values and means equal those of the official evaluators, with one exception: a
value of 0 makes a harmonic mean 0 here, and about 1e-15 there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import pandas as pd
from scipy.stats import hmean

from benchmarks.evaluation.means import CELL, SET, labelled
from benchmarks.evaluation.ranked_sets import ranked_sets
from benchmarks.evaluation.sampling_error import ScoreLoader, test_scores
from benchmarks.metrics import Metric, auc, pauc
from features import InputError

UnitValue = Callable[[pd.DataFrame], float]  # test clips of one unit, `label, score, domain` -> a value


def _of_all(metric: Metric) -> UnitValue:
    return lambda test: metric(test["label"], test["score"])


def _of_domain(metric: Metric, domain: str) -> UnitValue:
    return lambda test: _of_all(metric)(test[_domain(test) == domain])


def _of_domain_against_all(metric: Metric, domain: str) -> UnitValue:
    return lambda test: _of_all(metric)(test[(_domain(test) == domain) | (test["label"] == 1)])


def _domain(test: pd.DataFrame) -> pd.Series:
    if "domain" not in test:
        raise InputError(f"no column 'domain' in the scores, found {list(test.columns)}; run the benchmark again")
    return test["domain"]


@dataclass(frozen=True)
class OfficialMetric:
    """The metric of a challenge: the values of each unit by name, and the kind of mean over all values of all units."""

    title: str
    measures: Mapping[str, UnitValue]
    mean: Literal["arithmetic", "harmonic"]

    def of_unit(self, test: pd.DataFrame) -> dict[str, float]:
        """Values of one unit from its test clips: columns `label` (0/1), `score`, and `domain` from 2021 on.

        Raises `InputError` if a value is not defined: no normal clips, no abnormal clips, or no domains.
        """
        found = {}
        for name, value in self.measures.items():
            try:
                found[name] = value(test)
            except InputError as error:
                raise InputError(f"{self.title}, {name}: {error}") from error
        return found

    def over(self, values: pd.Series) -> float:
        """The mean of some values; NaN if one of them is NaN."""
        return float(hmean(values) if self.mean == "harmonic" else values.mean(skipna=False))


DCASE_2020 = OfficialMetric("DCASE 2020", {"auc": _of_all(auc), "pauc": _of_all(pauc)}, "arithmetic")
DCASE_2021 = OfficialMetric(
    "DCASE 2021",
    {
        "auc_source": _of_domain(auc, "source"),
        "pauc_source": _of_domain(pauc, "source"),
        "auc_target": _of_domain(auc, "target"),
        "pauc_target": _of_domain(pauc, "target"),
    },
    "harmonic",
)
DCASE_2022 = OfficialMetric(
    "DCASE 2022 to 2025",
    {
        "auc_source": _of_domain_against_all(auc, "source"),
        "auc_target": _of_domain_against_all(auc, "target"),
        "pauc": _of_all(pauc),
    },
    "harmonic",
)


OFFICIAL_METRICS: Mapping[str, OfficialMetric] = {  # the name by which a corpus refers to its metric
    "dcase2020": DCASE_2020,
    "dcase2021": DCASE_2021,
    "dcase2022": DCASE_2022,
}


def official_score(results: pd.DataFrame, scores: ScoreLoader, metric: OfficialMetric) -> pd.DataFrame:
    """One row per detector, best first: `detector, official, <value>..., official[<machine>]..., cells, reason`.

    results: one row per cell, as from `load_results`; scores: returns the score table of a row. The units are those of
    `ranked_sets`; units without labels are ignored. The seeds that a detector has on a unit are averaged first.
    `official` is the mean over all values of all units, `<value>` (`auc_source` and so on) over the units,
    `official[<machine>]` over the machine's units and values. Each is NaN if one of its cells is missing or does not
    have the value; `reason` then says why.
    """
    cells = labelled(results)
    sets = ranked_sets(cells)
    values, reasons = _values(cells, sets, scores, metric)
    of_unit = values.groupby(["detector", *SET, "value"], dropna=False)["number"].mean(skipna=False).reset_index()

    def means(column: str) -> pd.DataFrame:
        """`(n_detectors, n_groups)`, the mean over rows with the same value in a column."""
        return of_unit.pivot_table(index="detector", columns=column, values="number", aggfunc=metric.over, dropna=False)

    board = of_unit.groupby("detector")["number"].agg(metric.over).to_frame("official")
    board = board.join(means("value")[list(metric.measures)])
    board = board.join(means("machine").rename(columns=lambda machine: f"official[{machine}]"))
    board["cells"] = values.groupby("detector").size() // len(metric.measures)
    board["reason"] = [reasons.get(str(detector), "") for detector in board.index]
    return board.reset_index().sort_values(["official", "detector"], ascending=[False, True], ignore_index=True)


def _values(
    cells: pd.DataFrame, sets: pd.DataFrame, scores: ScoreLoader, metric: OfficialMetric
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Values of each detector's cells in each set, `detector, machine, unit, snr_db, seed, value, number`.

    NaN if missing; a detector without a cell in a set has one row there, without a seed.

    Also returns, by detector, the first reason for a NaN.
    """
    numbers, reasons = [], dict[str, str]()
    detectors, cells = cells[["detector"]].drop_duplicates(), cells.merge(sets, on=SET)
    for _, row in cells.iterrows():
        try:
            if row["status"] != "ok":
                raise InputError(f"{row['status']}: {row['message']}")
            numbers.append(metric.of_unit(test_scores(row, scores)))
        except InputError as error:
            numbers.append({})
            reasons.setdefault(row["detector"], f"{row['machine']} {row['unit']}, seed {row['seed']}: {error}")
    key = ["detector", *CELL]
    found = cells[key].join(pd.DataFrame(numbers, cells.index, list(metric.measures), dtype=float))
    table = detectors.merge(sets, how="cross").merge(
        found, how="left", on=["detector", *SET]
    )  # NaN matches NaN: a corpus without SNR has one level
    missing = table.loc[table[list(metric.measures)].isna().any(axis=1), "detector"].unique()
    return table.melt(key, var_name="value", value_name="number"), {
        name: reasons.get(name, "has not run on all units") for name in missing
    }
