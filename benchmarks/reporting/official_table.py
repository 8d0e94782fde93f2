"""The table of a challenge's official score: one row per detector, and the reasons of those without a score."""

import pandas as pd

from benchmarks.evaluation.challenge_metrics import OfficialMetric
from benchmarks.reporting.captions import Caption
from benchmarks.reporting.table import Cell, Column, Omitted, Section, Table


def official_table(scores: pd.DataFrame, metric: OfficialMetric, caption: Caption) -> Table:
    """Lay out the scores of `official_score`, with the columns `scope` and `sanity` of each detector."""
    names = [str(name) for name in scores]
    values = [name for name in names if name == "official" or name in metric.measures or name.startswith("official[")]
    columns = [Column("detector", "Detector", "left"), *(Column(v, v.replace("_", " "), "right") for v in values)]
    scored, lacking = scores[scores["official"].notna()], scores[scores["official"].isna()]
    measures = ", ".join(metric.measures).replace("_", " ")
    return Table(
        "official",
        tuple(columns),
        (Section("", tuple(_row(row, values) for _, row in scored.iterrows())),),
        scores,
        caption.synthetic,
        f"{caption.setting} Official score of {metric.title}: the {metric.mean} mean of {measures}.",
        omitted=Omitted(
            "no score",
            "No official score, because values are missing:",
            tuple((str(row.detector), str(row.reason)) for row in lacking.itertuples()),
        ),
    )


def _row(row: pd.Series, values: list[str]) -> tuple[Cell, ...]:
    marks = " (sanity)" * row["sanity"] + " (cross-unit track)" * (row["scope"] == "machine")
    return Cell(row["detector"] + marks), *(Cell(f"{row[value]:.4f}") for value in values)
