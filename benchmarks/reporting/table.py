"""A table as a value: what it shows, without how it is drawn.

`leaderboard_table`, `dataframe_table` and `official_table` build tables. The five renderers, `render_markdown`,
`render_latex`, `render_html`, `render_csv` and `render_terminal`, draw any of them.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import pandas as pd


@dataclass(frozen=True)
class Column:
    """A column: its name in the data, its heading, and how its cells are aligned."""

    name: str
    heading: str
    align: Literal["left", "right"]


@dataclass(frozen=True)
class Cell:
    """The text of a cell, rounded, and whether it is the best or second best value of its section and column."""

    text: str
    best: bool = False
    second: bool = False


@dataclass(frozen=True)
class Section:
    """Rows under a title, which may be empty. Each row has one cell per column."""

    title: str
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class Omitted:
    """Detectors that have no row, each with the reason. `label` marks a single line, `heading` the whole list."""

    label: str = ""
    heading: str = ""
    reasons: tuple[tuple[str, str], ...] = ()  # detector, reason


@dataclass(frozen=True)
class Table:
    """A table that every renderer can draw.

    name: stem of its files, also its LaTeX label. title: heading on a page that shows several tables, may be empty.
    note: what a reader must know. meanings: sentence per column name, shown if the column is. legend: sentences that
    explain marks. setting: corpus, split and so on; it opens the caption of a table that stands alone. row_name: the
    column that names the rows. frame: the unrounded data. latex_columns: groups of column names, each a LaTeX `table`
    of its own, since a page is narrow; without any, all columns go into one.
    """

    name: str
    columns: tuple[Column, ...]
    sections: tuple[Section, ...]
    frame: pd.DataFrame = field(repr=False, compare=False)
    synthetic: bool
    note: str
    title: str = ""
    setting: str = ""
    meanings: Mapping[str, str] = field(default_factory=dict)
    legend: tuple[str, ...] = ()
    row_name: str = "detector"
    omitted: Omitted = Omitted()
    latex_columns: tuple[tuple[str, ...], ...] = ()

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    @property
    def rows(self) -> list[tuple[Cell, ...]]:
        """The rows of all sections."""
        return [row for section in self.sections for row in section.rows]

    def explanation(self, names: Collection[str] | None = None) -> str:
        """The note, the meanings of the columns (by default those of the table), and the legend."""
        shown = self.names if names is None else names
        meanings = [meaning for name, meaning in self.meanings.items() if name in shown]
        return " ".join([self.note, *meanings, *self.legend])

    def caption(self, names: Collection[str] | None = None) -> str:
        """The caption of the table where it stands alone: its setting and title too."""
        title = f"{self.title}{'' if self.title.endswith('?') else '.'}" if self.title else ""
        return " ".join(filter(None, [self.setting, title, self.explanation(names)]))

    def only(self, names: Sequence[str]) -> "Table":
        """The same table with these columns."""
        places = [self.names.index(name) for name in names]
        return replace(
            self,
            columns=tuple(self.columns[place] for place in places),
            sections=tuple(
                Section(section.title, tuple(tuple(row[place] for place in places) for row in section.rows))
                for section in self.sections
            ),
        )

    def widths(self) -> list[int]:
        """Characters of the longest text in each column, headings included."""
        headings = [column.heading for column in self.columns]
        texts = [headings, *([cell.text for cell in row] for row in self.rows)]
        return [max(len(text) for text in column) for column in zip(*texts, strict=True)]
