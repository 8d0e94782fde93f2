"""A table of a `DataFrame`: a title, a note, and unranked rows."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from benchmarks.reporting.captions import Caption
from benchmarks.reporting.table import Cell, Column, Section, Table


def dataframe_table(
    name: str,
    title: str,
    note: str,
    frame: pd.DataFrame,
    caption: Caption,
    *,
    formats: Mapping[str, str] | None = None,
    headings: Mapping[str, str] | None = None,
    not_in_latex: Sequence[str] = (),
    latex_groups: Sequence[Sequence[str]] = (),
) -> Table:
    """Lay out a data frame; its first column names the rows.

    formats: column -> format of its floats, by default three digits after the point; a missing value is an empty cell.
    headings: column -> heading, by default its name with spaces. not_in_latex: columns that LaTeX leaves out, since a
    page is narrow. latex_groups: groups of columns that LaTeX sets in tables of their own, beside the first column.
    """
    names = [str(column) for column in frame.columns]
    values = frame.astype(object).to_numpy()
    rows = [
        [Cell(_text(value, formats or {}, column)) for column, value in zip(names, row, strict=True)] for row in values
    ]
    groups = [[names[0], *group] for group in latex_groups] or [[n for n in names if n not in not_in_latex]]
    return Table(
        name,
        tuple(_column(frame[column], column, headings or {}) for column in names),
        (Section("", tuple(map(tuple, rows))),),
        frame,
        caption.synthetic,
        note,
        title,
        caption.setting,
        row_name=names[0],
        latex_columns=tuple(map(tuple, groups)),
    )


def _column(values: pd.Series, name: str, headings: Mapping[str, str]) -> Column:
    is_number = pd.api.types.is_numeric_dtype(values.dtype) and values.dtype != "bool"
    return Column(name, headings.get(name, name.replace("_", " ")), "right" if is_number else "left")


def _text(value: Any, formats: Mapping[str, str], name: str) -> str:
    if value is None or pd.isna(value):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return format(value, formats.get(name, ".3f")) if isinstance(value, float) else str(value)
