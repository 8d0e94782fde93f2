"""What a table shows, before it is drawn: columns, sections, rounding, marks, and the caption.

In each section (detectors of a unit, then the cross-unit track of those that learn from other units) the best value of a
column is marked, and the second, as printed: equal figures are marked alike. `2=` is a rank shared with others.
Detectors without a rank carry the cells they have and the reason.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from benchmarks.metrics import METRICS
from features import InputError

HEADINGS = {
    "rank": "#",
    "detector": "Detector",
    "auc": "AUC",
    "interval": "Interval",
    "seed_sd": "Seed s.d.",
    "harmonic": "Harmonic mean",
    "pauc": "pAUC",
    "ap": "AP",
    "worst_unit": "Worst unit",
    "fit_seconds": "Fit (s)",
    "score_seconds": "Score (s)",
    "cells_ok": "Cells",
}
TEXT = ("rank", "detector", "interval")
NEVER_BEST = (*TEXT, "seed_sd", "fit_seconds", "score_seconds")  # deviations and times are told, not ranked
MEANINGS = {
    "pauc": "pAUC: AUC up to a false-alarm rate of 0.1, rescaled so that chance is 0.5.",
    "ap": "AP: average precision.",
    "harmonic": "Harmonic mean: of all AUCs and pAUCs.",
    "worst_unit": "Worst unit: the lowest mean AUC of a unit.",
}
BEHIND_SANITY = "†"
SCORES_ONLY = " (scores only)"
TRACKS = {
    "unit": "",
    "machine": "Cross-unit track: learns from other units' sound",
    "published": "Published figures on the same cells, not ranked",
}


@dataclass(frozen=True)
class Caption:
    """What a reader must know of a table to cite it. `cells`: how many each ranked detector has."""

    corpus: str
    split: str
    channel: str
    seeds: Sequence[int]
    cells: int
    budget: str
    versions: Mapping[str, str]
    synthetic: bool = False
    quick: bool = False
    level: float = 0.95

    def __str__(self) -> str:
        parts = [
            *self.warnings,
            f"{self.corpus}. AUC, the mean over {self._cells}.",
            f"Interval: {100 * self.level:g} %, over the sampling of test clips (DeLong).",
            self._conditions,
        ]
        return " ".join(parts)

    @property
    def setting(self) -> str:
        """What the figures were measured on and how, without what they are."""
        return " ".join([*self.warnings, f"{self.corpus}, {self._cells}.", self._conditions])

    @property
    def warnings(self) -> list[str]:
        synthetic = ["SYNTHETIC DATA: not to be set beside published figures."] * self.synthetic
        return synthetic + ["Quick run: not for citing."] * self.quick

    @property
    def _cells(self) -> str:
        return f"{self.cells} cell{'s' * (self.cells != 1)} (machine, unit, SNR, seed)"

    @property
    def _conditions(self) -> str:
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        protocol = f"Split: {self.split}. Channel: {self.channel}. Seeds: {', '.join(map(str, self.seeds))}."
        return f"{protocol} Budget: {self.budget}. Versions: {versions}."


@dataclass(frozen=True)
class Entry:
    """What stands in one place of a table."""

    text: str
    best: bool = False
    second: bool = False


@dataclass(frozen=True)
class Layout:
    """A table before it is drawn. `sections`: title (may be empty) and rows; `unranked`: detector and reason."""

    columns: list[str]
    headings: list[str]
    sections: list[tuple[str, list[list[Entry]]]]
    unranked: list[tuple[str, str]]
    caption: str


def default_columns(board: pd.DataFrame) -> list[str]:
    """All that a leaderboard has to show: means per SNR and per machine too, the seeds' deviation if there is one."""
    means = [column for column in board.columns if re.fullmatch(r"auc\[.+\]", column)]
    metrics = [name for name in METRICS if name != "auc" and name in board]
    seeds = ["seed_sd"] if "seed_sd" in board and board["seed_sd"].notna().any() else []
    return [
        "rank",
        "detector",
        "auc",
        "interval",
        *seeds,
        *means,
        *metrics,
        "worst_unit",
        "fit_seconds",
        "score_seconds",
    ]


def narrow_columns(board: pd.DataFrame) -> list[str]:
    """What fits a page: the mean, its interval, the means per SNR and the worst unit."""
    levels = [column for column in board.columns if re.fullmatch(r"auc\[\S+ dB\]", column)]
    return ["rank", "detector", "auc", "interval", *levels, "worst_unit"]


def layout(board: pd.DataFrame, caption: Caption, columns: Sequence[str] | None = None) -> Layout:
    """Choose, round and mark. `columns`: names of the leaderboard's, and "interval"; raises `InputError` for others."""
    chosen = list(columns) if columns is not None else default_columns(board)
    known = {"interval", *board.columns}
    if unknown := [column for column in chosen if column not in known]:
        raise InputError(f"table: no columns {unknown}; there are {', '.join(sorted(known))}")
    is_published = board["track"] == "published"
    if caption.synthetic and is_published.any():
        raise InputError("table: published figures beside synthetic results; leave them out, they do not compare")
    ranked = board[board["rank"].notna()]
    shown = board[board["rank"].notna() | (is_published & board["auc"].notna())]
    sections = [(title, _rows(shown[shown["track"] == track], chosen)) for track, title in TRACKS.items()]
    lacking = board.drop(shown.index)
    return Layout(
        chosen,
        [HEADINGS.get(column, re.sub(r"^auc\[(.+)\]$", r"\1", column)) for column in chosen],
        [section for section in sections if section[1]],
        [(str(row.detector), f"{row.cells_ok} of {row.cells} cells; {row.reason}") for row in lacking.itertuples()],
        " ".join([str(caption), *meanings(chosen), *legend(ranked, caption.level)]),
    )


def _rows(ranked: pd.DataFrame, columns: Sequence[str]) -> list[list[Entry]]:
    texts = [[_text(row, column) for column in columns] for _, row in ranked.iterrows()]
    leaders = []  # per column, the best and the second of its texts
    competing = ranked["rank"].notna().sum() > 1
    for column, printed in zip(columns, zip(*texts, strict=True), strict=False):
        compared = set(printed) - {""} if competing and column not in NEVER_BEST else set()
        order = sorted(compared, key=float, reverse=True)
        leaders.append([*order[:2], None, None])
    return [
        [Entry(text, text == best, text == second) for text, (best, second, *_) in zip(row, leaders, strict=True)]
        for row in texts
    ]


def _text(row: pd.Series, column: str) -> str:
    if column == "rank":
        if pd.isna(row["rank"]):
            return ""
        return f"{row['rank']}=" if row["tied"] else str(row["rank"])
    if column == "detector":
        behind = not pd.isna(row["beats_sanity"]) and not row["beats_sanity"]
        elsewhere = not pd.isna(row.get("scores_only")) and row["scores_only"]
        return row["detector"] + " (sanity)" * row["sanity"] + SCORES_ONLY * elsewhere + BEHIND_SANITY * behind
    if column == "interval":
        if pd.isna(row["auc_low"]):
            return ""
        return f"[{row['auc_low']:.3f}, {row['auc_high']:.3f}]"
    value = row[column]
    if not isinstance(value, float):
        return str(value)
    if pd.isna(value):
        return ""
    return f"{value:.3g}" if column.endswith("_seconds") else f"{value:.3f}"


def meanings(columns: Collection[str]) -> list[str]:
    """The sentences that say what the columns of these names hold."""
    return [meaning for column, meaning in MEANINGS.items() if column in columns]


def legend(ranked: pd.DataFrame, level: float) -> list[str]:
    """The sentences that explain the marks in use."""
    ties = f"=: shared rank, 1 + how many are clearly ahead ({100 * level:g} % interval of the paired difference)."
    behind = f"{BEHIND_SANITY}: not clearly above each sanity row."
    said = [ties] * bool(ranked["tied"].any()) + [behind] * bool((~ranked["beats_sanity"].fillna(True)).any())
    elsewhere = ranked[ranked["trained_on"].fillna("") != ""] if "trained_on" in ranked else ranked[:0]
    declared = "; ".join(f"{row.detector}: {row.trained_on}" for row in elsewhere.itertuples())
    return said + [f"Scores only: computed elsewhere, declared training data of {declared}."] * bool(declared)
