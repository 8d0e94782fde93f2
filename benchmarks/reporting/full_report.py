"""Everything that can be said of stored results, in one folder: `<results>/<dataset>/<protocol>/report/`.

Leaderboards by machine, noise level and unit; spreads, tests and the critical difference; thresholds; published
figures. All of it is computed from the store alone, and the same results give the same files, byte for byte.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.evaluation.cell_statistics import cell_statistics
from benchmarks.evaluation.stored_results import stored_scores
from benchmarks.evaluation.thresholds import CLIPS_PER_DAY
from benchmarks.reporting import tables
from benchmarks.reporting.breakdown import AXES, Breakdown, breakdown
from benchmarks.reporting.faults_report import fault_tables
from benchmarks.reporting.plain_table import PlainTable
from benchmarks.reporting.published_report import published_tables
from benchmarks.reporting.report import Report, make_report, title_of, write_report
from benchmarks.reporting.statistics_report import (
    RESAMPLES,
    SEED,
    critical_difference_diagram,
    levels_of,
    statistics_tables,
    write_figure,
)
from benchmarks.reporting.thresholds_report import (
    classification_reports,
    decisions_of,
    reports_html,
    reports_markdown,
    threshold_table,
    wish_table,
)
from benchmarks.run.writing import write_text

FOLDER = "report"
OF_SOME_REPORTS = ("auc_per_*.*", "wish.*", "columns.*", "published_*.*", "critical_difference*.svg")


@dataclass(frozen=True)
class Wanted:
    """What a report shall hold beyond the usual: a leaderboard of these columns, a wish such as "recall=0.95"."""

    columns: Sequence[str] = ()
    wish: str = ""
    clips_per_day: float = CLIPS_PER_DAY


@dataclass
class Pages:
    """The texts of a report, by name of file, and the two pages that show all of them."""

    caption: tables.Caption
    texts: dict[str, str] = field(default_factory=dict)
    markdown: list[str] = field(default_factory=list)
    html: list[str] = field(default_factory=list)

    def add(self, table: PlainTable, shown: bool = True) -> None:
        """Put a table into files of its own, and, if `shown`, on both pages."""
        setting = self.caption.setting
        self.texts[f"{table.name}.csv"] = table.csv(self.caption.synthetic, setting)
        self.texts[f"{table.name}.tex"] = table.latex(setting)
        if shown:
            self.markdown.append(table.markdown())
            self.html.append(table.html())

    def add_figure(self, name: str, about: str) -> None:
        self.markdown.append(f"![{about}]({name})\n")
        self.html.append(f'<img src="{name}" alt="{about}">\n')


def write_full_report(root: Path, wanted: Wanted = Wanted(), report: Report | None = None) -> list[Path]:
    """Write the tables of `write_report` and the folder `report` with all others; return the files.

    report: that of all results in `root`, where it is there.
    Raises `InputError` where there are no results, a column is unknown, or a wish cannot be granted.
    """
    report = report or make_report(root)
    order = [name for name in report.board["detector"] if name in set(report.results["detector"])]
    wish = [wish_table(wanted.wish, report.results, order, wanted.clips_per_day)] if wanted.wish else []
    pages = _leaderboards(report, wanted)
    levels = levels_of(report.results, report.board)
    for table in statistics_tables(report.results, report.board, levels):
        pages.add(table, shown=table.name != "pairs")
    figures = {f"critical_difference{_suffix(level.name)}.svg": level for level in levels}
    for name, level in figures.items():
        pages.add_figure(name, f"Critical difference diagram, {level.name}")
    for table in [*fault_tables(report.results, order), *wish]:
        pages.add(table)
    if report.results["status"].eq("ok").any():
        _add_cells(pages, report)
        _add_thresholds(pages, report, order, wanted.clips_per_day)
    pages.texts["report.md"] = "\n".join(pages.markdown)
    pages.texts["report.html"] = tables.page(title_of(report.caption), "\n".join(pages.html), report.caption)
    folder = root / FOLDER
    written = write_report(root, report)
    written += [write_text(folder / name, text) for name, text in pages.texts.items()]
    for name, level in figures.items():
        figure = critical_difference_diagram(level, report.caption.setting)
        written.append(write_figure(figure, folder / name, report.caption.setting))
    _remove_old(folder, written)
    return written


def _leaderboards(report: Report, wanted: Wanted) -> Pages:
    """The leaderboard on the pages, and its breakdowns in files of their own."""
    caption = report.caption
    pages = Pages(caption)
    pages.markdown.append(f"# {title_of(caption)}\n\n{tables.markdown(report.board, caption)}")
    pages.html.append(f"<h1>{title_of(caption)}</h1>\n{tables.html(report.board, caption)}")
    parts = {f"by-{axis}": breakdown(report, axis) for axis in AXES}
    if wanted.columns:
        parts["columns"] = Breakdown(report.board, [list(wanted.columns)])
    for name, part in parts.items():
        pages.texts |= part.files(name, caption)
    for table in published_tables(report):
        pages.add(table)
    return pages


def _add_cells(pages: Pages, report: Report) -> None:
    """Intervals and pairs of each cell, which are for machines to read."""
    both = cell_statistics(report.results, stored_scores, RESAMPLES, SEED)
    for name, table in zip(("cell_intervals", "cell_pairs"), both, strict=True):
        marked = table.assign(synthetic=report.caption.synthetic)  # no caption: it would be half the file
        pages.texts[f"{name}.csv"] = marked.to_csv(index=False, lineterminator="\n")


def _add_thresholds(pages: Pages, report: Report, order: Sequence[str], clips_per_day: float) -> None:
    each = decisions_of(report.results, clips_per_day)
    marked = each.assign(synthetic=report.caption.synthetic)  # no caption: it would be half the file
    pages.texts["decisions.csv"] = marked.to_csv(index=False, lineterminator="\n")
    pages.add(threshold_table(each, order, clips_per_day))
    reports = classification_reports(each, order)
    pages.markdown.append(reports_markdown(reports))
    pages.html.append(reports_html(reports))


def _suffix(level: str) -> str:
    return "" if level.startswith("all") else "_" + level.replace(" ", "")


def _remove_old(folder: Path, written: Sequence[Path]) -> None:
    """Remove what an earlier report wrote that this one does not hold: it was of other results, or of another wish."""
    for pattern in OF_SOME_REPORTS:
        for file in set(folder.glob(pattern)) - set(written):
            file.unlink()
