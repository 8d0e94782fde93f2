"""BibTeX for the sources of a table: asdbench, the corpus, every detector, the published figures, the statistics.

Entries are in `bibliography.bib`; those of corpora are in the classes of the corpora. A detector names the
keys of its papers in `Detector.papers`.
"""

import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from benchmarks.datasets import DATASETS
from benchmarks.reporting.published_figures import FOLDER
from benchmarks.reporting.visible import visible
from benchmarks.run.spreadsheet import with_formulas
from benchmarks.run.store import Store
from detectors import Detector
from detectors.contract.variants import create
from features import InputError

BIBLIOGRAPHY = Path(__file__).parent / "bibliography.bib"
NOT_OURS = "not a detector of this installation; cite its authors"
NO_ENTRY = "cite also, not in our bibliography,"
STATISTICS = ("delong1988", "sun2014delong", "newcombe2006auc", "mcclish1989", "demsar2006", "benavoli2016meanranks")


@dataclass(frozen=True)
class Entry:
    """A BibTeX entry: its key, its text, and some of its fields as plain text ("" where it has none)."""

    key: str
    text: str
    first_author: str  # family name, without accents
    year: str
    title: str
    eprint: str


def bibtex(dataset: str, labels: Sequence[str], commit: str | None = None) -> str:
    """BibTeX entries, each once, under comments that state what they are for.

    dataset: name of the corpus; labels: rows of a table, sanity rows may be among them; commit: of the results. A row
    that is not a detector of this installation is named in a comment.
    """
    parts = [("asdbench", [_asdbench(commit)])]
    if dataset in DATASETS:
        parts.append((f"corpus: {DATASETS[dataset].title}", parse(DATASETS[dataset].citation)))
    parts += map(_of_label, labels)
    parts.append(("published figures on this corpus", _of_published(dataset)))
    parts.append(("intervals, partial AUC, comparison", [_entries()[key] for key in STATISTICS]))
    lines, known = list[str](), set[str]()
    for comment, entries in parts:
        new = [entry for entry in entries if entry.key not in known]
        known |= {entry.key for entry in new}
        keys = ", ".join(entry.key for entry in entries)
        if keys or NOT_OURS in comment or NO_ENTRY in comment:
            text = visible(comment).replace("@", " at ")  # BibTeX has no comments: an @ starts an entry anywhere
            lines += [f"% {text}{f': {keys}' if keys else ''}", *(f"{entry.text}\n" for entry in new)]
    return "\n".join(lines)


def of_results(root: Path) -> str:
    """BibTeX for the results in `<results>/<dataset>/<protocol>`, from the cells, or else from the tables.

    Raises `InputError` if there are neither.
    """
    results = [result for _, result in Store(root).results()]
    if results:
        newest = max(results, key=lambda result: result.finished)
        labels, dataset, commit = {one.detector for one in results}, newest.dataset, newest.environment.commit
    elif (root / "results.csv").is_file() and (root / "environment.json").is_file():
        rows = with_formulas(pd.read_csv(root / "results.csv"))
        labels, dataset = set(rows["detector"]), str(rows["dataset"].iloc[0])
        commit = json.loads((root / "environment.json").read_text(encoding="utf-8"))["commit"]
    else:
        raise InputError(f"{root}: no results; name the folder <results>/<dataset>/<protocol>")
    return bibtex(dataset, sorted(labels), commit)


def papers(detector: Detector) -> list[Entry]:
    """Return the entries that a detector and its inner detectors name, in order of their keys.

    A plugin may name papers that the bibliography does not hold; `unknown_papers` returns their keys.
    """
    return [_entries()[key] for key in sorted(_keys(detector)) if key in _entries()]


def unknown_papers(detector: Detector) -> list[str]:
    """Return the keys that a detector and its inner detectors name and that no entry has."""
    return sorted(_keys(detector) - set(_entries()))


def _keys(detector: Detector) -> set[str]:
    return set(detector.papers).union(*map(_keys, detector.inner_detectors))


def parse(bib: str) -> list[Entry]:
    """The entries of a BibTeX text; each ends with a line that begins with a closing brace."""
    found = re.findall(r"^@\w+\{[^,]+,$.*?^\}", bib, re.MULTILINE | re.DOTALL)
    return [_entry(text) for text in found]


def _entry(text: str) -> Entry:
    key = re.match(r"@\w+\{([^,]+),", text)
    assert key is not None
    fields = {name.lower(): " ".join(value.split()) for name, value in _FIELD.findall(text)}
    numbers = re.search(r"arXiv:(\d{4}\.\d{5})", fields.get("note", ""))
    return Entry(
        key[1],
        text,
        _plain(fields.get("author", "")).partition(",")[0].strip(),
        fields.get("year", ""),
        _plain(fields.get("title", "")),
        fields.get("eprint", numbers[1] if numbers else ""),
    )


_FIELD = re.compile(r"^\s*(\w+)\s*=\s*\{(.*?)\},?$(?=\s*(?:\w+\s*=|\}))", re.MULTILINE | re.DOTALL)


def _plain(text: str) -> str:
    """Without braces, LaTeX accents and accents: `Sch{\\"o}lkopf` and `Schölkopf` are both `Scholkopf`."""
    unaccented = re.sub(r"\\[\"'`^~=.cvuHk]\s*(?=[{\w])", "", text)
    decomposed = unicodedata.normalize("NFKD", unaccented.replace("{", "").replace("}", "").replace("\\", ""))
    return "".join(character for character in decomposed if not unicodedata.combining(character))


@lru_cache(maxsize=1)
def _entries() -> dict[str, Entry]:
    """All entries by key: the bibliography's, and those of the corpora."""
    texts = [BIBLIOGRAPHY.read_text(encoding="utf-8"), *(corpus.citation for corpus in DATASETS.values())]
    return {entry.key: entry for text in texts for entry in parse(text)}


def _of_label(label: str) -> tuple[str, list[Entry]]:
    """Return what to say of a row, and the papers of its detector."""
    try:
        detector = create(label)
    except InputError:
        return f"{label}: {NOT_OURS}", []
    unknown = unknown_papers(detector)
    return f"{label}: {NO_ENTRY} {', '.join(unknown)}" if unknown else label, papers(detector)


def _of_published(dataset: str) -> list[Entry]:
    file = FOLDER / f"{dataset}.csv"
    keys = set(pd.read_csv(file)["citation_key"]) if file.is_file() else set()
    return [_entries()[key] for key in sorted(keys)]


def _asdbench(commit: str | None) -> Entry:
    number = version("asdbench")
    is_commit = re.fullmatch("[0-9a-f]+", commit or "")  # a result of others may say anything
    note = f"Version {number}" + (f", commit {is_commit[0][:12]}" if is_commit else "")
    (entry,) = parse(
        "@misc{asdbench,\n"
        "  author = {{The asdbench contributors}},\n"
        "  title  = {asdbench: a benchmark of anomalous-sound detectors for industrial machines},\n"
        "  year   = {2026},\n"
        f"  note   = {{{note}}}\n"
        "}"
    )
    return entry
