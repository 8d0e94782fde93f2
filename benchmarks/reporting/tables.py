"""One leaderboard, five forms: Markdown, LaTeX, HTML, CSV and the terminal.

Each form draws the same `table_layout.Layout`: the best value of a column bold, the second underlined, a section for
detectors that learn from other units, and those without a rank below a rule with their reason. The CSV is the
leaderboard itself. Every form carries the caption.
"""

import html as html_text
import re
from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

import pandas as pd
from tabulate import tabulate

from benchmarks.reporting.table_layout import TEXT, Caption, Entry, Layout, layout, legend, meanings, narrow_columns

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["Caption", "csv", "html", "latex", "markdown", "page", "terminal"]

LONG_NAME = 30  # characters of a detector's name beyond which names are broken over lines in LaTeX
TERMINAL_GAP = 3  # characters between two columns of a Rich table
WRAPPED_SHARE = 0.32  # of the page for such names
WRAPPED = rf"p{{{WRAPPED_SHARE}\linewidth}}"

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
                texts[place] = breakable(texts[place])
            lines.append(" & ".join(texts) + r" \\")
        groups.append("\n".join(lines))
    lacking = [breakable(f"{latex_text(name)}: {latex_text(_short(reason))}") for name, reason in table.unranked]
    over = rf"\multicolumn{{{width}}}{{p{{0.95\linewidth}}}}"
    groups += ["\n".join(rf"{over}{{{line}}} \\" for line in lacking)] * bool(lacking)
    kinds = ["l" if column in TEXT else "r" for column in table.columns]
    if wraps and "detector" in table.columns:
        kinds[table.columns.index("detector")] = WRAPPED
    sized = [_longest(table, place) for place in range(width) if kinds[place] != WRAPPED]
    size = fitting_size(sized, WRAPPED_SHARE * (WRAPPED in kinds))
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


def fitting_size(longest: Sequence[int], fixed: float = 0) -> str:
    """The largest type in which columns of so many characters fit the page of LaTeX's article, about; else the least.

    fixed: share of the page that columns of a set width take. A character of `footnotesize` is taken as 4.3 points
    wide, the page as 345 points, a gap between columns as 6.
    """
    for size, points in (("footnotesize", 4.3), ("scriptsize", 3.8), ("tiny", 3.1)):
        if sum(longest) * points + 6 * (len(longest) + 1) <= 345 * (1 - fixed):
            return size
    return "tiny"


def _longest(table: Layout, place: int) -> int:
    """Characters of the longest entry of a column."""
    texts = [row[place].text for _, rows in table.sections for row in rows]
    return max(len(text) for text in [*texts, table.headings[place]])


def _name(row: Sequence[Entry], columns: Sequence[str]) -> str:
    return row[columns.index("detector")].text if "detector" in columns else ""


def breakable(text: str) -> str:
    """LaTeX for a cell of a `p` column: left-aligned, and broken after punctuation too."""
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


PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<style>
body {{ font: 15px/1.4 sans-serif; margin: 2em auto; max-width: 75em; padding: 0 1em }}
table {{ border-collapse: collapse; display: block; overflow-x: auto; margin: 1em 0 }}
caption {{ text-align: left; padding-bottom: .5em }}
th, td {{ padding: .15em .6em; text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums }}
th:nth-child(-n+2), td:nth-child(-n+2), th[colspan], td[colspan] {{ text-align: left }}
thead {{ border-top: 2px solid; border-bottom: 1px solid }}
tbody {{ border-bottom: 1px solid }}
.warning {{ background: #fd6; padding: .4em .8em; font-weight: bold }}
</style>
</head>
<body>
{warning}{body}</body>
</html>
"""


def page(title: str, body: str, caption: Caption) -> str:
    """A whole HTML page; where the corpus is synthetic, or the run a quick one, a banner says so first."""
    warnings = " ".join(caption.warnings)
    warning = f'<p class="warning">{html_text.escape(warnings)}</p>\n' if warnings else ""
    return PAGE.format(title=html_text.escape(title), warning=warning, body=body)


def csv(board: pd.DataFrame, caption: Caption) -> str:
    """The leaderboard itself, unrounded, with the columns `synthetic` and `caption` at the end of each row."""
    text = " ".join([str(caption), *meanings(board.columns), *legend(board, caption.level)])
    return board.assign(synthetic=caption.synthetic, caption=text).to_csv(index=False, lineterminator="\n")


def terminal(
    board: pd.DataFrame, caption: Caption, columns: Sequence[str] | None = None, width: int = 80
) -> "RenderableType":
    """The table for a Rich console of `width` characters, the detectors without a rank and the caption below it.

    As many of the columns (by default all) as fit, from the first; those that do not are named below the table.
    """
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    whole = layout(board, caption, columns)
    n_shown = _fitting([min(_longest(whole, place), LONG_NAME) for place in range(len(whole.columns))], width)
    table = layout(board, caption, whole.columns[:n_shown])
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column, heading in zip(table.columns, table.headings, strict=True):
        name = column == "detector"
        drawn.add_column(
            Text(heading), justify="left" if column in TEXT else "right", no_wrap=not name, overflow="fold"
        )
    for title, rows in table.sections:
        if title:
            drawn.add_section()
            drawn.add_row(*[Text(title if column == "detector" else "", style="italic") for column in table.columns])
        for row in rows:
            styles = ["bold" if entry.best else "underline" if entry.second else "" for entry in row]
            drawn.add_row(*[Text(entry.text, style=style) for entry, style in zip(row, styles, strict=True)])
    below = [Text(f"not ranked: {name}: {reason}", style="red") for name, reason in table.unranked]
    if hidden := whole.headings[n_shown:]:
        below.append(Text(f"For lack of width without {', '.join(hidden)}; the files hold all columns.", style="dim"))
    return Group(drawn, *below, Text(table.caption, style="dim"))


def _fitting(widths: Sequence[int], width: int) -> int:
    """How many columns of these widths, from the first, Rich can draw in so many characters; two at least."""
    taken = accumulate(column + TERMINAL_GAP for column in widths)
    return max(2, sum(total <= width for total in taken))


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
