"""The statistics of a leaderboard as tables: three separate spreads, tests over units, and comparisons of pairs.

Sanity rows and detectors of the cross-unit track are compared in the leaderboard only: a test over units is about
detectors that are ranked against each other. All random draws start from one fixed seed, so the same results give the
same files.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.evaluation import comparison, significance
from benchmarks.evaluation.sampling_error import sampling_error
from benchmarks.evaluation.stored_results import stored_scores
from benchmarks.reporting.captions import Caption
from benchmarks.reporting.dataframe_table import dataframe_table
from benchmarks.reporting.leaderboard_files import Report
from benchmarks.reporting.table import Table
from features import InputError

RESAMPLES = 2000
SEED = 0
ON_PAGE = 10  # columns of a matrix in LaTeX
MARGIN = 0.01  # AUC: a smaller difference on a unit is a tie


@dataclass(frozen=True)
class Level:
    """The AUCs of units at one noise level, or over all; `(n_units, n_detectors)`, best mean rank first."""

    name: str
    units: pd.DataFrame
    detectable: float  # AUC


def statistics_tables(report: Report, levels: Sequence[Level]) -> list[Table]:
    """All tables, in reading order; `levels`: those of `levels_of`.

    Fewer tables if there are too few detectors or units; none if no detector is ranked.
    """
    results, board, caption = report.results, report.board, report.caption
    results = results[results["status"] != "unlabelled"]
    ranked = board.loc[board["rank"].notna(), "detector"]
    if ranked.empty:
        return []
    tables = [_spreads(results[results["detector"].isin(ranked)], caption)]
    if not levels:
        return tables
    tables += [_tests(levels, caption), _ranks(levels, caption), *_matrices(levels[0], caption)]
    return [*tables, _pairs(levels, caption)]


def levels_of(results: pd.DataFrame, board: pd.DataFrame) -> list[Level]:
    """All noise levels together and each alone, for the detectors that are compared; empty for fewer than two."""
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
    best_first = significance.average_ranks(units).sort_index().sort_values(kind="stable").index
    return Level(name, units[best_first], detectable)


def _spreads(results: pd.DataFrame, caption: Caption) -> Table:
    table = comparison.spreads(results, stored_scores, RESAMPLES, np.random.default_rng(SEED))
    note = (
        "Mean AUC and three spreads of different causes. seed s.d.: standard deviation over seeds (empty with one). "
        "clips: 95 % limits for another draw of test clips from the same units (DeLong). units: 95 % percentile limits "
        f"for other units, {RESAMPLES} resamples of whole units; they are too narrow for few units (empty with one)."
    )
    table = table.sort_values(["auc", "detector"], ascending=[False, True]).rename(columns={"seed_sd": "seed s.d."})
    return dataframe_table("spreads", "Uncertainty of the means", note, table, caption, formats={"seed s.d.": ".4f"})


def _tests(levels: Sequence[Level], caption: Caption) -> Table:
    rows = [_test_row(level) for level in levels]
    note = (
        "Friedman's test over units (seeds averaged; SNR levels of a unit averaged, or one level alone) with the F of "
        "Iman and Davenport. CD: Nemenyi's critical difference of mean ranks at 0.05. smallest p: the smallest p-value "
        "that Wilcoxon's test can give after Holm with so few units. detectable: true difference of two mean AUCs that "
        "the paired 95 % interval would detect in 80 % of draws of test clips, median over pairs."
    )
    formats = {"chi2": ".2f", "F": ".2f", "p": ".2g", "p (F)": ".2g", "CD": ".2f", "smallest p": ".2g"}
    return dataframe_table("tests", "Do the detectors differ?", note, pd.DataFrame(rows), caption, formats=formats)


def _test_row(level: Level) -> dict[str, Any]:
    n_units, k = level.units.shape
    row: dict[str, Any] = {"level": level.name, "units": n_units, "detectors": k}
    try:
        test = significance.friedman(level.units)
        row |= {"chi2": test.chi2, "p": test.p_chi2, "F": test.f, "p (F)": test.p_f}
        row |= {"CD": significance.critical_difference(k, n_units)}
    except InputError:
        row |= dict.fromkeys(("chi2", "p", "F", "p (F)", "CD"), np.nan)
    return row | {"smallest p": significance.smallest_p(k, n_units), "detectable": level.detectable}


def _ranks(levels: Sequence[Level], caption: Caption) -> Table:
    ranks = pd.DataFrame({level.name: significance.average_ranks(level.units) for level in levels})
    table = ranks.loc[levels[0].units.columns].rename_axis("detector").reset_index()
    note = "Mean rank over units; 1 is best, equal AUCs share a mean rank."
    formats = dict.fromkeys(ranks.columns, ".2f")
    return dataframe_table("ranks", "Mean ranks", note, table, caption, formats=formats)


def _matrices(level: Level, caption: Caption) -> list[Table]:
    """P-values after Holm, and win / tie / loss: rows against numbered columns, in the order of mean ranks."""
    names = list(level.units.columns)
    p = significance.wilcoxon_holm(level.units).loc[names, names].to_numpy()
    numbered = {"#": range(1, len(names) + 1), "detector": names}
    p_rows = {str(j + 1): [np.nan if i == j else p[i, j] for i in range(len(names))] for j in range(len(names))}
    counts = {pair: f"{row['win']}/{row['tie']}/{row['loss']}" for pair, row in _counts(level.units).items()}
    shown = {str(j + 1): [counts.get((a, b), "") for a in names] for j, b in enumerate(names)}
    p_note = (
        f"P-values of Wilcoxon's signed-rank test of each pair over {len(level.units)} units, {level.name}, after "
        "Holm's correction. Columns are the detectors by number. 1.00 may also mean that there are too few units."
    )
    w_note = (
        f"On how many of {len(level.units)} units ({level.name}) the detector of the row beats / ties with / loses to "
        f"that of the column; a difference of AUC up to {MARGIN:g} is a tie."
    )
    p_table, w_table = pd.DataFrame(numbered | p_rows), pd.DataFrame(numbered | shown)
    beside = list(shown)[ON_PAGE:]
    narrow = f" LaTeX shows the columns of the best {ON_PAGE}." * bool(beside)
    formats = dict.fromkeys(p_rows, ".2f")
    return [
        dataframe_table(
            "wilcoxon_holm",
            "Which pairs differ",
            p_note + narrow,
            p_table,
            caption,
            formats=formats,
            not_in_latex=beside,
        ),
        dataframe_table("win_tie_loss", "Win / tie / loss", w_note + narrow, w_table, caption, not_in_latex=beside),
    ]


def _pairs(levels: Sequence[Level], caption: Caption) -> Table:
    rows = [row for level in levels for row in _pair_rows(level)]
    note = "Each pair at each level: mean difference of AUC over units, p-values after Holm (Wilcoxon) and of Nemenyi."
    formats = {"p Holm": ".3g", "p Nemenyi": ".3g"}
    return dataframe_table("pairs", "All pairs", note, pd.DataFrame(rows), caption, formats=formats)


def _pair_rows(level: Level) -> list[dict[str, Any]]:
    units = level.units
    p, wins = significance.wilcoxon_holm(units), _counts(units)
    nemenyi = significance.nemenyi(units) if min(units.shape) > 1 and units.shape[1] > 2 else None
    return [
        {"level": level.name, "detector": a, "other": b, "difference": float((units[a] - units[b]).mean())}
        | {"p Holm": p.loc[a, b], "p Nemenyi": np.nan if nemenyi is None else nemenyi.loc[a, b]}
        | wins[a, b]
        for a, b in combinations(units.columns, 2)
    ]


def _counts(units: pd.DataFrame) -> dict[tuple[str, str], dict[str, Any]]:
    """(detector, other) -> win, tie, loss."""
    table = significance.win_tie_loss(units, MARGIN).reset_index()
    return {(row["detector"], row["other"]): _without_names(row) for row in table.to_dict("records")}


def _without_names(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("win", "tie", "loss")}
