"""From stored results to results.csv, the leaderboard in its forms, the official score and environment.json.

Everything here is computed from the store alone, without audio, features or detectors.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.datasets import DATASETS
from benchmarks.evaluation.cell_choice import CellChoice
from benchmarks.evaluation.challenge_metrics import OFFICIAL_METRICS, official_score
from benchmarks.evaluation.leaderboard import leaderboard
from benchmarks.evaluation.means import SET, labelled
from benchmarks.evaluation.ranked_sets import ranked_sets
from benchmarks.evaluation.stored_results import WRITTEN, load_results, stored_scores
from benchmarks.reporting.captions import Caption
from benchmarks.reporting.leaderboard_table import leaderboard_table, seeds_differ
from benchmarks.reporting.official_table import official_table
from benchmarks.reporting.page import Page
from benchmarks.reporting.published_figures import are_comparable, published, published_rows
from benchmarks.reporting.render_csv import csv, frame_csv
from benchmarks.reporting.render_html import html_page
from benchmarks.reporting.render_latex import latex
from benchmarks.reporting.render_markdown import markdown
from benchmarks.run.store import Store
from benchmarks.run.writing import write_texts
from features import InputError

QUICK_SUFFIX = "-quick"  # of the folder of a corpus in a quick run


@dataclass(frozen=True)
class Report:
    """A leaderboard, its caption, and the results that it is computed from.

    stored: every cell. chosen: those that the reader has chosen. results: those of them in the sets that detectors are
    ranked on.
    """

    board: pd.DataFrame
    caption: Caption
    results: pd.DataFrame
    chosen: pd.DataFrame
    stored: pd.DataFrame


def make_report(root: Path, choice: CellChoice = CellChoice()) -> Report:
    """Rank the results in `<results>/<dataset>/<protocol>`, all of them or a choice. Raises `InputError`."""
    stored = load_results(root)
    chosen = choice.rows(stored)
    board = leaderboard(chosen)
    sets = ranked_sets(labelled(chosen))
    results = chosen.merge(sets, on=SET)
    caption = _caption(root, results, board, str(choice), _left_out(labelled(chosen), sets))
    return Report(_with_published(board, results, caption), caption, results, chosen, stored)


def _left_out(cells: pd.DataFrame, sets: pd.DataFrame) -> list[str]:
    """Each set that is not ranked on, with its detectors, such as `valve id_04 at 6 dB (knn)`."""
    others = cells.merge(sets.assign(ranked=True), how="left", on=SET)
    others = others[others["ranked"].isna()]
    return [f"{_place(key)} ({_names(rows['detector'])})" for key, rows in others.groupby(SET, dropna=False)]


def _place(key: Any) -> str:
    machine, unit, snr_db = key
    return f"{machine} {unit}" + ("" if pd.isna(snr_db) else f" at {snr_db:g} dB")


def _names(detectors: pd.Series) -> str:
    names = sorted(detectors.unique())
    return ", ".join(names) if len(names) <= 2 else f"{len(names)} detectors"


def _with_published(board: pd.DataFrame, results: pd.DataFrame, caption: Caption) -> pd.DataFrame:
    """The leaderboard with the published figures on the same units at its end, unranked."""
    dataset = results["dataset"].iloc[0]
    if caption.synthetic or caption.quick or caption.calibrate or not are_comparable(results, dataset, caption.channel):
        return board
    rows = published_rows(results, published(dataset))
    return pd.concat([board, rows[rows["auc"].notna()]], ignore_index=True)


def write_leaderboard(root: Path, report: Report | None = None) -> list[Path]:
    """Write results.csv, leaderboard.md, .csv, .tex, .html and environment.json into `root`; return the files.

    The corpus of a challenge also gets official.md and .csv. Either all files are written or none.
    report: the report on the results in `root`, if it is made already. results.csv holds all cells, also those that the
    report leaves out.
    """
    return write_texts(leaderboard_texts(root, report or make_report(root)))


def leaderboard_texts(root: Path, report: Report) -> dict[Path, str]:
    """The files of `write_leaderboard` and their texts."""
    caption, table = report.caption, leaderboard_table(report.board, report.caption)
    texts = {
        "results.csv": frame_csv(report.stored[[*WRITTEN]]),
        "leaderboard.csv": csv(table),
        "leaderboard.md": markdown(table),
        "leaderboard.tex": latex(table),
        "leaderboard.html": html_page(Page(caption.title, [table], caption.warnings)),
        "environment.json": json.dumps(_newest_environment(report.stored), indent=1) + "\n",
    }
    texts |= _official(report)
    return {root / name: text for name, text in texts.items()}


def _official(report: Report) -> dict[str, str]:
    """The official score of a challenge, if the corpus has one, is split as in the challenge, and has labels."""
    corpus = DATASETS.get(report.results["dataset"].iloc[0])
    metric = OFFICIAL_METRICS.get(corpus.official_metric) if corpus else None
    has_labels = (report.chosen["status"] != "unlabelled").any()
    if corpus is None or metric is None or report.caption.split != corpus.official_split or not has_labels:
        return {}
    about = report.chosen.drop_duplicates("detector")[["detector", "scope", "sanity"]]
    scores = about.merge(official_score(report.chosen, stored_scores, metric), on="detector", how="right")
    return {"official.csv": frame_csv(scores), "official.md": markdown(official_table(scores, metric, report.caption))}


def _newest_environment(results: pd.DataFrame) -> dict[str, object]:
    newest = _own_runs(results).sort_values("finished").iloc[-1]
    return Store.result(Path(newest["folder"])).environment.as_json()


def _own_runs(results: pd.DataFrame) -> pd.DataFrame:
    """The readable results that were run here, not imported, if there are any: they know versions and hardware."""
    readable = results[results["finished"].notna()]
    if readable.empty:
        raise InputError(str(results["message"].iloc[0]))
    return readable[~readable["scores_only"]] if not readable["scores_only"].all() else readable


def _caption(root: Path, results: pd.DataFrame, board: pd.DataFrame, chosen: str, left_out: Sequence[str]) -> Caption:
    first = Store.result(Path(_own_runs(results)["folder"].iloc[0]))
    versions = first.environment.versions.model_dump()
    ranked = results[results["detector"].isin(board.loc[board["rank"].notna(), "detector"])]
    of_seeds = (results if ranked.empty else ranked)[["seed", "seeded"]]
    seeded = of_seeds[of_seeds["seeded"].astype(bool)]
    return Caption(
        corpus=first.corpus,
        split=first.config.split,
        channel=first.channel,
        seeds=sorted(int(seed) for seed in (of_seeds if seeded.empty else seeded)["seed"].unique()),
        sets=len(results[SET].drop_duplicates()),
        budget=_budget(results["detector"]),
        versions={name: versions[name] for name in ("asdbench", "torch", "scikit-learn") if versions.get(name)},
        synthetic=first.synthetic,
        quick=root.parent.name.endswith(QUICK_SUFFIX),
        threads=first.config.threads or 1,
        seeds_differ=seeds_differ(board),
        chosen=chosen,
        left_out=left_out,
        calibrate=first.config.calibrate,
    )


def _budget(rows: pd.Series) -> str:
    """How long the networks trained, from labels such as `idnn@cpu` and `idnn[epochs=3]`."""
    reduced = "rows marked @cpu train less than published, see docs/detectors.md"
    text = reduced if rows.str.contains("@cpu").any() else "as published"
    return text + ", except for what brackets in a name set" * bool(rows.str.contains("[", regex=False).any())
