"""From stored cells to the files that people read: results.csv, the leaderboard in its forms, environment.json.

Everything here is computed from the store alone: no audio, no features, no detectors.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from benchmarks.datasets import DATASETS
from benchmarks.evaluation.challenge_metrics import OFFICIAL_METRICS, official_markdown, official_score
from benchmarks.evaluation.leaderboard import leaderboard
from benchmarks.evaluation.stored_results import WRITTEN, load_results, stored_scores
from benchmarks.reporting import tables
from benchmarks.reporting.published import compares, published, published_rows
from benchmarks.run.writing import write_text
from features import InputError

QUICK_SUFFIX = "-quick"  # of the folder of a corpus that was thinned for a first look


@dataclass(frozen=True)
class Report:
    """A leaderboard with its caption, and the results below it."""

    board: pd.DataFrame
    caption: tables.Caption
    results: pd.DataFrame


def make_report(root: Path, groups: Sequence[tuple[str, str, float | None]] | None = None) -> Report:
    """Rank what lies in `<results>/<dataset>/<protocol>`, on all units and SNRs or on these (machine, unit, snr_db)."""
    results = load_results(root)
    if groups is not None:
        wanted = {(machine, unit, "" if snr_db is None else snr_db) for machine, unit, snr_db in groups}
        keys = zip(results["machine"], results["unit"], results["snr_db"].astype(object).fillna(""), strict=True)
        results = results[[key in wanted for key in keys]]
    caption = _caption(root, results)
    return Report(_with_published(leaderboard(results), results, caption), caption, results)


def _with_published(board: pd.DataFrame, results: pd.DataFrame, caption: tables.Caption) -> pd.DataFrame:
    """The leaderboard with the figures that others printed on the very same units below it, unranked."""
    dataset = results["dataset"].iloc[0]
    if caption.synthetic or caption.quick or not compares(results, dataset, caption.channel):
        return board
    rows = published_rows(results, published(dataset))
    return pd.concat([board, rows[rows["auc"].notna()]], ignore_index=True)


def write_report(root: Path, report: Report | None = None) -> list[Path]:
    """Write results.csv, leaderboard.md, .csv, .tex, .html, environment.json into `root`, each whole or not at all.

    A challenge's corpus gets official.md and .csv as well. `report`: that of all results in `root`, where it is there.
    """
    report = report or make_report(root)
    newest = _own(report.results).sort_values("finished").iloc[-1]
    environment = json.loads((Path(newest["folder"]) / "result.json").read_text())["environment"]
    html = tables.html(report.board, report.caption)
    texts = {
        "results.csv": report.results[[*WRITTEN]].to_csv(index=False, lineterminator="\n"),
        "leaderboard.csv": tables.csv(report.board, report.caption),
        "leaderboard.md": tables.markdown(report.board, report.caption),
        "leaderboard.tex": tables.latex(report.board, report.caption),
        "leaderboard.html": tables.page(title_of(report.caption), html, report.caption),
        "environment.json": json.dumps(environment, indent=1) + "\n",
    }
    texts |= _official(report)
    return [write_text(root / name, text) for name, text in texts.items()]


def _official(report: Report) -> dict[str, str]:
    """The challenge's own table, where the corpus is of a challenge, was split as there, and can be judged."""
    corpus = DATASETS.get(report.results["dataset"].iloc[0])
    metric = OFFICIAL_METRICS.get(corpus.official_metric) if corpus else None
    judged = (report.results["status"] != "unlabelled").any()
    if corpus is None or metric is None or report.caption.split != corpus.official_split or not judged:
        return {}
    about = report.results.drop_duplicates("detector")[["detector", "scope", "sanity"]]
    table = about.merge(official_score(report.results, stored_scores, metric), on="detector", how="right")
    return {
        "official.csv": table.to_csv(index=False, lineterminator="\n"),
        "official.md": official_markdown(table, metric, report.caption.setting),
    }


def title_of(caption: tables.Caption) -> str:
    """What stands at the top of a page."""
    return f"{'SYNTHETIC: ' * caption.synthetic}asdbench on {caption.corpus}"


def _own(results: pd.DataFrame) -> pd.DataFrame:
    """The readable results that were run here, not imported, if there are any: they know versions and hardware."""
    readable = results[results["finished"].notna()]
    if readable.empty:
        raise InputError(str(results["message"].iloc[0]))
    return readable[~readable["scores_only"]] if not readable["scores_only"].all() else readable


def _caption(root: Path, results: pd.DataFrame) -> tables.Caption:
    first = json.loads((Path(_own(results).iloc[0]["folder"]) / "result.json").read_text())
    versions = first["environment"]["versions"]
    judged = results[results["status"] != "unlabelled"]
    return tables.Caption(
        corpus=first["corpus"],
        split=first["config"]["split"],
        channel=first["channel"],
        seeds=sorted(int(seed) for seed in results["seed"].unique()),
        cells=len(judged[["machine", "unit", "snr_db", "seed"]].drop_duplicates()),
        budget=_budget(results["detector"]),
        versions={name: versions[name] for name in ("asdbench", "torch", "scikit-learn") if versions.get(name)},
        synthetic=first["synthetic"],
        quick=root.parent.name.endswith(QUICK_SUFFIX),
    )


def _budget(rows: pd.Series) -> str:
    """How much the networks trained: what labels such as `idnn@cpu` and `idnn[epochs=3]` say."""
    reduced = "rows marked @cpu train less than published, see docs/detectors.md"
    text = reduced if rows.str.contains("@cpu").any() else "as published"
    return text + ", but for what brackets in a name set" * bool(rows.str.contains("[", regex=False).any())
