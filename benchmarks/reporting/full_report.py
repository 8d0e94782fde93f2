"""All tables and figures on stored results, in the folder `<results>/<dataset>/<protocol>/report/`.

Leaderboards by machine, noise level and unit; spreads, tests and the critical difference; thresholds; published
figures. Everything is computed from the store alone, and the same results give the same files, byte for byte.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from benchmarks.evaluation.cell_statistics import cell_statistics
from benchmarks.evaluation.operating_points import CLIPS_PER_DAY, decisions
from benchmarks.evaluation.stored_results import stored_scores
from benchmarks.reporting import breakdown
from benchmarks.reporting.critical_difference import critical_difference_diagram, svg
from benchmarks.reporting.difference_table import difference_table, sentences
from benchmarks.reporting.fault_tables import fault_tables
from benchmarks.reporting.leaderboard_files import Report, leaderboard_texts, make_report
from benchmarks.reporting.leaderboard_table import leaderboard_table
from benchmarks.reporting.page import Listing, Page, Picture
from benchmarks.reporting.published_tables import published_tables
from benchmarks.reporting.render_csv import csv, frame_csv
from benchmarks.reporting.render_html import html_page
from benchmarks.reporting.render_latex import latex
from benchmarks.reporting.render_markdown import markdown_page
from benchmarks.reporting.statistics_tables import RESAMPLES, SEED, Level, levels_of, statistics_tables
from benchmarks.reporting.table import Table
from benchmarks.reporting.threshold_tables import (
    cell_threshold_table,
    classification_reports,
    operating_point_table,
    threshold_table,
)
from benchmarks.run.writing import write_texts

FOLDER = "report"
OPTIONAL_FILES = (
    "auc_per_*.*",
    "operating_point.*",
    "threshold*.*",
    "decisions.csv",  # of earlier versions; thresholds.csv has its columns
    "columns.*",
    "published_*.*",
    "critical_difference*.svg",
    "differences.*",
)
NOT_ON_PAGE = ("pairs", "differences")  # tables that are too long for the page


@dataclass(frozen=True)
class ReportOptions:
    """What a report holds beyond the usual.

    columns: those of a further leaderboard. operating_point: "recall=0.95" or "false-alarms-per-day=1".
    """

    columns: Sequence[str] = ()
    operating_point: str = ""
    clips_per_day: float = CLIPS_PER_DAY


def write_full_report(root: Path, options: ReportOptions = ReportOptions(), report: Report | None = None) -> list[Path]:
    """Write the files of `write_leaderboard` and the folder `report` with all others; return the files.

    report: the report on the results in `root`, if it is made already.
    Either all files are written or none. Raises `InputError` if the disk refuses, there are no results, a column is
    unknown, or the operating point is not understood. An operating point that no cell allows is a line in the report,
    which says what is needed.
    """
    report = report or make_report(root)
    levels = levels_of(report.results, report.board)
    folder = root / FOLDER
    texts = {folder / name: text for name, text in _texts(report, options, levels).items()}
    for name, level in _diagrams(levels).items():
        figure = critical_difference_diagram(level, report.caption.setting)
        texts[folder / name] = svg(figure, report.caption.setting)
    written = write_texts(leaderboard_texts(root, report) | texts)
    _remove_old(folder, written)
    return written


def _texts(report: Report, options: ReportOptions, levels: Sequence[Level]) -> dict[str, str]:
    """The text of each file in the folder, except for the diagrams."""
    caption = report.caption
    ranked = [name for name in report.board["detector"] if name in set(report.results["detector"])]
    texts = _breakdowns(report, options)  # first, as this refuses unknown columns before anything takes long
    decided = _decided(report.results, options)
    published = published_tables(report)
    compared = difference_table(report)
    statistics = [*statistics_tables(report, levels), *([compared] if compared else [])]
    others = _other_tables(report, options, ranked, decided)
    for table in [*published, *statistics, *others]:
        texts |= {f"{table.name}.csv": csv(table), f"{table.name}.tex": latex(table)}
    if len(decided):
        texts |= _frames(report, decided)  # with thresholds.csv of all rows in place of those on the page
    shown = [table for table in statistics if table.name not in NOT_ON_PAGE]
    pictures = [Picture(n, f"Critical difference diagram, {level.name}") for n, level in _diagrams(levels).items()]
    first = leaderboard_table(report.board, caption)
    parts: list[Table | Picture | Listing] = [
        first,
        *published,
        *shown,
        *pictures,
        *others,
        *([sentences(compared)] if compared else []),
        *_listings(decided, ranked),
    ]
    page = Page(caption.title, parts, caption.warnings, caption.title)
    return texts | {"report.md": markdown_page(page), "report.html": html_page(page)}


def _other_tables(report: Report, options: ReportOptions, ranked: Sequence[str], decided: pd.DataFrame) -> list[Table]:
    """Tables per kind of anomaly, at an operating point, of the thresholds per cell, and at the threshold rules."""
    results, caption, clips_per_day = report.results, report.caption, options.clips_per_day
    tables = fault_tables(results, ranked, caption)
    if options.operating_point:
        tables.append(operating_point_table(options.operating_point, decided, ranked, caption, clips_per_day))
    if len(decided):
        rules = decided[decided["rule"] != options.operating_point]
        tables.append(cell_threshold_table(decided, ranked, caption, clips_per_day))
        tables.append(threshold_table(rules, ranked, caption, clips_per_day))
    return tables


def _breakdowns(report: Report, options: ReportOptions) -> dict[str, str]:
    """The files of the leaderboard by each axis, and with the columns of the options."""
    parts = {f"by-{axis}": breakdown.breakdown(report, axis) for axis in breakdown.AXES}
    if options.columns:
        parts["columns"] = breakdown.selection(report, [options.columns], "columns")
    return {
        file: text for name, tables in parts.items() for file, text in breakdown.files(tables, name, report).items()
    }


def _frames(report: Report, decided: pd.DataFrame) -> dict[str, str]:
    """Files of one row per cell and more, for programs; without a caption, which would be half of each file."""
    intervals, pairs = cell_statistics(report.results, stored_scores, RESAMPLES, SEED)
    frames = {"cell_intervals.csv": intervals, "cell_pairs.csv": pairs, "thresholds.csv": decided}
    return {name: frame_csv(frame.assign(synthetic=report.caption.synthetic)) for name, frame in frames.items()}


def _decided(results: pd.DataFrame, options: ReportOptions) -> pd.DataFrame:
    return decisions(results, stored_scores, clips_per_day=options.clips_per_day, target=options.operating_point)


def _listings(decided: pd.DataFrame, ranked: Sequence[str]) -> list[Listing]:
    reports = classification_reports(decided, ranked)
    return [reports] if reports.texts else []


def _diagrams(levels: Sequence[Level]) -> dict[str, Level]:
    """File of the critical difference diagram -> level."""
    suffixes = ["" if level.name.startswith("all") else f"_{level.name.replace(' ', '')}" for level in levels]
    return {f"critical_difference{suffix}.svg": level for suffix, level in zip(suffixes, levels, strict=True)}


def _remove_old(folder: Path, written: Sequence[Path]) -> None:
    """Remove the files of an earlier report, on other results or with other options, that this one lacks."""
    for pattern in OPTIONAL_FILES:
        for file in set(folder.glob(pattern)) - set(written):
            file.unlink(missing_ok=True)  # another report may have removed it
