"""A leaderboard broken down by machine, noise level or unit: which columns it then has, and its four forms."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from benchmarks.evaluation.comparison import unit_aucs
from benchmarks.reporting import tables
from benchmarks.reporting.published import SET, published
from benchmarks.reporting.report import Report
from features import InputError

AXES = ("machine", "snr", "unit")
FRONT = ["rank", "detector", "auc"]
MARKS = ("track", "tied", "sanity", "beats_sanity", "scores_only", "trained_on")  # in every CSV


@dataclass(frozen=True)
class Breakdown:
    """A leaderboard and the columns of each table that shows a part of it: one, or one a machine where it is wide."""

    board: pd.DataFrame
    columns: Sequence[list[str]]

    def files(self, name: str, caption: tables.Caption) -> dict[str, str]:
        """Name of file -> text, in all four forms; the CSV is one table."""
        of_each = enumerate(self.columns)
        latex = [tables.latex(self.board, caption, c, f"tab:{name}{f'-{i}' if i else ''}") for i, c in of_each]
        html = [tables.html(self.board, caption, columns) for columns in self.columns]
        shown = {column for columns in self.columns for column in columns} | set(MARKS)
        return {
            f"{name}.md": "\n".join(tables.markdown(self.board, caption, columns) for columns in self.columns),
            f"{name}.tex": "\n".join(latex),
            f"{name}.html": tables.page(name, "\n".join(html), caption),
            f"{name}.csv": tables.csv(self.board[[column for column in self.board if column in shown]], caption),
        }


def breakdown(report: Report, axis: str) -> Breakdown:
    """By "machine", "snr" or "unit"; the last has one table a machine. Raises `InputError` for anything else."""
    board, results = report.board, report.results
    if axis == "machine":
        return Breakdown(board, [FRONT + [f"auc[{machine}]" for machine in sorted(results["machine"].unique())]])
    if axis == "snr":
        snrs = sorted(results["snr_db"].dropna().unique(), reverse=True)
        return Breakdown(board, [FRONT + [f"auc[{snr:g} dB]" for snr in snrs]])
    if axis == "unit":
        return _by_unit(report)
    raise InputError(f"--by {axis}: choose {', '.join(AXES)}")


def _by_unit(report: Report) -> Breakdown:
    """Means over the noise levels of each unit, ours and, where they are in the board, the published ones."""
    judged = report.results[report.results["status"] != "unlabelled"]
    ours = unit_aucs(judged).T if len(judged) else pd.DataFrame()
    units = pd.concat([ours, _published_units(report)]) if (report.board["track"] == "published").any() else ours
    places = [(str(place[0]), str(place[1])) for place in units.columns.tolist()]
    named = units.set_axis([f"auc[{machine} {unit}]" for machine, unit in places], axis=1)
    board = report.board.merge(named, how="left", left_on="detector", right_index=True)
    columns = [
        [*FRONT, f"auc[{machine}]", *(f"auc[{machine} {unit}]" for of, unit in places if of == machine)]
        for machine in dict.fromkeys(machine for machine, _ in places)
    ]
    return Breakdown(board, columns or [FRONT])


def _published_units(report: Report) -> pd.DataFrame:
    """Means of published figures over the noise levels that we have, in rows named as in the leaderboard."""
    sets = report.results[SET].drop_duplicates()
    figures = published(report.results["dataset"].iloc[0]).merge(sets, on=SET)
    rows = figures["citation_key"] + " (" + figures["split"] + " split)"
    return figures.assign(row=rows).pivot_table(index="row", columns=["machine", "unit"], values="value")
