r"""Tables as LaTeX that compiles as it is with `\usepackage{booktabs}` and fits the page of the article class."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from benchmarks.reporting.table import Cell, Section, Table
from benchmarks.reporting.visible import visible

ROWS_PER_PAGE = 45  # longer tables are continued
LONG_TEXT = 30  # characters beyond which the texts of a column are broken over lines
PAGE_POINTS, GAP_POINTS = 345, 6  # width of the article class's page, and of the gap between two columns
SIZES = (("footnotesize", 4.3), ("scriptsize", 3.8), ("tiny", 3.1))  # type size, width of a character in points
SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "[": "{[}",  # bare, at the start of a row, it is an argument of the line break before it
    "]": "{]}",
    "†": r"\dag{}",
} | {character: f"\\{character}" for character in "&%$#_{}"}


def latex(table: Table) -> str:
    """One `table` environment, or several for a table that is long or has several `latex_columns`."""
    groups = table.latex_columns or (tuple(table.names),)
    pages = [page for names in groups for page in _pages(table.only(names))]
    captions = [pages[0].caption(), *[f"{table.setting} {table.title}, continued."] * (len(pages) - 1)]
    return "".join(
        _environment(page, escape(caption), f"tab:{table.name}{f'-{number}' if number else ''}")
        for number, (page, caption) in enumerate(zip(pages, captions, strict=True))
    )


def escape(text: str) -> str:
    escaped = "".join(SPECIAL.get(character, character) for character in visible(text))
    return re.sub(r"(?<!\w)-(?=\d)", "$-$", escaped)  # a minus, not a hyphen


def _pages(table: Table) -> Iterator[Table]:
    """A table of one untitled section in parts that fit a page; another table as it is."""
    if not table.title or len(table.sections) != 1:
        yield table
        return
    n_rows = ROWS_PER_PAGE // (2 if max(_cell_widths(table)) > LONG_TEXT else 1)  # a long text takes two or three lines
    (section,) = table.sections
    for start in range(0, max(1, len(section.rows)), n_rows):
        yield replace(table, sections=(Section("", section.rows[start : start + n_rows]),))


def _cell_widths(table: Table) -> list[int]:
    return [len(cell.text) for row in table.rows for cell in row] or [0]


def _environment(table: Table, caption: str, label: str) -> str:
    widths = table.widths()
    wraps = [width > LONG_TEXT for width in widths]
    share = 0.32 if wraps.count(True) == 1 and len(wraps) <= 8 else 0.22  # of the page, for each column that wraps
    kinds = [
        rf"p{{{share}\linewidth}}" if is_wrapped else column.align[0]
        for column, is_wrapped in zip(table.columns, wraps, strict=True)
    ]
    size = _size([width for width, wrapped in zip(widths, wraps, strict=True) if not wrapped], share * sum(wraps))
    groups = [_section(section, wraps) for section in table.sections] + _omitted(table)
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            r"\setlength{\belowcaptionskip}{6pt}",
            rf"\caption{{{caption}}}",
            rf"\label{{{label}}}",
            rf"\{size}",
            r"\setlength{\tabcolsep}{3pt}",
            rf"\begin{{tabular}}{{{''.join(kinds)}}}",
            r"\toprule",
            " & ".join(escape(column.heading) for column in table.columns) + r" \\",
            r"\midrule",
            "\n\\midrule\n".join(groups),
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def _section(section: Section, wraps: Sequence[bool]) -> str:
    title = rf"\multicolumn{{{len(wraps)}}}{{l}}{{\emph{{{escape(section.title)}}}}} \\"
    return "\n".join([title] * bool(section.title) + [_row(row, wraps) for row in section.rows])


def _row(row: Sequence[Cell], wraps: Sequence[bool]) -> str:
    texts = [_marked(cell) for cell in row]
    return " & ".join(_breakable(t) if wrap else t for t, wrap in zip(texts, wraps, strict=True)) + r" \\"


def _omitted(table: Table) -> list[str]:
    """The omitted detectors as rows over all columns, with the start of each reason: messages do not fit a page."""
    over = rf"\multicolumn{{{len(table.columns)}}}{{p{{0.95\linewidth}}}}"
    short = [(name, reason.split(": ")[0]) for name, reason in table.omitted.reasons]
    lines = [rf"{over}{{{_breakable(f'{escape(name)}: {escape(reason)}')}}} \\" for name, reason in short]
    return ["\n".join(lines)] if lines else []


def _size(widths: Sequence[int], wrapped: float) -> str:
    """The largest type size at which columns of so many characters fit the page, about; the smallest if none does.

    wrapped: share of the page that columns of a fixed width take.
    """
    room = PAGE_POINTS * (1 - wrapped) - GAP_POINTS * (len(widths) + 1)
    return next((size for size, points in SIZES if sum(widths) * points <= room), SIZES[-1][0])


def _breakable(text: str) -> str:
    """LaTeX for a cell of a `p` column: left-aligned, and broken after punctuation too."""
    broken = re.sub(r"([,=(/@]|\{\[\})", r"\1\\allowbreak{}", text)
    return rf"\raggedright\let\\\tabularnewline\hspace{{0pt}}{broken}"


def _marked(cell: Cell) -> str:
    text = escape(cell.text)
    return rf"\textbf{{{text}}}" if cell.best else rf"\underline{{{text}}}" if cell.second else text
