"""All that is known of a detector on one card: idea, papers, input, cost, budget, and every field."""

import dataclasses
import inspect
import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from tabulate import tabulate

from benchmarks.reporting.cite import papers
from detectors.contract.detector import features_of
from detectors.contract.fields import allowed, annotation_of
from detectors.contract.registry import find
from detectors.contract.variants import create, described

REFERENCE = Path(__file__).parents[2] / "results" / "reference" / "synthetic" / "code-ch0"


class Times(NamedTuple):
    """Medians over the cells of a detector in the committed results, on one thread."""

    fit: float  # seconds
    score: float  # seconds, features included
    n_train: int  # clips
    n_test: int

    def __str__(self) -> str:
        fit, score = f"{self.fit:.2g} s to fit {self.n_train} clips", f"{self.score:.2g} s to score {self.n_test}"
        return f"{fit} and {score}, features included (one thread, committed synthetic results)"


def committed_times() -> dict[str, Times]:
    """Times by name of detector; empty where the committed results are not here."""
    file = REFERENCE / "results.csv"
    if not file.is_file():
        return {}
    rows = pd.read_csv(file)
    rows["name"] = rows["detector"].str.partition("@")[0]
    seconds = rows[rows["status"] == "ok"].groupby("name")[["fit_seconds", "score_seconds"]].median()
    n_train, n_test = rows["n_train"].iloc[0], (rows["n_normal"] + rows["n_abnormal"]).iloc[0]
    return {str(name): Times(fit, score, n_train, n_test) for name, fit, score in seconds.itertuples()}


def card(name: str, times: Mapping[str, Times]) -> str:
    """A card in Markdown. Raises `InputError` where there is no such detector."""
    cls, default = find(name), create(name)
    fields = [
        [f"`{f.name}`", f"`{_default(f)}`", allowed(annotation_of(cls, f.name)), _explained(cls, f.name)]
        for f in dataclasses.fields(cls)
        if f.name not in ("device", "feature")
    ]
    _, track, _ = described(name)
    sources = [f"{paper.title} ({f'{paper.first_author} {paper.year}'.strip()})" for paper in papers(default)]
    lines = [
        f"## {name}\n",
        inspect.getdoc(cls) or "",
        "",
        *(f"- Paper: {source}" for source in sources),
        *(f"- Input: `{feature!r}`" for feature in dict.fromkeys(features_of(default))),
        f"- Track: {track}",
        *([f"- Needs: {cls.needs}"] if cls.needs else []),
        *([f"- `--channel all` leaves it out: {default.one_channel}"] if default.one_channel else []),
        f"- Cost: {times.get(name, 'not in the committed results')}",
        *([f"- `{name}@cpu`: {_budget(cls.cpu_budget)}"] if cls.cpu_budget else []),
        "",
        tabulate(fields, ["field", "default", "allowed", "meaning"], tablefmt="github")
        if fields
        else "It has no parameters.",
        "",
    ]
    return "\n".join(lines)


def _budget(fields: Mapping[str, object]) -> str:
    return ", ".join(f"`{field}={value!r}`" for field, value in fields.items())


def _explained(cls: type, field: str) -> str:
    """Return the comment beside a field, of the nearest class that has one; it may go on in the lines below."""
    for owner in (base for base in cls.__mro__ if field in inspect.get_annotations(base)):
        lines = iter(inspect.getsource(owner).splitlines())
        first = next((line for line in lines if line.startswith(f"    {field}: ")), "").partition("  # ")[2]
        below = itertools.takewhile(lambda line: line.startswith("    # "), lines)
        if first:
            return " ".join([first, *(line.removeprefix("    #").strip() for line in below)])
    return ""


def _default(field: dataclasses.Field) -> object:
    return repr(field.default) if field.default is not dataclasses.MISSING else field.default_factory
