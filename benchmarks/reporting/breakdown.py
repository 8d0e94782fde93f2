"""The leaderboard broken down by machine, noise level or unit, or with columns of the reader's choice."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from benchmarks.evaluation.comparison import unit_aucs
from benchmarks.reporting.leaderboard_files import Report
from benchmarks.reporting.leaderboard_table import leaderboard_table
from benchmarks.reporting.page import Page
from benchmarks.reporting.published_figures import SET, published
from benchmarks.reporting.render_csv import csv
from benchmarks.reporting.render_html import html_page
from benchmarks.reporting.render_latex import latex
from benchmarks.reporting.render_markdown import markdown_page
from benchmarks.reporting.table import Table
from features import InputError

AXES = ("machine", "snr", "unit")
FRONT = ["rank", "detector", "auc"]
MARKS = ("track", "tied", "sanity", "beats_sanity", "scores_only", "trained_on")  # in every CSV


def breakdown(report: Report, axis: str) -> list[Table]:
    """By "machine" or "snr" one table, by "unit" one per machine. Raises `InputError` for anything else."""
    if axis == "machine":
        machines = sorted(report.results["machine"].unique())
        return selection(report, [FRONT + [f"auc[{machine}]" for machine in machines]], "by-machine")
    if axis == "snr":
        snrs = sorted(report.results["snr_db"].dropna().unique(), reverse=True)
        return selection(report, [FRONT + [f"auc[{snr:g} dB]" for snr in snrs]], "by-snr")
    if axis == "unit":
        return _by_unit(report)
    raise InputError(f"--by {axis}: choose {', '.join(AXES)}")


def selection(report: Report, groups: Sequence[Sequence[str]], name: str) -> list[Table]:
    """A leaderboard for each group of columns; all have the same frame, with the columns of all groups."""
    tables = [
        leaderboard_table(report.board, report.caption, columns, f"{name}{f'-{number}' if number else ''}")
        for number, columns in enumerate(groups)
    ]
    shown = {column for columns in groups for column in columns} | set(MARKS)
    frame = report.board[[column for column in report.board if column in shown]]
    return [replace(table, frame=frame) for table in tables]


def files(tables: Sequence[Table], name: str, report: Report) -> dict[str, str]:
    """Name of file -> text, in four forms; the CSV holds the frame that the tables share."""
    page = Page(name, tables, report.caption.warnings)
    return {
        f"{name}.md": markdown_page(page),
        f"{name}.tex": "\n".join(latex(table) for table in tables),
        f"{name}.html": html_page(page),
        f"{name}.csv": csv(tables[0]),
    }


def _by_unit(report: Report) -> list[Table]:
    """Means over the noise levels of each unit; with published figures if they are in the board."""
    labelled = report.results[report.results["status"] != "unlabelled"]
    ours = unit_aucs(labelled).T if len(labelled) else pd.DataFrame()
    units = pd.concat([ours, _published_units(report)]) if (report.board["track"] == "published").any() else ours
    pairs = [(str(pair[0]), str(pair[1])) for pair in units.columns.tolist()]  # machine, unit
    named = units.set_axis([f"auc[{machine} {unit}]" for machine, unit in pairs], axis=1)
    board = report.board.merge(named, how="left", left_on="detector", right_index=True)
    groups = [
        [*FRONT, f"auc[{machine}]", *(f"auc[{of} {unit}]" for of, unit in pairs if of == machine)]
        for machine in dict.fromkeys(machine for machine, _ in pairs)
    ]
    return selection(replace(report, board=board), groups or [FRONT], "by-unit")


def _published_units(report: Report) -> pd.DataFrame:
    """Means of published figures over our noise levels, in rows named as in the leaderboard."""
    sets = report.results[SET].drop_duplicates()
    figures = published(report.results["dataset"].iloc[0]).merge(sets, on=SET)
    rows = figures["citation_key"] + " (" + figures["split"] + " split)"
    return figures.assign(row=rows).pivot_table(index="row", columns=["machine", "unit"], values="value")
