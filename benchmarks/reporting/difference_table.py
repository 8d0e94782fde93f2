"""The difference of each pair of ranked detectors as a table, and in sentences for a paper."""

import pandas as pd

from benchmarks.evaluation.differences import differences
from benchmarks.evaluation.stored_results import stored_scores
from benchmarks.reporting.dataframe_table import dataframe_table
from benchmarks.reporting.leaderboard_files import Report
from benchmarks.reporting.page import Listing
from benchmarks.reporting.table import Table

NOTE = (
    "difference: mean AUC of the detector minus that of the other. low, high: limits of its {level:g} % interval for "
    "another draw of test clips from the same units (paired DeLong), on which the ranks rest; p: of the same, after "
    "Holm over {n} pairs. The columns of units are about other units: difference over units, Student's t limits, and p "
    "of Wilcoxon's signed-rank test after Holm. The intervals are of single pairs."
)
FORMATS = {"difference": "+.3f", "p": ".2g", "units_difference": "+.3f", "units_p": ".2g"}


def difference_table(report: Report) -> Table | None:
    """The table `differences`, with a sentence per pair in its CSV; None for fewer than two ranked detectors."""
    caption = report.caption
    frame = differences(report.board, report.results, stored_scores, caption.level)
    if frame.empty:
        return None
    frame["sentence"] = [_sentence(row, len(frame), 100 * caption.level) for row in frame.to_dict("records")]
    note = NOTE.format(level=100 * caption.level, n=len(frame))
    title = "Differences of mean AUC"
    return dataframe_table(
        "differences", title, note, frame, caption, formats=FORMATS, not_in_latex=["units", "sentence"]
    )


def sentences(table: Table) -> Listing:
    """The sentences of a table of differences, under the detector with the better mean."""
    of_detector = table.frame.groupby("detector", sort=False)["sentence"]
    return Listing("Differences in sentences", {str(name): "\n".join(lines) for name, lines in of_detector})


def _sentence(row: dict, n_pairs: int, percent: float) -> str:
    """Such as `The mean AUC of a was 0.031 higher than that of b (95 % interval ...)`."""
    pair = f"The mean AUC of {row['detector']} was {row['difference']:.3f} higher than that of {row['other']}"
    if row["difference"] == 0:
        pair = f"The mean AUCs of {row['detector']} and {row['other']} were equal"
    corrected = f"after Holm's correction for {n_pairs} pairs"
    clips = f"{percent:g} % interval {_limits(row['low'], row['high'])}, {_p(row['p'])} {corrected}"
    return f"{pair} (sampling of test clips, paired DeLong: {clips}); {_over_units(row, percent)}."


def _over_units(row: dict, percent: float) -> str:
    if pd.isna(row["units_low"]):
        return "one unit says nothing about other units"
    limits = f"{percent:g} % interval {_limits(row['units_low'], row['units_high'])} (Student's t)"
    found = f"over {row['units']} units the difference was {row['units_difference']:.3f}"
    return f"{found}, {limits}, {_p(row['units_p'])} (Wilcoxon, Holm)"


def _limits(low: float, high: float) -> str:
    return f"{low:.3f} to {high:.3f}"


def _p(p: float) -> str:
    """`p = 0.012`, and `p < 0.001` for less.

    >>> _p(0.0123), _p(1e-9)
    ('p = 0.012', 'p < 0.001')
    """
    digits = 3 if p < 0.1 else 2
    return "p < 0.001" if p < 0.001 else f"p = {p:.{digits}f}"
