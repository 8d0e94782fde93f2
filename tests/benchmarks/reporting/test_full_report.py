"""The report: rebuilt byte for byte from the store alone, labelled, consistent with what it is computed from."""

import io
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from sklearn.metrics import classification_report

from benchmarks.cli import result_output
from benchmarks.datasets.mimii import Mimii
from benchmarks.evaluation import significance
from benchmarks.evaluation.cell_choice import CellChoice
from benchmarks.evaluation.operating_points import decisions
from benchmarks.evaluation.stored_results import load_results, stored_scores
from benchmarks.evaluation.thresholds import conformal, mean_and_deviations
from benchmarks.exchange.entries import Entry, import_scores
from benchmarks.reporting.captions import Caption
from benchmarks.reporting.critical_difference import critical_difference_diagram
from benchmarks.reporting.dataframe_table import dataframe_table
from benchmarks.reporting.full_report import ReportOptions, write_full_report
from benchmarks.reporting.leaderboard_files import make_report, write_leaderboard
from benchmarks.reporting.render_csv import csv
from benchmarks.reporting.render_html import html
from benchmarks.reporting.render_latex import latex
from benchmarks.reporting.render_markdown import markdown
from benchmarks.reporting.statistics_tables import Level, levels_of, statistics_tables
from benchmarks.reporting.threshold_tables import (
    cell_threshold_table,
    classification_reports,
    operating_point_table,
    threshold_table,
)
from benchmarks.run.manifest import public_mimii_clips
from benchmarks.run.plan import make_plan
from benchmarks.run.protocols import Protocol
from benchmarks.run.store import Store
from features import InputError
from tests.support.small_store import CORPUS, PROTOCOL, make_store

ROOT = Path(__file__).parents[3]
OPTIONS = ReportOptions(("rank", "detector", "auc", "pauc"), "recall=0.8")


@pytest.fixture(scope="module")
def reported(store_root, tmp_path_factory):
    """The small store with its full report, in a folder of its own; read only."""
    root = tmp_path_factory.mktemp("reported") / "results" / "synthetic" / PROTOCOL.name
    shutil.copytree(store_root, root)
    write_full_report(root, OPTIONS)
    return root


@pytest.fixture(scope="module")
def made(reported):
    return make_report(reported)


def tables_of(report):
    return statistics_tables(report, levels_of(report.results, report.board))


def files_of(root):
    """All files of a report by name, but the cells."""
    files = [file for file in root.rglob("*") if file.is_file() and "cells" not in file.parts]
    return {file.relative_to(root).as_posix(): file.read_bytes() for file in files}


AGAIN = """
import importlib.abc, sys
from pathlib import Path

GONE = {"torch", "torchaudio", "librosa", "pyod", "soundfile", "soxr"}
METHODS = {"detectors." + file.stem for file in Path("detectors").glob("*.py") if "\\n@register(" in file.read_text()}

class Gone(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in GONE or name in METHODS:
            raise ImportError(f"{name} is gone")

sys.meta_path.insert(0, Gone())
assert "detectors.knn" in METHODS
from benchmarks.reporting.full_report import ReportOptions, write_full_report
write_full_report(Path(sys.argv[1]), ReportOptions(("rank", "detector", "auc", "pauc"), "recall=0.8"))
"""


@pytest.mark.parametrize(
    ("label", "budget"),
    [
        ("knn", "as published"),
        (
            "vae@cpu[epochs=1]",
            "rows marked @cpu train less than published, see docs/detectors.md, except for what brackets in a name set",
        ),
        ("knn[k=3]", "as published, except for what brackets in a name set"),
    ],
)
def test_the_caption_says_what_budget_the_rows_had(tmp_path, label, budget):
    root = make_store(tmp_path, (label,), replace(CORPUS, machines=("fan",), snrs_db=(6.0,)))
    assert make_report(root).caption.budget == budget


def test_every_file_is_rebuilt_byte_for_byte_without_audio_features_and_detectors(reported, tmp_path):
    root = tmp_path / "elsewhere" / "results" / "synthetic" / PROTOCOL.name
    shutil.copytree(reported / "cells", root / "cells")
    subprocess.run([sys.executable, "-c", AGAIN, str(root)], check=True, cwd=ROOT)
    before, after = files_of(reported), files_of(root)
    assert len(before) > 35
    assert {name for name in before if before[name] != after.get(name)} == set()
    assert before.keys() == after.keys()


def test_every_file_says_that_the_corpus_is_synthetic(reported):
    for name, content in files_of(reported).items():
        text = content.decode()
        if name.endswith(".csv") and name != "results.csv":
            assert pd.read_csv(io.StringIO(text))["synthetic"].all(), name
        elif name not in ("results.csv", "environment.json"):
            assert "SYNTHETIC" in text, name
            if name.endswith(".tex"):
                assert text.count(r"\caption{SYNTHETIC DATA") == text.count(r"\caption"), name
    assert set(pd.read_csv(reported / "results.csv")["dataset"]) == {"synthetic"}


def test_the_report_has_the_files_that_were_asked_for(reported):
    names = set(files_of(reported / "report"))
    tables = {"by-machine", "by-snr", "by-unit", "columns"}
    assert names >= {f"{table}.{form}" for table in tables for form in ("md", "csv", "tex", "html")}
    plain = {"spreads", "tests", "ranks", "wilcoxon_holm", "win_tie_loss", "pairs"}
    plain |= {"thresholds", "threshold_rules", "operating_point"}
    assert names >= {f"{table}.{form}" for table in plain for form in ("csv", "tex")}
    assert names >= {"report.md", "report.html", "cell_intervals.csv", "cell_pairs.csv"}
    assert {name for name in names if name.endswith(".svg")} == {
        "critical_difference.svg",
        "critical_difference_6dB.svg",
        "critical_difference_0dB.svg",
    }
    assert not any("published" in name for name in names)  # never beside synthetic results


def test_breakdowns_hold_the_means_of_the_results(reported, made):
    cells = made.results[made.results["detector"] == "mahalanobis"]
    machine = pd.read_csv(reported / "report" / "by-machine.csv").set_index("detector").loc["mahalanobis"]
    assert machine["auc[fan]"] == pytest.approx(cells[cells["machine"] == "fan"]["auc"].mean())
    snr = pd.read_csv(reported / "report" / "by-snr.csv").set_index("detector").loc["mahalanobis"]
    assert snr["auc[0 dB]"] == pytest.approx(cells[cells["snr_db"] == 0]["auc"].mean())
    unit = pd.read_csv(reported / "report" / "by-unit.csv").set_index("detector").loc["mahalanobis"]
    chosen = cells[(cells["machine"] == "valve") & (cells["unit"] == "id_02")]
    assert unit["auc[valve id_02]"] == pytest.approx(chosen["auc"].mean())
    by_unit = (reported / "report" / "by-unit.md").read_text()
    assert by_unit.count("| #") == 2  # one table a machine
    assert "| fan id_00 |   fan id_02 |" in " ".join(by_unit.split()).replace("| fan id_02", "|   fan id_02")


def test_columns_are_those_that_were_asked_for(reported):
    text = (reported / "report" / "columns.md").read_text()
    header = next(line for line in text.splitlines() if line.startswith("|"))
    assert [cell.strip() for cell in header.split("|")[1:-1]] == ["#", "Detector", "AUC", "pAUC"]


def test_the_caption_does_not_call_changed_networks_published(made):
    assert "@cpu train less than published" in made.caption.budget
    assert made.caption.budget.endswith(", except for what brackets in a name set")


def test_sanity_rows_are_not_in_tests_over_units(made):
    levels = levels_of(made.results, made.board)
    assert [level.name for level in levels] == ["all levels", "6 dB", "0 dB"]
    assert set(levels[0].units.columns) == {"mahalanobis", "knn[k=3]", "iforest[trees=20]", "dense_ae@cpu[epochs=1]"}
    assert len(levels[0].units) == 4


def test_statistics_are_those_of_the_comparison(made):
    tables = {table.name: table.frame for table in tables_of(made)}
    units = levels_of(made.results, made.board)[0].units
    friedman = significance.friedman(units)
    row = tables["tests"].iloc[0]
    assert (row["chi2"], row["p"], row["F"]) == (friedman.chi2, friedman.p_chi2, friedman.f)
    assert row["CD"] == significance.critical_difference(4, 4)
    ranks = tables["ranks"].set_index("detector")["all levels"]
    assert ranks.is_monotonic_increasing
    assert ranks.to_dict() == significance.average_ranks(units).to_dict()
    p = significance.wilcoxon_holm(units)
    matrix = tables["wilcoxon_holm"].set_index("detector")
    first, second = matrix.index[:2]
    assert matrix.loc[first, "2"] == matrix.loc[second, "1"] == p.loc[first, second]
    assert np.isnan(matrix.loc[first, "1"])
    wins = tables["win_tie_loss"].set_index("detector")
    won, tied, lost = map(int, wins.loc[first, "2"].split("/"))
    assert won + tied + lost == 4
    assert wins.loc[second, "1"] == f"{lost}/{tied}/{won}"
    assert len(tables["pairs"]) == 3 * 6
    spreads = tables["spreads"].set_index("detector")
    assert spreads["auc"].is_monotonic_decreasing
    assert (spreads["clips_low"] < spreads["auc"]).all()
    assert (spreads["units_low"] <= spreads["auc"]).all()


def test_the_diagram_names_everyone_once(made):
    figure = critical_difference_diagram(levels_of(made.results, made.board)[0], made.caption.setting)
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert len(texts) == 4
    assert any(text.startswith("mahalanobis (") or text.endswith(") mahalanobis") for text in texts)
    assert "SYNTHETIC DATA" in figure.get_supxlabel()
    assert "cannot find a difference in any pair of 4 on 4 units" in figure.get_supxlabel()  # 6 pairs x 2 / 2^4 = 0.75
    assert "Nemenyi's critical difference at 0.05: 2.35." in figure.get_supxlabel()  # 2.569 sqrt(4 x 5 / (6 x 4))


def test_the_diagram_of_many_units_claims_its_bars():
    units = pd.DataFrame(np.random.default_rng(0).normal(size=(16, 3)), columns=list("abc"))
    text = critical_difference_diagram(Level("all", units, 0.1), "SETTING.").get_supxlabel()
    assert "after Holm at 0.05. Nemenyi's critical difference" in text


def test_two_detectors_have_no_friedman_and_one_has_no_tests(store_root, tmp_path):
    root = tmp_path / "synthetic" / PROTOCOL.name
    for label in ("mahalanobis", "random", "knn[k=3]"):
        shutil.copytree(store_root / "cells" / label, root / "cells" / label)
    report = make_report(root)
    tables = {table.name: table.frame for table in tables_of(report)}
    assert np.isnan(tables["tests"]["chi2"]).all()
    assert tables["pairs"]["p Nemenyi"].isna().all()
    shutil.rmtree(root / "cells" / "knn[k=3]")
    alone = make_report(root)
    assert [table.name for table in tables_of(alone)] == ["spreads"]
    assert any(file.name == "report.md" for file in write_full_report(root))


def test_thresholds_are_means_over_cells_and_counts_are_sums(made):
    each = decisions(made.results, stored_scores)
    table = threshold_table(each, ["mahalanobis", "random"], made.caption).frame.set_index(["detector", "rule"])
    row = table.loc[("mahalanobis", "mean + 2 sd")]
    recalls = []
    for _, cell in made.results[made.results["detector"] == "mahalanobis"].iterrows():
        scores = stored_scores(cell)
        limit = mean_and_deviations(scores.loc[scores["part"] == "train", "score"].to_numpy(), 2)
        abnormal = scores[(scores["part"] == "test") & (scores["label"] == 1)]
        recalls.append((abnormal["score"] > limit).mean())
    assert row["recall"] == pytest.approx(np.mean(recalls))
    assert row["true_alarms"] + row["missed"] == 8 * 5
    assert row["cells"] == 8
    assert table.index.get_level_values("detector").unique().tolist() == ["mahalanobis", "random"]
    assert (table["gap"].dropna() >= -1e-12).all()
    assert table.loc[("random", "mean + 1 sd"), "part"] == "train"


def test_classification_reports_are_scikit_learns_over_all_clips(made):
    each = decisions(made.results, stored_scores)
    labels, alarms = [], []
    for _, cell in made.results[made.results["detector"] == "mahalanobis"].iterrows():
        scores = stored_scores(cell)
        limit = mean_and_deviations(scores.loc[scores["part"] == "train", "score"].to_numpy(), 1)
        test = scores[scores["part"] == "test"]
        labels += test["label"].tolist()
        alarms += (test["score"] > limit).astype(int).tolist()
    expected = classification_report(labels, alarms, target_names=["normal", "abnormal"], zero_division=np.nan)
    found = classification_reports(each, ["mahalanobis"]).texts["mahalanobis"]
    strip = [line.replace(".0", "").split() for line in found.splitlines() if line.strip()]
    assert strip == [line.replace(".0", "").split() for line in expected.splitlines() if line.strip()]


def test_both_pages_hold_the_classification_reports(reported, made):
    reports = classification_reports(decisions(made.results, stored_scores), ["random"]).texts
    for page in ("report.md", "report.html"):
        text = (reported / "report" / page).read_text()
        assert "Classification reports at mean + 1 sd" in text
        assert reports["random"] in text


def at(target, made):
    each = decisions(made.results, stored_scores, target=target)
    return operating_point_table(target, each, ["mahalanobis"], made.caption)


def test_operating_points_are_met_or_say_what_is_needed(made):
    table = at("recall=0.8", made).frame.iloc[0]
    assert table["recall"] >= 0.8
    assert table["part"] == "test"
    rate = at("false-alarms-per-day=4000", made)
    assert rate.frame["part"].tolist() == ["validation"]
    assert "conformal" in rate.note
    line = at("false-alarms-per-day=1", made)
    assert line.frame["note"].tolist() == ["2 held-out normal clips are too few for this rate, which needs 8639"]
    assert "0 of 48 cells allow it" in line.note
    with pytest.raises(InputError, match="not understood"):
        at("peace", made)


def test_an_operating_point_that_no_cell_allows_does_not_prevent_the_report(store_root, tmp_path):
    root = tmp_path / "synthetic" / PROTOCOL.name
    shutil.copytree(store_root / "cells" / "mahalanobis", root / "cells" / "mahalanobis")
    write_full_report(root, ReportOptions(operating_point="false-alarms-per-day=1"))
    assert (
        "2 held-out normal clips are too few for this rate, which needs 8639" in (root / "report/report.md").read_text()
    )
    assert set(pd.read_csv(root / "report/thresholds.csv")["rule"]) > {"false-alarms-per-day=1", "highest held-out"}


def test_the_thresholds_of_a_run_that_held_clips_out_can_be_used(tmp_path):
    one = replace(CORPUS, machines=("fan",), units=("id_00",), snrs_db=(6.0,), normals=60)
    root = make_store(tmp_path, ("knn[k=1]",), one, Protocol(calibrate=0.4))
    assert root.name == "code-ch0-cal0.4"
    write_full_report(root)
    row = pd.read_csv(root / "report/thresholds.csv").set_index("rule").loc["conformal 0.05"]
    scores = stored_scores(load_results(root).iloc[0])
    held_out, test = (
        scores[(scores["part"] == part) & (scores["label"] == 0)]["score"] for part in ("validation", "test")
    )
    assert row["n_clips"] == len(held_out) == 22
    assert row["threshold"] == conformal(held_out.to_numpy(), 0.05)
    assert row["false_alarm_rate"] == (test > row["threshold"]).mean()
    page = (root / "report/report.md").read_text()
    assert "Split: code, 40 % of its training clips held out for thresholds." in (root / "leaderboard.md").read_text()
    assert f"{row['threshold']:.6g}" in page
    assert f"conformal 0.05 & 22 & {row['threshold']:.6g} &" in (root / "report/thresholds.tex").read_text()


def test_without_held_out_clips_every_rule_that_needs_them_says_how_to_get_them(made):
    each = decisions(made.results, lambda row: stored_scores(row).query("part != 'validation'"))
    table = cell_threshold_table(each, ["mahalanobis"], made.caption).frame
    assert table["machine"].tolist() == ["all"] * 3
    assert table["note"].str.startswith("no held-out normal clips: run with --calibrate 0.2").all()


def test_what_cannot_be_had_is_said_before_anything_is_written(store_root, tmp_path):
    root = shutil.copytree(store_root, tmp_path / "synthetic" / PROTOCOL.name)
    for options in (ReportOptions(columns=["aucc"]), ReportOptions(operating_point="peace")):
        with pytest.raises(InputError):
            write_full_report(root, options)
    assert files_of(root) == {}


def test_a_report_leaves_nothing_of_an_earlier_one_but_what_is_not_its_own(store_root, tmp_path):
    root = tmp_path / "synthetic" / PROTOCOL.name
    shutil.copytree(store_root / "cells" / "mahalanobis", root / "cells" / "mahalanobis")
    write_full_report(root, OPTIONS)
    assert (root / "report" / "operating_point.csv").is_file()
    (root / "report" / "notes.md").write_text("mine")
    (root / "report" / "critical_difference_6dB.svg").write_text("of detectors that are gone")
    written = {file for file in write_full_report(root) if file.parent.name == "report"}
    assert set((root / "report").iterdir()) == written | {root / "report" / "notes.md"}


CAPTION = Caption("Corpus", "code", "0", [0], 2, "as published", {}, synthetic=True)
PLAIN = dataframe_table(
    "plain",
    "A | title",
    "What 100% means.",
    pd.DataFrame({"name": ["a_b", "c"], "share": [0.12345, None], "n": [1, 2], "is_so": [True, False]}),
    CAPTION,
    formats={"share": ".2f"},
    headings={"is_so": "so?"},
)


def test_tables_of_data_frames_by_hand():
    lines = markdown(PLAIN).splitlines()
    assert lines[0] == r"## A \| title"
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[4:]]
    assert [rows[0], *rows[2:]] == [["name", "share", "n", "so?"], ["a_b", "0.12", "1", "yes"], ["c", "", "2", "no"]]
    assert [text.endswith(":") for text in rows[1]] == [False, True, True, False]
    assert r"a\_b & 0.12 & 1 & yes \\" in latex(PLAIN)
    assert "\\caption{SYNTHETIC DATA" in latex(PLAIN)
    assert r" A \textbar{} title. What 100\% means.}" in latex(PLAIN)
    assert "<td>a_b</td><td>0.12</td><td>1</td><td>yes</td>" in html(PLAIN)
    read = pd.read_csv(io.StringIO(csv(PLAIN)))
    assert read["share"][0] == 0.12345
    assert read["caption"][0].startswith(CAPTION.setting)


def test_long_tables_are_continued_with_their_setting():
    text = latex(dataframe_table("long", "Long", "Note.", pd.DataFrame({"n": range(100)}), CAPTION))
    assert text.count(r"\begin{table}") == 3
    assert len(re.findall(r"\\caption\{SYNTHETIC DATA.* Long, continued\.\}", text)) == 2
    assert len(set(re.findall(r"\\label\{(.*?)\}", text))) == 3


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed (Debian: texlive)")
def test_every_latex_table_compiles_and_fits_the_page(reported, tmp_path):
    inputs = [file.read_text() for file in sorted(reported.rglob("*.tex"))]
    head = "\\documentclass{article}\n\\usepackage{booktabs}\n\\begin{document}\n"
    (tmp_path / "t.tex").write_text(head + "\n\\clearpage\n".join(inputs) + "\n\\end{document}\n")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "t.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull" not in done.stdout, done.stdout
    assert "too large" not in done.stdout, done.stdout


@pytest.fixture(scope="module")
def on_mimii(tmp_path_factory):
    """Random scores on a whole public unit of MIMII, whose clips are names of empty files."""
    folder = tmp_path_factory.mktemp("on_mimii")
    rng, lines = np.random.default_rng(0), ["path,score"]
    for clip in public_mimii_clips("fan", "id_00", 6.0):
        file = folder / "corpus" / clip.path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
        lines.append(f"{clip.path},{rng.normal() + 0.78 * clip.label}")
    (folder / "scores").mkdir()
    (folder / "scores" / "scores.csv").write_text("\n".join(lines) + "\n")
    plan = make_plan(Mimii(folder / "corpus"), Protocol("code"), {})
    store = Store(folder / "results" / "mimii" / "code-ch0")
    import_scores(folder / "scores", Entry("ours", "nothing"), plan, store)
    write_full_report(store.root)
    return store.root


def test_mimii_shows_the_published_figures_on_the_same_cell(on_mimii):
    text = (on_mimii / "leaderboard.md").read_text()
    below = text[text.index("Published figures on the same cells, not ranked") :]
    assert "purohit2019mimii (paper split)" in below
    assert "yachuchi2023rerun (code split)" in below
    assert "yusufraji2021convae" not in text  # a balanced accuracy is no AUC
    board = pd.read_csv(on_mimii / "leaderboard.csv").set_index("detector")
    assert board.loc["purohit2019mimii (paper split)", "auc"] == 0.75
    assert pd.isna(board.loc["purohit2019mimii (paper split)", "rank"])
    unit = pd.read_csv(on_mimii / "report" / "by-unit.csv").set_index("detector")
    assert unit.loc["purohit2019mimii (paper split)", "auc[fan id_00]"] == 0.75


def test_published_figures_are_compared_cell_by_cell_and_kind_by_kind(on_mimii):
    aucs = pd.read_csv(on_mimii / "report" / "published_auc.csv").set_index("citation_key")
    ours = load_results(on_mimii).iloc[0]
    for _, row in aucs.iterrows():
        assert row["inside"] == (ours["auc_low"] <= row["published"] <= ours["auc_high"])
    assert set(aucs["inside"]) == {True, False}
    balanced = pd.read_csv(on_mimii / "report" / "published_balanced_accuracy.csv")
    assert set(balanced["citation_key"]) == {"yusufraji2021convae"}
    assert "inside" not in balanced
    assert not set(aucs.index) & set(balanced["citation_key"])
    page = (on_mimii / "report" / "report.md").read_text()
    assert "## Published AUCs beside ours" in page
    assert "## Published balanced accuracies" in page
    rows = [[cell.strip() for cell in line.split("|")] for line in page.splitlines() if "| yachuchi2023rerun" in line]
    assert [row[6] for row in rows if row[4] == "fan"] == ["6"]  # dB, not 6.000


def test_a_sample_of_a_unit_is_not_set_beside_published_figures(on_mimii, tmp_path):
    corpus = tmp_path / "corpus"
    for clip in public_mimii_clips("fan", "id_00", 6.0)[900:1100]:
        (corpus / clip.path).parent.mkdir(parents=True, exist_ok=True)
        (corpus / clip.path).touch()
    scores = shutil.copytree(on_mimii.parent.parent.parent / "scores", tmp_path / "scores")
    plan = make_plan(Mimii(corpus), Protocol("code"), {})
    wanted = {clip.path for group in plan.groups for clip in group.clips}
    table = pd.read_csv(scores / "scores.csv")
    table[table["path"].isin(wanted)].to_csv(scores / "scores.csv", index=False)
    store = Store(tmp_path / "results" / "mimii" / "code-ch0")
    import_scores(scores, Entry("ours", "nothing"), plan, store)
    write_leaderboard(store.root)
    assert "purohit" not in (store.root / "leaderboard.md").read_text()


def test_the_command_prints_the_leaderboard_and_where_the_files_are(store_root, tmp_path):
    root = tmp_path / "results" / "synthetic" / PROTOCOL.name
    shutil.copytree(store_root / "cells" / "mahalanobis", root / "cells" / "mahalanobis")
    console = Console(file=io.StringIO(), width=160)
    result_output.report(tmp_path / "results", ReportOptions(), "unit", CellChoice(), console)
    text = console.file.getvalue()
    assert "valve id_02" in text
    assert "SYNTHETIC DATA" in text
    assert f"Files: {root}/ and {root}/report/, " in text
    with pytest.raises(InputError, match="choose machine, snr, unit"):
        result_output.report(root, ReportOptions(), "colour", CellChoice(), console)
    with pytest.raises(InputError, match="no results; name the folder"):
        result_output.report(tmp_path / "nowhere", ReportOptions(), "", CellChoice(), console)


def test_seeds_and_clips_have_spreads_of_their_own(tmp_path):
    root = make_store(tmp_path, ("random", "iforest[trees=5]"), seeds=(0, 1))
    report = make_report(root)
    (spreads, *_) = tables_of(report)
    frame = spreads.frame.set_index("detector")
    means = report.results[report.results["detector"] == "random"].groupby("seed")["auc"].mean()
    assert frame.loc["random", "seed s.d."] == pytest.approx(means.std())
    assert {"clips_low", "units_low"} <= set(frame)
