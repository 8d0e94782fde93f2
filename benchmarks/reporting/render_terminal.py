"""Tables for a terminal, drawn by Rich."""

from collections.abc import Sequence
from itertools import accumulate

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from benchmarks.reporting.table import Cell, Column, Table
from benchmarks.reporting.visible import visible

LONG_NAME = 30  # characters beyond which the names of rows are broken over lines
GAP = 3  # characters between two columns


def terminal(table: Table, width: int = 80) -> RenderableType:
    """The table in a terminal of `width` characters, with the omitted detectors and the caption below it.

    It shows as many columns as fit, from the first, and names the others below.
    """
    shown = table.only(table.names[: _fitting(table.widths(), width)])
    below = [Text(visible(f"{table.omitted.label}: {name}: {why}"), style="red") for name, why in table.omitted.reasons]
    if hidden := [column.heading for column in table.columns[len(shown.columns) :]]:
        text = f"Not shown, because the terminal is too narrow: {', '.join(hidden)}. The files hold all columns."
        below.append(Text(visible(text), style="dim"))
    return Group(_drawn(shown), *below, Text(visible(shown.caption()), style="dim"))


def _fitting(widths: Sequence[int], width: int) -> int:
    """How many columns of these widths, from the first, fit so many characters; two at least."""
    taken = accumulate(min(column, LONG_NAME) + GAP for column in widths)
    return max(2, sum(total <= width for total in taken))


def _drawn(table: Table) -> RichTable:
    drawn = RichTable(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in table.columns:
        _add_column(drawn, column, is_name=column.name == table.row_name)
    for section in table.sections:
        if section.title:
            drawn.add_section()
            drawn.add_row(
                *[Text(visible(section.title) if n == table.row_name else "", style="italic") for n in table.names]
            )
        for row in section.rows:
            drawn.add_row(*[Text(visible(cell.text), style=_style(cell)) for cell in row])
    return drawn


def _add_column(table: RichTable, column: Column, is_name: bool) -> None:
    table.add_column(Text(visible(column.heading)), justify=column.align, no_wrap=not is_name, overflow="fold")


def _style(cell: Cell) -> str:
    return "bold" if cell.best else "underline" if cell.second else ""
