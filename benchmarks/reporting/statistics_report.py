"""The statistics of a leaderboard as tables and a figure: three spreads apart, tests over units, who beats whom.

Sanity rows and detectors of the cross-unit track are compared in the leaderboard alone: a test over units asks about
detectors that may be ranked against each other. All random draws start from one fixed seed, so that the same results
give the same files.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from io import StringIO
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from benchmarks.evaluation import comparison
from benchmarks.evaluation.sampling_error import sampling_error
from benchmarks.evaluation.stored_results import stored_scores
from benchmarks.reporting.plain_table import PlainTable
from benchmarks.run.writing import write_text
from features import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RESAMPLES = 2000
SEED = 0
ALPHA = 0.05
ON_PAGE = 10  # columns of a matrix in LaTeX
MARGIN = 0.01  # AUC: up to here a unit is a tie


@dataclass(frozen=True)
class Level:
    """The AUCs of units at one noise level, or over all; `(n_units, n_detectors)`, best mean rank first."""

    name: str
    units: pd.DataFrame
    detectable: float  # AUC


def statistics_tables(results: pd.DataFrame, board: pd.DataFrame, levels: list[Level]) -> list[PlainTable]:
    """All tables, in the order of reading; `levels`: those of `levels_of`.

    Fewer where there are too few detectors or units; none where none ran.
    """
    results = results[results["status"] != "unlabelled"]
    ranked = board.loc[board["rank"].notna(), "detector"]
    if ranked.empty:
        return []
    tables = [_spreads(results[results["detector"].isin(ranked)])]
    return tables + ([_tests(levels), _ranks(levels), *_matrices(levels[0]), _pairs(levels)] if levels else [])


def levels_of(results: pd.DataFrame, board: pd.DataFrame) -> list[Level]:
    """All levels together and each for itself, of the detectors that are compared; empty for fewer than two."""
    compared = board[board["rank"].notna() & ~board["sanity"] & (board["track"] == "unit")]["detector"]
    chosen = results[results["detector"].isin(compared)]
    if len(compared) < 2:
        return []
    snrs = sorted(chosen["snr_db"].dropna().unique(), reverse=True)
    named = [("all levels" if snrs else "all", None)] + [(f"{snr:g} dB", snr) for snr in snrs if len(snrs) > 1]
    return [_level(name, chosen, snr) for name, snr in named]


def _level(name: str, results: pd.DataFrame, snr_db: float | None) -> Level:
    units = comparison.unit_aucs(results, snr_db)
    at_level = results if snr_db is None else results[results["snr_db"] == snr_db]
    detectable = comparison.smallest_detectable_difference(sampling_error(at_level, stored_scores))
    best_first = comparison.average_ranks(units).sort_index().sort_values(kind="stable").index
    return Level(name, units[best_first], detectable)


def _spreads(results: pd.DataFrame) -> PlainTable:
    table = comparison.spreads(results, stored_scores, RESAMPLES, np.random.default_rng(SEED))
    note = (
        "Mean AUC and three spreads that must not be mixed. seed s.d.: standard deviation over seeds (empty with one). "
        "clips: 95 % limits for another draw of test clips from the same units (DeLong). units: 95 % percentile limits "
        f"for other units, {RESAMPLES} resamples of whole units; with few units they are too narrow (empty with one)."
    )
    table = table.sort_values(["auc", "detector"], ascending=[False, True]).rename(columns={"seed_sd": "seed s.d."})
    return PlainTable("spreads", "How sure the means are", note, table, {"seed s.d.": ".4f"})


def _tests(levels: list[Level]) -> PlainTable:
    rows = [_test_row(level) for level in levels]
    note = (
        "Friedman's test over units (seeds averaged; SNR levels of a unit averaged, or one level alone) with the F of "
        "Iman and Davenport. CD: Nemenyi's critical difference of mean ranks at 0.05. smallest p: the least p-value "
        "that Wilcoxon's test can give after Holm with so few units. detectable: true difference of two mean AUCs that "
        "the paired 95 % interval would tell apart in 80 % of draws of test clips, median over pairs."
    )
    formats = {"chi2": ".2f", "F": ".2f", "p": ".2g", "p (F)": ".2g", "CD": ".2f", "smallest p": ".2g"}
    return PlainTable("tests", "Are the detectors alike?", note, pd.DataFrame(rows), formats)


def _test_row(level: Level) -> dict[str, Any]:
    n_units, k = level.units.shape
    row: dict[str, Any] = {"level": level.name, "units": n_units, "detectors": k}
    try:
        test = comparison.friedman(level.units)
        row |= {"chi2": test.chi2, "p": test.p_chi2, "F": test.f, "p (F)": test.p_f}
        row |= {"CD": comparison.critical_difference(k, n_units)}
    except InputError:
        row |= dict.fromkeys(("chi2", "p", "F", "p (F)", "CD"), np.nan)
    return row | {"smallest p": comparison.smallest_p(k, n_units), "detectable": level.detectable}


def _ranks(levels: list[Level]) -> PlainTable:
    ranks = pd.DataFrame({level.name: comparison.average_ranks(level.units) for level in levels})
    table = ranks.loc[levels[0].units.columns].rename_axis("detector").reset_index()
    note = "Mean rank over units, 1 is best, equal AUCs share a mean rank."
    return PlainTable("ranks", "Mean ranks", note, table, dict.fromkeys(ranks.columns, ".2f"))


def _matrices(level: Level) -> list[PlainTable]:
    """P-values after Holm, and win / tie / loss: rows against numbered columns, in the order of mean ranks."""
    names = list(level.units.columns)
    p = comparison.wilcoxon_holm(level.units).loc[names, names].to_numpy()
    numbered = {"#": range(1, len(names) + 1), "detector": names}
    p_rows = {str(j + 1): [np.nan if i == j else p[i, j] for i in range(len(names))] for j in range(len(names))}
    counts = {pair: f"{row['win']}/{row['tie']}/{row['loss']}" for pair, row in _counts(level.units).items()}
    shown = {str(j + 1): [counts.get((a, b), "") for a in names] for j, b in enumerate(names)}
    p_note = (
        f"P-values of Wilcoxon's signed-rank test of each pair over {len(level.units)} units, {level.name}, after "
        "Holm's correction. Columns are the detectors by their number. 1.00 may also mean that there are too few units."
    )
    w_note = (
        f"On how many of {len(level.units)} units ({level.name}) the row's detector beats, ties with, loses to the "
        f"column's; up to {MARGIN:g} AUC apart is a tie."
    )
    p_table, w_table = pd.DataFrame(numbered | p_rows), pd.DataFrame(numbered | shown)
    beside = list(shown)[ON_PAGE:]
    narrow = f" In LaTeX: the columns of the best {ON_PAGE}." * bool(beside)
    formats = dict.fromkeys(p_rows, ".2f")
    return [
        PlainTable("wilcoxon_holm", "Which pairs differ", p_note + narrow, p_table, formats, beside_page=beside),
        PlainTable("win_tie_loss", "Win / tie / loss", w_note + narrow, w_table, beside_page=beside),
    ]


def _pairs(levels: list[Level]) -> PlainTable:
    rows = [row for level in levels for row in _pair_rows(level)]
    note = "Each pair at each level: mean difference of AUC over units, p-values after Holm (Wilcoxon) and of Nemenyi."
    return PlainTable("pairs", "All pairs", note, pd.DataFrame(rows), {"p Holm": ".3g", "p Nemenyi": ".3g"})


def _pair_rows(level: Level) -> list[dict[str, Any]]:
    units = level.units
    p, wins = comparison.wilcoxon_holm(units), _counts(units)
    nemenyi = comparison.nemenyi(units) if min(units.shape) > 1 and units.shape[1] > 2 else None
    return [
        {"level": level.name, "detector": a, "other": b, "difference": float((units[a] - units[b]).mean())}
        | {"p Holm": p.loc[a, b], "p Nemenyi": np.nan if nemenyi is None else nemenyi.loc[a, b]}
        | wins[a, b]
        for a, b in combinations(units.columns, 2)
    ]


def _counts(units: pd.DataFrame) -> dict[tuple[str, str], dict[str, Any]]:
    """(detector, other) -> win, tie, loss."""
    table = comparison.win_tie_loss(units, MARGIN).reset_index()
    return {(row["detector"], row["other"]): _without_names(row) for row in table.to_dict("records")}


def _without_names(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("win", "tie", "loss")}


def critical_difference_diagram(level: Level, setting: str) -> "Figure":
    """Mean ranks on a line, bars over those that Wilcoxon's test after Holm cannot tell apart (Demsar 2006).

    setting: what the figures were measured on; it is printed below, so a synthetic corpus stays named as such.
    """
    from matplotlib.figure import Figure
    from scikit_posthocs import critical_difference_diagram as draw

    ranks = comparison.average_ranks(level.units)[list(level.units.columns)]
    p = comparison.wilcoxon_holm(level.units)
    figure = Figure(figsize=(8, 1.6 + 0.17 * len(ranks)), layout="constrained")
    axes = figure.add_subplot()
    numbers = range(len(ranks))  # in place of names: the order of a set of texts is another in every process
    drawn = draw(
        ranks.set_axis(numbers),
        p.loc[ranks.index, ranks.index].set_axis(numbers).set_axis(numbers, axis=1),
        alpha=ALPHA,
        ax=axes,
        label_fmt_left="{label}",
        label_fmt_right="{label}",
        label_props={"fontsize": 8},
    )
    for label in drawn["labels"]:
        name, rank = list(ranks.items())[int(label.get_text())]
        text = f"{name} ({rank:.2f})" if label.get_ha() == "right" else f"({rank:.2f}) {name}"
        label.set_text(text.replace("$", r"\$"))
    axes.set_title(f"Mean ranks over {len(level.units)} units, {level.name}", fontsize=9)
    figure.supxlabel(f"{setting} {_bars(level)}", fontsize=6, wrap=True)
    return figure


def _bars(level: Level) -> str:
    """What the bars of a diagram mean, and how much they can."""
    n_units, k = level.units.shape
    text = f"Bars: not told apart by Wilcoxon's test after Holm at {ALPHA:g}"
    if comparison.smallest_p(k, n_units) > ALPHA:
        text += f", which can tell no pair of {k} apart on {n_units} units, however far they are"
    if n_units < 2:
        return f"{text}."
    return (
        f"{text}. Nemenyi's critical difference at {ALPHA:g}: {comparison.critical_difference(k, n_units, ALPHA):.2f}."
    )


def write_figure(figure: "Figure", file: Path, title: str) -> Path:
    """Write an SVG that is the same, byte for byte, whenever it is drawn from the same results."""
    import matplotlib

    drawn = StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "asdbench"}):
        figure.savefig(drawn, format="svg", metadata={"Date": None, "Title": title})
    return write_text(file, drawn.getvalue())
