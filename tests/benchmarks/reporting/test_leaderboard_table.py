"""Tables: the same figures and marks in each form, captions that say everything, LaTeX that is well formed."""

import io
import re
import shutil
import subprocess
import sys
from dataclasses import replace

import pandas as pd
import pytest
from rich.console import Console

from benchmarks.reporting.captions import Caption
from benchmarks.reporting.leaderboard_table import leaderboard_table
from benchmarks.reporting.render_csv import csv
from benchmarks.reporting.render_html import html
from benchmarks.reporting.render_latex import latex
from benchmarks.reporting.render_markdown import markdown
from benchmarks.reporting.render_terminal import terminal
from features import InputError

CAPTION = Caption(
    corpus="MIMII (Purohit et al., 2019)",
    split="code",
    channel="0",
    seeds=[0, 1, 2],
    sets=48,
    budget="50 epochs & early stop",
    versions={"asdbench": "0.1.0", "torch": "2.11.0"},
)
ROWS = [
    # detector, track, rank, tied, sanity, beats_sanity, auc, auc_low, auc_high, auc[-6 dB], pauc, cells_ok, reason
    ("dense_ae[epochs=10]", "unit", 1, True, False, True, 0.81249, 0.79, 0.84, 0.7, 0.61, 48, ""),
    ("knn", "unit", 1, True, False, True, 0.8121, 0.78, 0.85, 0.72, 0.61, 48, ""),
    ("random", "unit", 3, False, True, pd.NA, 0.501, 0.48, 0.52, 0.5, 0.5, 48, ""),
    ("weak", "unit", 4, False, False, False, 0.47, 0.44, 0.5, 0.45, 0.49, 48, ""),
    ("ids", "machine", 1, False, False, True, 0.9, 0.89, 0.91, 0.88, 0.7, 48, ""),
    ("gone_50%", "unit", pd.NA, False, False, pd.NA, None, None, None, None, None, 36, "12 out_of_memory: <CUDA> a|b"),
]


@pytest.fixture
def board():
    names = [
        "detector",
        "track",
        "rank",
        "tied",
        "sanity",
        "beats_sanity",
        "auc",
        "auc_low",
        "auc_high",
        "auc[-6_dB]",
        "pauc",
        "cells_ok",
        "reason",
    ]
    frame = pd.DataFrame(ROWS, columns=[name.replace("_dB", " dB") for name in names])
    frame = frame.astype({"rank": "Int64", "beats_sanity": "boolean"} | dict.fromkeys(frame.columns[6:11], float))
    return frame.assign(cells=48, worst_unit=frame["auc"] - 0.1, fit_seconds=12.3456, score_seconds=0.5, seed_sd=0.01)


def cells(line):
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def drawn(renderable, width=100):
    console = Console(file=io.StringIO(), width=width)
    console.print(renderable)
    return console.file.getvalue()


def test_markdown_rows_by_hand(board):
    lines = markdown(
        leaderboard_table(board, CAPTION, ["rank", "detector", "auc", "interval", "auc[-6 dB]"])
    ).splitlines()
    table = [cells(line) for line in lines if line.startswith("|")]
    assert table[0] == ["#", "Detector", "AUC", "Interval", "-6 dB"]
    assert table[2] == ["1=", "dense_ae[epochs=10]", "**0.812**", "[0.790, 0.840]", "<ins>0.700</ins>"]
    assert table[3] == ["1=", "knn", "**0.812**", "[0.780, 0.850]", "**0.720**"]  # equal as printed, marked alike
    assert table[4] == ["3", "random (sanity)", "<ins>0.501</ins>", "[0.480, 0.520]", "0.500"]
    assert table[5][1] == "weak†"
    assert table[6][1] == "*Cross-unit track: learns from other units' sound*"
    assert table[7] == ["1", "ids", "0.900", "[0.890, 0.910]", "0.880"]  # alone in its track: nothing to mark
    assert len(table) == 8
    assert lines[-1] == r"- gone_50%: 36 of 48 cells; 12 out_of_memory: &lt;CUDA> a\|b"


def test_default_columns_hold_what_the_board_has(board):
    header = cells(
        next(line for line in markdown(leaderboard_table(board, CAPTION)).splitlines() if line.startswith("|"))
    )
    assert header == [
        "#",
        "Detector",
        "AUC",
        "Interval",
        "Seed s.d.",
        "-6 dB",
        "pAUC",
        "Worst unit",
        "Fit (s)",
        "Score (s)",
    ]
    one_seed = markdown(leaderboard_table(board.assign(seed_sd=float("nan")), CAPTION))
    assert "Seed s.d." not in one_seed


def test_captions_state_what_was_measured():
    text = str(CAPTION)
    for part in (
        "AUC",
        "MIMII (Purohit et al., 2019)",
        "48 sets",
        "Split: code",
        "Channel: 0",
        "Seeds: 0, 1, 2",
        "Budget: 50 epochs",
        "asdbench 0.1.0, torch 2.11.0",
        "Interval: 95 %",
    ):
        assert part in text
    assert "SYNTHETIC" not in text
    assert "citing" not in text


@pytest.mark.parametrize("form", [markdown, latex, html])
def test_every_form_says_synthetic_first_and_warns_of_quick_runs(board, form):
    text = form(leaderboard_table(board, replace(CAPTION, synthetic=True, quick=True)))
    before = {markdown: "", latex: r"\caption{", html: "<caption>"}[form]
    assert before + "SYNTHETIC DATA" in text
    assert "Quick run: not for citing." in text


def test_csv_and_terminal_say_synthetic_too(board):
    synthetic = replace(CAPTION, synthetic=True)
    assert "\nSYNTHETIC DATA" in drawn(terminal(leaderboard_table(board, synthetic)))
    table = pd.read_csv(io.StringIO(csv(leaderboard_table(board, synthetic))))
    assert table["synthetic"].all()
    assert table["caption"].str.startswith("SYNTHETIC DATA").all()


def test_marks_are_explained_only_where_they_are_used(board):
    assert "=: shared rank" in markdown(leaderboard_table(board, CAPTION))
    assert "†: not clearly above" in markdown(leaderboard_table(board, CAPTION))
    plain = markdown(leaderboard_table(board.iloc[[2, 4]], CAPTION))
    assert "=: shared rank" not in plain
    assert "†" not in plain


def test_csv_is_the_board_unrounded(board):
    read = pd.read_csv(io.StringIO(csv(leaderboard_table(board, CAPTION))))
    assert read["auc"].tolist()[:5] == pytest.approx(board["auc"].tolist()[:5], rel=1e-14)
    assert read.columns.tolist() == [*board.columns, "synthetic", "caption"]


def test_html_escapes_and_marks(board):
    text = html(leaderboard_table(board, CAPTION))
    assert "<strong>0.720</strong>" in text
    assert "<u>0.700</u>" in text
    assert "50 epochs &amp; early stop" in text
    assert "&lt;CUDA&gt;" in text
    assert text.count("<tbody>") == text.count("</tbody>") == 3


def test_terminal_prints_brackets_as_they_are_and_names_the_unranked(board):
    text = drawn(terminal(leaderboard_table(board, CAPTION)))
    assert "dense_ae[epochs=10]" in text  # not taken for Rich markup
    assert "1=" in text
    assert "not ranked: gone_50%: 36 of 48 cells; 12 out_of_memory: <CUDA> a|b" in text
    assert "…" not in text


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_terminal_shows_whole_columns_and_names_those_that_do_not_fit(board, width):
    console = Console(width=width, file=io.StringIO())
    console.print(terminal(leaderboard_table(board, CAPTION), width))
    text = console.file.getvalue()
    assert "…" not in text
    assert "dense_ae[epochs=10]" in text  # whatever is left out, the names are not
    assert ("Not shown, because" in text) == (width < 200)


def test_latex_is_well_formed(board):
    text = latex(leaderboard_table(board, CAPTION))
    body = text[text.index(r"\toprule") : text.index(r"\bottomrule")]
    rows = [line for line in body.splitlines() if line.endswith(r"\\") and not line.startswith(r"\multicolumn")]
    columns = re.search(r"\\begin\{tabular\}\{([lr]+)\}", text)[1]
    assert {len(re.findall(r"(?<!\\)&", row)) + 1 for row in rows} == {len(columns)}
    assert len(rows) == 6
    unescaped = re.sub(r"\\.", "", text)
    assert unescaped.count("{") == unescaped.count("}")
    assert not re.search(r"[_%#$^~<>|]", re.sub(r"\$-\$", "", unescaped))
    for name in ("table", "tabular"):
        assert text.count(rf"\begin{{{name}}}") == text.count(rf"\end{{{name}}}") == 1
    assert r"dense\_ae{[}epochs=10{]}" in text
    assert r"\textbf{0.720}" in text
    assert r"\underline{0.700}" in text
    assert r"$-$6 dB" in text
    assert r"gone\_50\%: 36 of 48 cells; 12 out\_of\_memory} \\" in text
    assert body.count(r"\midrule") == 3  # under the headings, before the cross-unit track, before the unranked


@pytest.mark.skipif(
    shutil.which("pdflatex") is None, reason="pdflatex is not installed (Debian: texlive-latex-recommended)"
)
def test_latex_compiles(board, tmp_path):
    nasty = board.assign(detector=[r"a\b{c}", "x~y^z", "50% & $5", "#1 <2> |3|", "[first]", "_"])
    document = "\\documentclass{article}\n\\usepackage{booktabs}\n\\begin{document}\n%s\n\\end{document}\n"
    (tmp_path / "t.tex").write_text(
        document % (latex(leaderboard_table(board, CAPTION)) + latex(leaderboard_table(nasty, CAPTION, name="b")))
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "t.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:]


@pytest.mark.skipif(
    shutil.which("pdflatex") is None, reason="pdflatex is not installed (Debian: texlive-latex-recommended)"
)
def test_latex_fits_a_page_whatever_the_names(board, tmp_path):
    long = "mahalanobis[feature=PooledLogMel(statistics=('mean','deviation'))]"
    names = ["knn[k=3]", long, "random", "ensemble[members='mahalanobis+knn_local+gmm']", "x@cpu", long]
    levels = board.assign(detector=names, **{f"auc[{snr} dB]": 0.5 for snr in (6, 0, 12)})
    document = "\\documentclass{article}\n\\usepackage{booktabs}\n\\begin{document}\n%s\n\\end{document}\n"
    (tmp_path / "t.tex").write_text(document % latex(leaderboard_table(levels, CAPTION)))
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "t.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull" not in done.stdout, done.stdout


@pytest.mark.parametrize("form", [markdown, latex, html])
def test_a_board_of_failures_is_still_a_table(board, form):
    assert "36 of 48 cells" in form(leaderboard_table(board.iloc[[5]], CAPTION))


@pytest.mark.parametrize("form", [markdown, latex, html, terminal])
def test_unknown_columns_are_named(board, form):
    with pytest.raises(InputError, match=r"no columns \['aucc'\]; there are .*auc\[-6 dB\]"):
        form(leaderboard_table(board, CAPTION, ["detector", "aucc"]))


def test_importing_tables_brings_nothing_heavy():
    heavy = "('torch', 'matplotlib', 'librosa', 'pyod')"
    program = (
        f"import sys, benchmarks.reporting.leaderboard_table; print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_captions_say_what_the_columns_hold_and_over_how_many_cells(board):
    assert "pAUC: AUC up to a false-alarm rate of 0.1" in latex(
        leaderboard_table(board, CAPTION, ["detector", "auc", "pauc"])
    )
    assert "pAUC" not in latex(leaderboard_table(board, CAPTION, ["detector", "auc"]))
    assert "Worst unit: the lowest" in pd.read_csv(io.StringIO(csv(leaderboard_table(board, CAPTION))))["caption"][0]
    assert ", 48 sets (machine, unit, SNR). Split" in CAPTION.setting
    assert "mean over 1 set (machine" in str(replace(CAPTION, sets=1))
