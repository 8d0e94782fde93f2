"""One leaderboard, five forms: Markdown, LaTeX, HTML, CSV and the terminal.

Each form draws the same `table_layout.Layout`: the best value of a column bold, the second underlined, a section for
detectors that learn from other units, and those without a rank below a rule with their reason. The CSV is the
leaderboard itself. Every form carries the caption.
"""

import html as html_text
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd
from tabulate import tabulate

from benchmarks.table_layout import TEXT, Caption, Entry, Layout, layout, legend, narrow_columns

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["Caption", "csv", "html", "latex", "markdown", "terminal"]

LONG_NAME = 30  # characters of a detector's name beyond which names are broken over lines in LaTeX

LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "[": "{[}",  # bare, at the start of a row, it is an argument of the line break before it
    "]": "{]}",
    "†": r"\dag{}",
} | {character: f"\\{character}" for character in "&%$#_{}"}


def markdown(board: pd.DataFrame, caption: Caption, columns: Sequence[str] | None = None) -> str:
    """The caption, a table in the pipe form of GitHub, and the detectors without a rank as a list."""
    table = layout(board, caption, columns)
    lines = []
    for title, rows in table.sections:
        lines += [[f"*{title}*" if column == "detector" else "" for column in table.columns]] * bool(title)
        lines += [
            [_marked(entry, markdown_text(entry.text), "**{}**", "<ins>{}</ins>") for entry in row] for row in rows
        ]
    aligned = ["left" if column in TEXT else "right" for column in table.columns]
    body = tabulate(lines, table.headings, tablefmt="pipe", disable_numparse=True, colalign=aligned)
    unranked = [f"- {markdown_text(name)}: {markdown_text(reason)}" for name, reason in table.unranked]
    below = ["Not ranked, because means over other cells do not compare:", "\n".join(unranked)] if unranked else []
    return "\n\n".join([markdown_text(table.caption), body, *below]) + "\n"


def latex(
    board: pd.DataFrame, caption: Caption, columns: Sequence[str] | None = None, label: str = "tab:leaderboard"
) -> str:
    r"""A `table` that compiles as it is with `\usepackage{booktabs}`. Without `columns`, those that fit a page."""
    table = layout(board, caption, columns or narrow_columns(board))
    width = len(table.columns)
    wraps = any(len(_name(row, table.columns)) > LONG_NAME for _, rows in table.sections for row in rows)
    groups = []
    for title, rows in table.sections:
        lines = [rf"\multicolumn{{{width}}}{{l}}{{\emph{{{latex_text(title)}}}}} \\"] if title else []
        for row in rows:
            texts = [_marked(entry, latex_text(entry.text), r"\textbf{{{}}}", r"\underline{{{}}}") for entry in row]
            if wraps and "detector" in table.columns:
                place = table.columns.index("detector")
                texts[place] = _wrapped(texts[place])
            lines.append(" & ".join(texts) + r" \\")
        groups.append("\n".join(lines))
    lacking = [_wrapped(f"{latex_text(name)}: {latex_text(_short(reason))}") for name, reason in table.unranked]
    over = rf"\multicolumn{{{width}}}{{p{{0.95\linewidth}}}}"
    groups += ["\n".join(rf"{over}{{{line}}} \\" for line in lacking)] * bool(lacking)
    kinds = ["l" if column in TEXT else "r" for column in table.columns]
    if wraps and "detector" in table.columns:
        kinds[table.columns.index("detector")] = r"p{0.32\linewidth}"
    size = fitting_size([_longest(table, place, wraps) for place in range(width)])
    headings = [latex_text(heading) for heading in table.headings]
    return latex_table(latex_text(table.caption), label, size, kinds, headings, groups)


def latex_table(
    caption: str, label: str, size: str, kinds: Sequence[str], headings: Sequence[str], groups: Sequence[str]
) -> str:
    """A `table` from parts that are LaTeX already; `groups`: rows, a rule between groups."""
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            r"\setlength{\belowcaptionskip}{6pt}",
            rf"\caption{{{caption}}}",
            rf"\label{{{label}}}",
            rf"\{size}",
            r"\setlength{\tabcolsep}{3pt}",
            rf"\begin{{tabular}}{{{''.join(kinds)}}}",
            r"\toprule",
            " & ".join(headings) + r" \\",
            r"\midrule",
            "\n\\midrule\n".join(groups),
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def fitting_size(longest: Sequence[int]) -> str:
    """The largest type in which columns of so many characters fit the page of LaTeX's article, about; else the least.

    A character of `footnotesize` is taken as 4.3 points wide, the page as 345 points, a gap between columns as 6.
    """
    for size, points in (("footnotesize", 4.3), ("scriptsize", 3.8), ("tiny", 2.9)):
        if sum(longest) * points + 6 * len(longest) <= 345:
            return size
    return "tiny"


def _longest(table: Layout, place: int, wraps: bool) -> int:
    """Characters of the longest entry of a column; a wrapped one is a third of the page."""
    if wraps and table.columns[place] == "detector":
        return 26
    texts = [row[place].text for _, rows in table.sections for row in rows]
    return max(len(text) for text in [*texts, table.headings[place]])


def _name(row: Sequence[Entry], columns: Sequence[str]) -> str:
    return row[columns.index("detector")].text if "detector" in columns else ""


def _wrapped(text: str) -> str:
    """May be broken after punctuation, which LaTeX does not do by itself."""
    broken = re.sub(r"([,=(/@]|\{\[\})", r"\1\\allowbreak{}", text)
    return rf"\raggedright\let\\\tabularnewline\hspace{{0pt}}{broken}"


def html(board: pd.DataFrame, caption: Caption, columns: Sequence[str] | None = None) -> str:
    """A `<table>` with its caption, one `<tbody>` a section; no styles of its own."""
    table = layout(board, caption, columns)
    width, escape = len(table.columns), html_text.escape
    parts = [f'<table class="leaderboard">\n<caption>{escape(table.caption)}</caption>\n<thead>']
    parts += ["<tr>" + "".join(f"<th>{escape(heading)}</th>" for heading in table.headings) + "</tr>\n</thead>"]
    for title, rows in table.sections:
        parts += ["<tbody>"] + [f'<tr><th colspan="{width}">{escape(title)}</th></tr>'] * bool(title)
        for row in rows:
            texts = [_marked(entry, escape(entry.text), "<strong>{}</strong>", "<u>{}</u>") for entry in row]
            parts.append("<tr>" + "".join(f"<td>{text}</td>" for text in texts) + "</tr>")
        parts.append("</tbody>")
    if table.unranked:
        lines = [f"{escape(name)}: {escape(reason)}" for name, reason in table.unranked]
        parts += ["<tbody>"] + [f'<tr><td colspan="{width}">{line}</td></tr>' for line in lines] + ["</tbody>"]
    return "\n".join([*parts, "</table>", ""])


def csv(board: pd.DataFrame, caption: Caption) -> str:
    """The leaderboard itself, unrounded, with the columns `synthetic` and `caption` at the end of each row."""
    text = " ".join([str(caption), *legend(board, caption.level)])
    return board.assign(synthetic=caption.synthetic, caption=text).to_csv(index=False, lineterminator="\n")


def terminal(board: pd.DataFrame, caption: Caption, columns: Sequence[str] | None = None) -> "RenderableType":
    """The table for a Rich console, the detectors without a rank and the caption below it.

    Without `columns`, those that fit 80 characters or a little more.
    """
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = layout(board, caption, columns or narrow_columns(board))
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column, heading in zip(table.columns, table.headings, strict=True):
        drawn.add_column(Text(heading), justify="left" if column in TEXT else "right", no_wrap=column != "detector")
    for title, rows in table.sections:
        if title:
            drawn.add_section()
            drawn.add_row(*[Text(title if column == "detector" else "", style="italic") for column in table.columns])
        for row in rows:
            styles = ["bold" if entry.best else "underline" if entry.second else "" for entry in row]
            drawn.add_row(*[Text(entry.text, style=style) for entry, style in zip(row, styles, strict=True)])
    unranked = [Text(f"not ranked: {name}: {reason}", style="red") for name, reason in table.unranked]
    return Group(drawn, *unranked, Text(table.caption, style="dim"))


def _marked(entry: Entry, text: str, best: str, second: str) -> str:
    return best.format(text) if entry.best else second.format(text) if entry.second else text


def markdown_text(text: str) -> str:
    return re.sub(r"([\\`*|])", r"\\\1", text).replace("<", "&lt;")


def latex_text(text: str) -> str:
    escaped = "".join(LATEX.get(character, character) for character in text)
    return re.sub(r"(?<!\w)-(?=\d)", "$-$", escaped)  # a minus, not a hyphen


def _short(reason: str) -> str:
    """The counts of a reason without its message, which would not fit a printed page."""
    return reason.split(": ")[0]
