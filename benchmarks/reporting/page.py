"""A page as a value: the tables, pictures and listings that a report shows, in order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.reporting.table import Table


@dataclass(frozen=True)
class Picture:
    """A picture in a file beside the page, and the words that stand for it."""

    file: str
    description: str


@dataclass(frozen=True)
class Listing:
    """Preformatted texts, each under a name."""

    title: str
    texts: Mapping[str, str]


@dataclass(frozen=True)
class Page:
    """title: of the window. parts: what the page shows. warnings: sentences in a banner. heading: may be empty."""

    title: str
    parts: Sequence[Table | Picture | Listing]
    warnings: Sequence[str] = ()
    heading: str = ""
