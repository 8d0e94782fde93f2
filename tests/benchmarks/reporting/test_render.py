"""The table value and its renderers: columns, explanations, escaping, pages with pictures and listings."""

import io
import re
import tomllib
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from benchmarks.evaluation.challenge_metrics import DCASE_2020
from benchmarks.reporting.captions import Caption
from benchmarks.reporting.dataframe_table import dataframe_table
from benchmarks.reporting.official_table import official_table
from benchmarks.reporting.page import Listing, Page, Picture
from benchmarks.reporting.render_csv import csv, frame_csv
from benchmarks.reporting.render_html import TEMPLATES, html, html_page
from benchmarks.reporting.render_latex import latex
from benchmarks.reporting.render_markdown import markdown, markdown_page
from benchmarks.reporting.render_terminal import terminal
from benchmarks.reporting.table import Cell, Column, Omitted, Section, Table
from benchmarks.run.spreadsheet import with_formulas

CAPTION = Caption("Corpus", "code", "0", [0], 2, "as published", {}, synthetic=True)
TABLE = Table(
    "small",
    (Column("detector", "Detector", "left"), Column("auc", "AUC", "right"), Column("pauc", "pAUC", "right")),
    (
        Section("", ((Cell("knn"), Cell("0.9", best=True), Cell("0.7", second=True)),)),
        Section("A <track>", ((Cell("ids"), Cell("0.8"), Cell("0.6")),)),
    ),
    pd.DataFrame({"detector": ["knn", "ids"], "auc": [0.9, 0.8]}),
    False,
    "Note.",
    meanings={"pauc": "pAUC: partial.", "auc": "AUC: area."},
    legend=("Legend.",),
)


def test_a_table_explains_the_columns_that_it_shows():
    assert TABLE.explanation() == "Note. pAUC: partial. AUC: area. Legend."
    assert TABLE.only(["detector", "auc"]).explanation() == "Note. AUC: area. Legend."
    assert TABLE.caption(["pauc"]) == "Note. pAUC: partial. Legend."


def test_a_selection_of_columns_keeps_the_sections_and_the_order_asked_for():
    chosen = TABLE.only(["auc", "detector"])
    assert chosen.names == ["auc", "detector"]
    assert [section.title for section in chosen.sections] == ["", "A <track>"]
    assert [[cell.text for cell in row] for row in chosen.rows] == [["0.9", "knn"], ["0.8", "ids"]]
    assert chosen.widths() == [3, 8]


def test_every_renderer_draws_the_same_cells_and_marks():
    assert "**0.9**" in markdown(TABLE)
    assert r"\textbf{0.9} & \underline{0.7}" in latex(TABLE)
    assert "<td>knn</td><td><strong>0.9</strong></td><td><u>0.7</u></td>" in html(TABLE)
    console = Console(record=True, width=60)
    console.print(terminal(TABLE, 60))
    text = console.export_text()
    assert "A <track>" in text
    assert "0.9" in text
    assert csv(TABLE).splitlines()[0] == "detector,auc,synthetic,caption"


def test_a_page_escapes_every_text_and_shows_its_parts_in_order():
    listing, picture = Listing("Texts <1>", {"a<b": "x & y"}), Picture("p.svg", 'A "picture"')
    page = Page("T <t>", [TABLE, picture, listing], ["Warning <w>."], "H & h")
    text = html_page(page)
    parts = ["<title>T &lt;t&gt;</title>", "Warning &lt;w&gt;.", "<h1>H &amp; h</h1>", 'colspan="3">A &lt;track&gt;']
    parts += ['alt="A &#34;picture&#34;"', "<h2>Texts &lt;1&gt;</h2>", "<h3>a&lt;b</h3>", "<pre>x &amp; y</pre>"]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    lines = markdown_page(page)
    assert lines.startswith("# H & h\n\nNote.")
    assert '![A "picture"](p.svg)\n\n## Texts <1>\n\n### a&lt;b\n\n```\nx & y```\n' in lines


def test_a_page_without_warnings_and_heading_has_neither():
    text = html_page(Page("T", [TABLE]))
    assert 'class="warning"' not in text
    assert "<h1>" not in text


def test_a_data_frame_without_rows_is_still_a_table():
    table = dataframe_table("empty", "Empty", "Note.", pd.DataFrame({"a": pd.Series(dtype=float)}), CAPTION)
    assert r"\begin{tabular}{r}" in latex(table)
    assert "| a |" in " ".join(markdown(table).split())


def test_detectors_without_an_official_score_are_listed_with_the_reason():
    scores = pd.DataFrame({"detector": ["knn", "gmm"], "scope": ["machine", "unit"], "sanity": [False, False]})
    scores = scores.assign(official=[0.5, None], auc=[0.6, None], pauc=[0.4, None], cells=2, reason=["", "fan: error"])
    text = markdown(official_table(scores, DCASE_2020, CAPTION))
    assert "| knn (cross-unit track) |     0.5000 | 0.6000 | 0.4000 |" in text
    assert text.endswith("No official score, because values are missing:\n\n- gmm: fan: error\n")
    assert text.startswith("SYNTHETIC DATA")


@pytest.mark.parametrize("template", sorted(path.name for path in TEMPLATES.glob("*")))
def test_every_template_is_part_of_the_package(template):
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())
    patterns = project["tool"]["setuptools"]["package-data"]["benchmarks.reporting"]
    assert any(Path("templates", template).match(pattern) for pattern in patterns)


HOSTILE = [
    "=1+1",
    "@SUM(A1)",
    "+cmd|' /C calc'!A0",
    "-2+3",
    "\t=1",
    "\uff1d1+1",
    "'=already",
    "'quoted'",
    "x\n=1+1",
    "[click](javascript:alert(1))",
    "[a]: javascript:alert(1)",
    "<script>alert(1)</script>",
    "\x1b[31mred\x1b[0m",
    "a\n\n# heading",
    "\u202eright to left",
    "bell\x07",
    "\\input{/etc/passwd}%",
]


def hostile_table(text):
    """A table that has the text in each of its places."""
    row = (Cell(text), Cell(text, best=True))
    columns = (Column("detector", text, "left"), Column("auc", text, "right"))
    frame = pd.DataFrame({"detector": [text], "auc": [0.5]})
    omitted = Omitted("not ranked", "Not ranked:", ((text, text),))
    sections = (Section("", (row,)), Section(text, (row,)))
    return Table("small", columns, sections, frame, False, text, text, text, legend=(text,), omitted=omitted)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_has_no_power_in_any_form(text):
    table = hostile_table(text)
    drawn = io.StringIO()
    Console(file=drawn, width=200).print(terminal(table, 200))
    page = markdown_page(Page("T", [table, Picture("p.svg", text), Listing("L", {text: "x"})], heading=text))
    for form in (page, latex(table), drawn.getvalue()):
        assert all(character.isprintable() or character == "\n" for character in form)
        assert not any(line.startswith("# heading") for line in form.splitlines())
    assert not re.search(r"(?<!\\)\](\(|: )javascript", page)
    assert "<script" not in page + html(table)
    assert r"\input" not in latex(table)


def test_no_text_of_a_csv_file_is_a_formula_and_reading_it_back_is_exact():
    frame = pd.DataFrame({"detector": HOSTILE, "snr_db": -6.0, "text": "-6", "@column": "x"})
    text = frame_csv(frame)
    back = pd.read_csv(io.StringIO(text))
    assert not [value for value in [*back["detector"], *back.columns] if value[0] in "=+-@\t\r\n\uff1d"]
    assert (back["snr_db"] == -6).all()
    assert (back["text"] == -6).all()
    assert with_formulas(back)["detector"].tolist() == HOSTILE
    assert "@column" in with_formulas(back)


def test_a_carriage_return_does_not_end_a_row():
    assert frame_csv(pd.DataFrame({"message": ["10 %\r20 %"]})) == "message\n10 %\\r20 %\n"
