"""The table of a leaderboard: which columns it shows, how they are rounded, what is marked, and the legend.

Each section (detectors of a unit, the cross-unit track, published figures) marks the best and the second best value of
a column, compared as printed, so equal values get the same mark. `2=` is a shared rank. Detectors without a rank are
listed with the number of their cells and the reason.
"""

import re
from collections.abc import Sequence

import pandas as pd

from benchmarks.metrics import METRICS
from benchmarks.reporting.captions import Caption
from benchmarks.reporting.table import Cell, Column, Omitted, Section, Table
from features import InputError

HEADINGS = {
    "rank": "#",
    "detector": "Detector",
    "auc": "AUC",
    "interval": "Interval",
    "seeds": "Seeds",
    "seed_sd": "Seed s.d.",
    "harmonic": "Harmonic mean",
    "pauc": "pAUC",
    "ap": "AP",
    "worst_unit": "Worst unit",
    "fit_seconds": "Fit (s)",
    "score_seconds": "Score (s)",
    "cells_ok": "Cells",
}
LEFT = ("rank", "detector", "interval")
NOT_MARKED = (*LEFT, "seeds", "seed_sd", "fit_seconds", "score_seconds")  # deviations and times are shown, not compared
MEANINGS = {
    "pauc": "pAUC: AUC up to a false-alarm rate of 0.1, rescaled so that chance is 0.5.",
    "ap": "AP: average precision.",
    "harmonic": "Harmonic mean: of all AUCs and pAUCs.",
    "worst_unit": "Worst unit: the lowest mean AUC of a unit.",
}
TRACKS = {
    "unit": "",
    "machine": "Cross-unit track: learns from other units' sound",
    "published": "Published figures on the same cells, not ranked",
}
BEHIND_SANITY = "†"
NOT_RANKED = "Not ranked, because means over different cells are not comparable:"


def leaderboard_table(
    board: pd.DataFrame, caption: Caption, columns: Sequence[str] | None = None, name: str = "leaderboard"
) -> Table:
    """Choose, round and mark. The frame of the table is the whole board.

    columns: names of columns of the board, or "interval"; by default all that it has to show, in LaTeX those that fit a
    page. Raises `InputError` for an unknown column, and for published figures among synthetic results.
    """
    chosen = default_columns(board) if columns is None else list(columns)
    _check(board, caption, chosen)
    shown = board[board["rank"].notna() | ((board["track"] == "published") & board["auc"].notna())]
    sections = [Section(title, _rows(shown[shown["track"] == track], chosen)) for track, title in TRACKS.items()]
    return Table(
        name,
        tuple(Column(column, _heading(column), "left" if column in LEFT else "right") for column in chosen),
        tuple(section for section in sections if section.rows),
        board,
        caption.synthetic,
        str(caption),
        meanings=MEANINGS,
        legend=tuple(_legend(board, caption.level)),
        omitted=_omitted(board.drop(shown.index)),
        latex_columns=(tuple(narrow_columns(board) if columns is None else chosen),),
    )


def default_columns(board: pd.DataFrame) -> list[str]:
    """All that a leaderboard has to show, with means per SNR and machine, and the deviation over seeds if any."""
    means = [column for column in board.columns if re.fullmatch(r"auc\[.+\]", column)]
    metrics = [name for name in METRICS if name != "auc" and name in board]
    seeds = ["seeds"] * seeds_differ(board)
    seeds += ["seed_sd"] if "seed_sd" in board and board["seed_sd"].notna().any() else []
    times = ["fit_seconds", "score_seconds"]
    return ["rank", "detector", "auc", "interval", *seeds, *means, *metrics, "worst_unit", *times]


def narrow_columns(board: pd.DataFrame) -> list[str]:
    """What fits a page: the mean, its interval, the means per SNR and the worst unit."""
    levels = [column for column in board.columns if re.fullmatch(r"auc\[\S+ dB\]", column)]
    return ["rank", "detector", "auc", "interval", *["seeds"] * seeds_differ(board), *levels, "worst_unit"]


def seeds_differ(board: pd.DataFrame) -> bool:
    """Whether the ranked detectors have different numbers of seeds, or one of them different numbers in its sets."""
    if "seeds" not in board:
        return False
    numbers = set(board.loc[board["rank"].notna(), "seeds"])
    return len(numbers) > 1 or any(" to " in number for number in numbers)


def _check(board: pd.DataFrame, caption: Caption, columns: Sequence[str]) -> None:
    known = {"interval", *board.columns}
    if unknown := [column for column in columns if column not in known]:
        raise InputError(f"table: no columns {unknown}; there are {', '.join(sorted(known))}")
    if caption.synthetic and (board["track"] == "published").any():
        raise InputError("table: published figures beside synthetic results; leave them out, they are not comparable")


def _heading(column: str) -> str:
    return HEADINGS.get(column, re.sub(r"^auc\[(.+)\]$", r"\1", column))


def _omitted(board: pd.DataFrame) -> Omitted:
    reasons = [(str(row.detector), f"{row.cells_ok} of {row.cells} cells; {row.reason}") for row in board.itertuples()]
    return Omitted("not ranked", NOT_RANKED, tuple(reasons))


def _rows(section: pd.DataFrame, columns: Sequence[str]) -> tuple[tuple[Cell, ...], ...]:
    texts = [[_text(row, column) for column in columns] for _, row in section.iterrows()]
    is_contest = section["rank"].notna().sum() > 1
    leaders = [
        _leaders(printed) if is_contest and column not in NOT_MARKED else (None, None)
        for column, printed in zip(columns, zip(*texts, strict=True), strict=False)
    ]
    return tuple(
        tuple(Cell(text, text == best, text == second) for text, (best, second) in zip(row, leaders, strict=True))
        for row in texts
    )


def _leaders(printed: Sequence[str]) -> tuple[str | None, str | None]:
    """The best and the second best of the printed values of a column."""
    best, second, *_ = [*sorted(set(printed) - {""}, key=float, reverse=True), None, None]
    return best, second


def _text(row: pd.Series, column: str) -> str:
    if column == "rank":
        return _rank(row)
    if column == "detector":
        return _name(row)
    if column == "interval":
        return "" if pd.isna(row["auc_low"]) else f"[{row['auc_low']:.3f}, {row['auc_high']:.3f}]"
    value = row[column]
    if not isinstance(value, float):
        return str(value)
    if pd.isna(value):
        return ""
    return f"{value:.3g}" if column.endswith("_seconds") else f"{value:.3f}"


def _rank(row: pd.Series) -> str:
    return "" if pd.isna(row["rank"]) else f"{row['rank']}{'=' * bool(row['tied'])}"


def _name(row: pd.Series) -> str:
    is_behind = not pd.isna(row["beats_sanity"]) and not row["beats_sanity"]
    is_imported = not pd.isna(row.get("scores_only")) and row["scores_only"]
    marks = " (sanity)" * row["sanity"] + " (scores only)" * is_imported + BEHIND_SANITY * is_behind
    return str(row["detector"]) + marks


def _legend(board: pd.DataFrame, level: float) -> list[str]:
    """The sentences that explain the marks in use."""
    interval = f"{100 * level:g} % interval of the paired difference"
    ties = f"=: shared rank, 1 + the number of detectors that are clearly ahead ({interval})."
    behind = f"{BEHIND_SANITY}: not clearly above each sanity row."
    used = [ties] * bool(board["tied"].any()) + [behind] * bool((~board["beats_sanity"].fillna(True)).any())
    imported = board[board["trained_on"].fillna("") != ""] if "trained_on" in board else board[:0]
    declared = "; ".join(f"{row.detector}: {row.trained_on}" for row in imported.itertuples())
    return used + [f"Scores only: computed elsewhere, declared training data of {declared}."] * bool(declared)
