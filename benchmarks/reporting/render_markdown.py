"""Tables and pages as GitHub Markdown."""

import re

from tabulate import tabulate

from benchmarks.reporting.page import Listing, Page, Picture
from benchmarks.reporting.table import Cell, Section, Table
from benchmarks.reporting.visible import visible


def markdown(table: Table) -> str:
    """The title if there is one, the explanation, a table in the pipe form, and the omitted detectors as a list."""
    heading = [f"## {escape(table.title)}"] if table.title else []
    lines = [line for section in table.sections for line in _lines(section, table)]
    body = tabulate(
        lines,
        [escape(column.heading) for column in table.columns],
        tablefmt="pipe",
        disable_numparse=True,
        colalign=[column.align for column in table.columns],
    )
    reasons = [f"- {escape(name)}: {escape(reason)}" for name, reason in table.omitted.reasons]
    below = [table.omitted.heading, "\n".join(reasons)] if reasons else []
    return "\n\n".join([*heading, escape(table.explanation()), body, *below]) + "\n"


def markdown_page(page: Page) -> str:
    """All parts of a page under its heading."""
    heading = f"# {escape(page.heading)}\n\n" if page.heading else ""
    return heading + "\n".join(_part(part) for part in page.parts)


def escape(text: str) -> str:
    """The text itself in one line: no markup, no HTML, and no link, whose address could be a script."""
    literal = re.sub(r"([\\`*|]|\](?=[(:\[]))", r"\\\1", visible(text))
    return literal.replace("<", "&lt;")


def _part(part: Table | Picture | Listing) -> str:
    if isinstance(part, Table):
        return markdown(part)
    if isinstance(part, Picture):
        return f"![{escape(part.description)}]({part.file})\n"
    return "\n".join(
        [f"## {part.title}\n", *(f"### {escape(name)}\n\n```\n{text}```\n" for name, text in part.texts.items())]
    )


def _lines(section: Section, table: Table) -> list[list[str]]:
    title = [f"*{escape(section.title)}*" if name == table.row_name else "" for name in table.names]
    return [title] * bool(section.title) + [[_marked(cell) for cell in row] for row in section.rows]


def _marked(cell: Cell) -> str:
    text = escape(cell.text)
    return f"**{text}**" if cell.best else f"<ins>{text}</ins>" if cell.second else text
