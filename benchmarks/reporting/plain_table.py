"""A table that ranks nobody: a title, what it says, rows; as Markdown, LaTeX, HTML and CSV."""

import html as html_text
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from tabulate import tabulate

from benchmarks.reporting.tables import LONG_NAME, breakable, fitting_size, latex_table, latex_text, markdown_text

ROWS_PER_PAGE = 45  # of LaTeX; longer tables are continued


@dataclass(frozen=True)
class PlainTable:
    """name: stem of its files; note: what one must know to read it; formats: column -> how a number is printed.

    Numbers without a format have three digits behind the point; what is missing is an empty place. headings: shorter
    words for columns. beside_page: columns that LaTeX leaves out, since a page is narrow. pages: groups of columns that
    LaTeX sets in a table each, beside the first column.
    """

    name: str
    title: str
    note: str
    frame: pd.DataFrame
    formats: Mapping[str, str] = field(default_factory=dict)
    headings: Mapping[str, str] = field(default_factory=dict)
    beside_page: Sequence[str] = ()
    pages: Sequence[Sequence[str]] = ()

    def markdown(self) -> str:
        """A heading, the note, and a table in the pipe form of GitHub."""
        rows = [[markdown_text(text) for text in row] for row in self._rows(self.frame)]
        headings = [markdown_text(name) for name in self._headings(self.frame)]
        aligned = _aligned(self.frame, "left", "right")
        body = tabulate(rows, headings, tablefmt="pipe", disable_numparse=True, colalign=aligned)
        return f"## {markdown_text(self.title)}\n\n{markdown_text(self.note)}\n\n{body}\n"

    def latex(self, setting: str) -> str:
        r"""A `table` for `\usepackage{booktabs}`, or several of one that is long or has `pages`.

        `setting`: corpus, split, channel, seeds, for the caption.
        """
        frame = self.frame.drop(columns=list(self.beside_page))
        has_long = any(len(text) > LONG_NAME for row in self._rows(frame) for text in row)
        n_rows = ROWS_PER_PAGE // (2 if has_long else 1)  # a long name takes two lines or three
        parts = [frame[[frame.columns[0], *group]] for group in self.pages] or [frame]
        pages = [part[start : start + n_rows] for part in parts for start in range(0, len(part), n_rows)]
        captions = [self._caption(setting), *[f"{setting} {self.title}, continued."] * (len(pages) - 1)]
        return "".join(
            self._page(page, caption, f"tab:{self.name}{f'-{number}' if number else ''}")
            for number, (page, caption) in enumerate(zip(pages, captions, strict=True))
        )

    def _page(self, frame: pd.DataFrame, caption: str, label: str) -> str:
        rows, headings = self._rows(frame), self._headings(frame)
        longest = [max(len(text) for text in column) for column in zip(headings, *rows, strict=True)]
        wraps = [n > LONG_NAME for n in longest]
        share = 0.32 if wraps.count(True) == 1 and len(wraps) <= 8 else 0.22  # of the page for a column of long names
        lines = []
        for row in rows:
            texts = [latex_text(text) for text in row]
            lines.append(" & ".join(breakable(t) if wrap else t for t, wrap in zip(texts, wraps, strict=True)) + r" \\")
        kinds = [
            rf"p{{{share}\linewidth}}" if wrap else kind
            for kind, wrap in zip(_aligned(frame, "l", "r"), wraps, strict=True)
        ]
        sized = [n for n, wrap in zip(longest, wraps, strict=True) if not wrap]
        size = fitting_size(sized, share * wraps.count(True))
        shown = [latex_text(name) for name in headings]
        return latex_table(latex_text(caption), label, size, kinds, shown, ["\n".join(lines)])

    def html(self) -> str:
        """A heading, the note and a `<table>`, without styles of its own."""
        escape = html_text.escape
        head = "".join(f"<th>{escape(name)}</th>" for name in self._headings(self.frame))
        rows = [[f"<td>{escape(text)}</td>" for text in row] for row in self._rows(self.frame)]
        body = [f"<tr>{''.join(row)}</tr>" for row in rows]
        opened = f'<h2>{escape(self.title)}</h2>\n<p>{escape(self.note)}</p>\n<table class="{self.name}">'
        return "\n".join([opened, f"<thead><tr>{head}</tr></thead>", "<tbody>", *body, "</tbody>", "</table>", ""])

    def csv(self, synthetic: bool, setting: str) -> str:
        """The rows unrounded, with the columns `synthetic` and `caption` at the end."""
        captioned = self.frame.assign(synthetic=synthetic, caption=self._caption(setting))
        return captioned.to_csv(index=False, lineterminator="\n")

    def _caption(self, setting: str) -> str:
        return f"{setting} {self.title}{'' if self.title.endswith('?') else '.'} {self.note}"

    def _headings(self, frame: pd.DataFrame) -> list[str]:
        return [self.headings.get(str(name), str(name).replace("_", " ")) for name in frame.columns]

    def _rows(self, frame: pd.DataFrame) -> list[list[str]]:
        names = [str(name) for name in frame.columns]
        values = frame.astype(object).to_numpy()
        return [[self._text(name, value) for name, value in zip(names, row, strict=True)] for row in values]

    def _text(self, name: str, value: Any) -> str:
        if value is None or pd.isna(value):
            return ""
        if isinstance(value, bool):
            return "yes" if value else "no"
        return format(value, self.formats.get(name, ".3f")) if isinstance(value, float) else str(value)


def _aligned(frame: pd.DataFrame, left: str, right: str) -> list[str]:
    numeric = [pd.api.types.is_numeric_dtype(kind) and kind != "bool" for kind in frame.dtypes]
    return [right if is_number else left for is_number in numeric]
