"""From stored results to results.csv, the leaderboard in its forms, the official score and environment.json.

Everything here is computed from the store alone, without audio, features or detectors.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from benchmarks.datasets import DATASETS
from benchmarks.evaluation.challenge_metrics import OFFICIAL_METRICS, official_score
from benchmarks.evaluation.leaderboard import leaderboard
from benchmarks.evaluation.stored_results import WRITTEN, load_results, stored_scores
from benchmarks.reporting.captions import Caption
from benchmarks.reporting.leaderboard_table import leaderboard_table
from benchmarks.reporting.official_table import official_table
from benchmarks.reporting.page import Page
from benchmarks.reporting.published_figures import are_comparable, published, published_rows
from benchmarks.reporting.render_csv import csv, frame_csv
from benchmarks.reporting.render_html import html_page
from benchmarks.reporting.render_latex import latex
from benchmarks.reporting.render_markdown import markdown
from benchmarks.run.writing import write_text
from features import InputError

QUICK_SUFFIX = "-quick"  # of the folder of a corpus in a quick run


@dataclass(frozen=True)
class Report:
    """A leaderboard, its caption, and the results that it is computed from."""

    board: pd.DataFrame
    caption: Caption
    results: pd.DataFrame


def make_report(root: Path, groups: Sequence[tuple[str, str, float | None]] | None = None) -> Report:
    """Rank the results in `<results>/<dataset>/<protocol>`.

    groups: rank on these (machine, unit, snr_db) only; by default on all.
    """
    results = load_results(root)
    if groups is not None:
        selected = {(machine, unit, "" if snr_db is None else snr_db) for machine, unit, snr_db in groups}
        keys = zip(results["machine"], results["unit"], results["snr_db"].astype(object).fillna(""), strict=True)
        results = results[[key in selected for key in keys]]
    caption = _caption(root, results)
    return Report(_with_published(leaderboard(results), results, caption), caption, results)


def _with_published(board: pd.DataFrame, results: pd.DataFrame, caption: Caption) -> pd.DataFrame:
    """The leaderboard with the published figures on the same units at its end, unranked."""
    dataset = results["dataset"].iloc[0]
    if caption.synthetic or caption.quick or caption.calibrate or not are_comparable(results, dataset, caption.channel):
        return board
    rows = published_rows(results, published(dataset))
    return pd.concat([board, rows[rows["auc"].notna()]], ignore_index=True)


def write_leaderboard(root: Path, report: Report | None = None) -> list[Path]:
    """Write results.csv, leaderboard.md, .csv, .tex, .html and environment.json into `root`; return the files.

    The corpus of a challenge also gets official.md and .csv. Each file is written whole or not at all.
    report: the report on all results in `root`, if it is made already.
    """
    report = report or make_report(root)
    caption, table = report.caption, leaderboard_table(report.board, report.caption)
    texts = {
        "results.csv": frame_csv(report.results[[*WRITTEN]]),
        "leaderboard.csv": csv(table),
        "leaderboard.md": markdown(table),
        "leaderboard.tex": latex(table),
        "leaderboard.html": html_page(Page(caption.title, [table], caption.warnings)),
        "environment.json": json.dumps(_newest_environment(report.results), indent=1) + "\n",
    }
    texts |= _official(report)
    return [write_text(root / name, text) for name, text in texts.items()]


def _official(report: Report) -> dict[str, str]:
    """The official score of a challenge, if the corpus has one, is split as in the challenge, and has labels."""
    corpus = DATASETS.get(report.results["dataset"].iloc[0])
    metric = OFFICIAL_METRICS.get(corpus.official_metric) if corpus else None
    has_labels = (report.results["status"] != "unlabelled").any()
    if corpus is None or metric is None or report.caption.split != corpus.official_split or not has_labels:
        return {}
    about = report.results.drop_duplicates("detector")[["detector", "scope", "sanity"]]
    scores = about.merge(official_score(report.results, stored_scores, metric), on="detector", how="right")
    return {"official.csv": frame_csv(scores), "official.md": markdown(official_table(scores, metric, report.caption))}


def _newest_environment(results: pd.DataFrame) -> dict[str, object]:
    newest = _own_runs(results).sort_values("finished").iloc[-1]
    environment: dict[str, object] = _stored(newest)["environment"]
    return environment


def _own_runs(results: pd.DataFrame) -> pd.DataFrame:
    """The readable results that were run here, not imported, if there are any: they know versions and hardware."""
    readable = results[results["finished"].notna()]
    if readable.empty:
        raise InputError(str(results["message"].iloc[0]))
    return readable[~readable["scores_only"]] if not readable["scores_only"].all() else readable


def _stored(row: pd.Series) -> dict:
    return json.loads((Path(row["folder"]) / "result.json").read_text(encoding="utf-8"))


def _caption(root: Path, results: pd.DataFrame) -> Caption:
    first = _stored(_own_runs(results).iloc[0])
    versions = first["environment"]["versions"]
    labelled = results[results["status"] != "unlabelled"]
    return Caption(
        corpus=first["corpus"],
        split=first["config"]["split"],
        channel=first["channel"],
        seeds=sorted(int(seed) for seed in results["seed"].unique()),
        cells=len(labelled[["machine", "unit", "snr_db", "seed"]].drop_duplicates()),
        budget=_budget(results["detector"]),
        versions={name: versions[name] for name in ("asdbench", "torch", "scikit-learn") if versions.get(name)},
        synthetic=first["synthetic"],
        quick=root.parent.name.endswith(QUICK_SUFFIX),
        calibrate=first["config"].get("calibrate", 0.0),
    )


def _budget(rows: pd.Series) -> str:
    """How long the networks trained, from labels such as `idnn@cpu` and `idnn[epochs=3]`."""
    reduced = "rows marked @cpu train less than published, see docs/detectors.md"
    text = reduced if rows.str.contains("@cpu").any() else "as published"
    return text + ", except for what brackets in a name set" * bool(rows.str.contains("[", regex=False).any())
