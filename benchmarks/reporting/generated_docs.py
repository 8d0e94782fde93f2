"""The generated parts of the documentation.

`python -m benchmarks.reporting.generated_docs` writes them, and a test checks that they are up to date:

- README.md: the committed leaderboard of the synthetic corpus, between its two marks;
- docs/detectors.md: a card for each detector, from its docstring, its fields, its papers and the committed timings;
- docs/results.md: the tables of result.json and results.csv, between their marks, from the fields of a result;
- benchmarks/result.schema.json: the JSON schema of result.json.
"""

import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from tabulate import tabulate

from benchmarks.evaluation.stored_results import MEANINGS, WRITTEN
from benchmarks.metrics import METRICS
from benchmarks.reporting.detector_cards import REFERENCE, card, committed_times
from benchmarks.run.result import documented_fields, schema
from benchmarks.run.writing import write_text
from detectors.contract.registry import detectors, is_registered
from detectors.contract.variants import described

ROOT = Path(__file__).parents[2]
SHORT = {"rank": "#", "detector": "Detector", "auc": "AUC", "interval": "95 % interval"}


def readme() -> str:
    """README.md with the committed leaderboard in its place."""
    return _between((ROOT / "README.md").read_text(encoding="utf-8"), "leaderboard", _short_leaderboard())


def _between(text: str, mark: str, content: str) -> str:
    """The text with `content` between its lines `<!-- mark -->` and `<!-- /mark -->`.

    >>> _between("<!-- a -->\\nold\\n<!-- /a -->\\n", "a", "new\\n")
    '<!-- a -->\\nnew\\n<!-- /a -->\\n'
    """
    before, opening, rest = text.partition(f"<!-- {mark} -->\n")
    _, closing, after = rest.partition(f"<!-- /{mark} -->\n")
    return before + opening + content + closing + after


def results_page() -> str:
    """docs/results.md with the columns of results.csv and the fields of result.json in their places."""
    fields = documented_fields()
    metrics = {name: (inspect.getdoc(metric) or "").partition("\n")[0] for name, metric in METRICS.items()}
    meanings = {name: field["description"] for name, field in fields.items()} | metrics | MEANINGS
    columns = [[f"`{name}`", meanings[name]] for name in WRITTEN]
    rows = [[f"`{name}`", _type(field), field["description"]] for name, field in fields.items()]
    text = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    text = _between(text, "results.csv", _markdown(columns, ["column", "meaning"]))
    return _between(text, "result.json", _markdown(rows, ["field", "type", "meaning"]))


def _markdown(rows: list[list[str]], headings: list[str]) -> str:
    """A Markdown table whose columns are not padded, so that a changed cell changes one line."""
    lines = [f"| {' | '.join(line)} |\n" for line in (headings, *rows)]
    return "".join([lines[0], "|---" * len(headings) + "|\n", *lines[1:]])


def _type(field: Mapping[str, Any]) -> str:
    """The type of a field in JSON, in words.

    >>> _type({"anyOf": [{"type": "number", "minimum": 0}, {"type": "null"}]})
    'number >= 0 or null'
    """
    if "anyOf" in field:  # a field that has the default null is left out instead
        words = [_type(one) for one in field["anyOf"]]
        return " or ".join(word for word in words if word != "null" or "default" not in field)
    if "$ref" in field:
        return _type(json.loads(schema())["$defs"][field["$ref"].rpartition("/")[2]])
    if "enum" in field or "const" in field:
        return " or ".join(f"`{value}`" for value in field.get("enum", [field.get("const")]))
    if field["type"] == "array":
        return (
            f"array of ({_type(field['items'])})" if "anyOf" in field["items"] else f"array of {field['items']['type']}"
        )
    limits = {"minimum": " >= ", "exclusiveMinimum": " > "}
    return field["type"] + "".join(f"{sign}{field[name]}" for name, sign in limits.items() if name in field)


def _short_leaderboard() -> str:
    board = pd.read_csv(REFERENCE / "leaderboard.csv")
    ranked = board[board["rank"].notna()]
    place = ranked.groupby("track").cumcount()
    shown = ranked[(place < 6) & (ranked["track"] == "unit") | (place < 1) | ranked["sanity"]]
    levels = [column for column in board.columns if column.startswith("auc[") and column.endswith(" dB]")]
    rows = [
        [
            f"{int(row['rank'])}{'=' * bool(row['tied'])}",
            row["detector"]
            + " (sanity row)" * bool(row["sanity"])
            + " (cross-unit track)" * (row["track"] == "machine"),
            f"{row['auc']:.3f}",
            f"{row['auc_low']:.3f} to {row['auc_high']:.3f}",
            *(f"{row[level]:.3f}" for level in levels),
            f"{row['fit_seconds'] + row['score_seconds']:.2f}",
        ]
        for _, row in shown.iterrows()
    ]
    headings = [*SHORT.values(), *(level[4:-1] for level in levels), "s per cell"]
    aligned = ["left", "left", *["right"] * (len(headings) - 2)]
    table = tabulate(rows, headings, tablefmt="github", disable_numparse=True, colalign=aligned)
    caption = (
        "**SYNTHETIC DATA**, not comparable with published figures: mean AUC over "
        f"{int(ranked['cells'].max())} cells, split `code`, one seed; `=` marks shared ranks, "
        f"`@cpu` a reduced training budget. {len(shown)} of {len(ranked)} rows; "
        f"[all rows and columns]({REFERENCE.relative_to(ROOT).as_posix()}/leaderboard.md).\n\n"
    )
    return caption + table + "\n"


def detectors_page() -> str:
    """docs/detectors.md: an index and a card for each detector, including those with required parameters."""
    available, unavailable = detectors()
    names = sorted([*available, *(entry.name for entry in unavailable if is_registered(entry.name))])
    times = committed_times()
    index = [[f"[`{name}`](#{name})", *described(name)] for name in names]
    cards = [card(name, times) for name in names]
    command = "python -m benchmarks.reporting.generated_docs"
    head = f"# Detectors\n\nGenerated by `{command}` from the code; do not edit by hand.\n"
    return "\n".join([head, tabulate(index, ["name", "input", "track", "idea"], tablefmt="github"), "", *cards])


if __name__ == "__main__":
    write_text(ROOT / "README.md", readme())
    write_text(ROOT / "docs" / "detectors.md", detectors_page())
    write_text(ROOT / "docs" / "results.md", results_page())
    write_text(ROOT / "benchmarks" / "result.schema.json", schema())
