"""The data of a table as CSV, unrounded."""

import pandas as pd

from benchmarks.reporting.table import Table
from benchmarks.run.spreadsheet import without_formulas


def csv(table: Table) -> str:
    """The frame of a table, with the columns `synthetic` and `caption` at the end of each row."""
    return frame_csv(table.frame.assign(synthetic=table.synthetic, caption=table.caption(list(table.frame.columns))))


def frame_csv(frame: pd.DataFrame) -> str:
    """A frame without its index. Lines end in a line feed on every system; no text is a formula to a spreadsheet."""
    return without_formulas(frame).to_csv(index=False, lineterminator="\n")
