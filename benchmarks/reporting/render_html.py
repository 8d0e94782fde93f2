"""Tables and pages as HTML, from the Jinja2 templates beside this file. Every text is escaped."""

from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from benchmarks.reporting.page import Page
from benchmarks.reporting.table import Table

TEMPLATES = Path(__file__).parent / "templates"


def html(table: Table) -> str:
    """A table with its explanation, one `tbody` per section, without styles of its own."""
    return _environment().get_template("table.html.j2").render(table=table)


def html_page(page: Page) -> str:
    """A whole page; warnings, such as that of synthetic data, stand in a banner at its top."""
    return _environment().get_template("page.html.j2").render(page=page)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
