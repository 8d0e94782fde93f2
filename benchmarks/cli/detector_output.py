"""Terminal output of the commands about detectors: the list, the card of one, and the conformance checks."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.markdown import Markdown
from rich.table import Table
from rich.text import Text

from benchmarks.datasets import DATASETS
from benchmarks.reporting.detector_cards import Times, card, committed_times
from benchmarks.run.protocols import CHANNEL_RULES, SPLIT_RULES
from detectors import Detector
from detectors.contract.checks import Verdict, run_checks
from detectors.contract.registry import Unavailable, detectors
from detectors.contract.variants import create, described

WIDTH = 80  # of the list, which is to fit a small terminal


def show_catalogue(console: Console, long: bool = False) -> None:
    """Print a line per detector with its cost, its budget and its idea; then the datasets and the protocols.

    long: also input, track and source, as wide as the terminal is or more.
    """
    available, unavailable = detectors()
    table = _long(list(available), unavailable) if long else _short(list(available), unavailable)
    console.print(table, width=None if long else WIDTH, crop=False, soft_wrap=long)
    titles = [f"{name} ({cls.title})" if long else name for name, cls in DATASETS.items()]
    for heading, values in (
        ("datasets", titles),
        ("splits", list(SPLIT_RULES)),
        ("channels", ["0 and any other index", *CHANNEL_RULES]),
    ):
        console.print(_entry(heading, ", ".join(values)), width=None if long else WIDTH)
    if not long:
        console.print("fit: seconds per unit in the committed results. @cpu: budget without a GPU.")
        console.print("More: python run_all.py list NAME, or list --long", markup=False)


def _entry(heading: str, text: str) -> Table:
    entry = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    entry.add_row(Text(heading.ljust(8)), Text(text))
    return entry


def _short(available: Sequence[str], unavailable: Sequence[Unavailable]) -> Table:
    times = committed_times()
    rows = [(name, _fit(name, times), _budget(create(name)), _idea(name)) for name in available]
    rows += [(entry.name, "", "", entry.reason) for entry in unavailable]
    heads = ("detector", "fit", "@cpu", "idea")
    widths = [max(len(row[column]) for row in (heads, *rows)) for column in range(3)]
    widths.append(WIDTH - sum(widths) - 2 * len(widths))
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for head in heads:
        table.add_column(head, justify="right" if head == "fit" else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(_cut(text, width)) for text, width in zip(row, widths, strict=True)))
    return table


def _idea(name: str) -> str:
    _, track, idea = described(name)
    return idea if track == "one model per unit" else f"{track.partition(':')[0]}: {idea}"


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _fit(name: str, times: Mapping[str, Times]) -> str:
    return f"{times[name].fit:.1g} s" if name in times else "?"


def _budget(detector: Detector) -> str:
    """`epochs 15/50`, the first field that the reduced budget changes; empty where it changes none."""
    changed = [field for field, value in detector.cpu_budget.items() if value != getattr(detector, field)]
    field = min(changed, key=lambda name: name != "epochs", default="")
    more = " ..." if len(changed) > 1 else ""
    return f"{field} {detector.cpu_budget[field]}/{getattr(detector, field)}{more}" if field else ""


def _long(available: Sequence[str], unavailable: Sequence[Unavailable]) -> Table:
    table = Table("detector", "input", "track", "idea and source", box=None, pad_edge=False)
    for name in available:
        table.add_row(name, *map(Text, described(name)))
    for entry in unavailable:
        table.add_row(entry.name, "", "", Text(f"unavailable: {entry.reason}"), style="yellow")
    return table


def show_card(name: str, console: Console) -> None:
    """Print all that is known of one detector. Raises `InputError` where there is no such detector."""
    console.print(Markdown(card(name, committed_times())))


def show_checks(label: str, detector: Detector, console: Console) -> bool:
    """Run the conformance checks on one detector, print a verdict per check, and return whether all passed.

    A check that fails as an earlier one did is named there, without a verdict of its own.
    """
    verdicts = run_checks(detector)
    console.print(f"{label}: {detector!r}", markup=False)
    table = Table(box=None, show_header=False, padding=(0, 1))
    for verdict in verdicts:
        if not verdict.cause:
            mark = Text("ok", "green") if verdict.ok else Text("FAIL", "red")
            table.add_row("", mark, verdict.name, Text(verdict.rule if verdict.ok else _failure(verdict, verdicts)))
    console.print(table)
    n_ok = sum(verdict.ok for verdict in verdicts)
    console.print(
        f"{label}: {n_ok} of {len(verdicts)} checks passed", style="green" if n_ok == len(verdicts) else "red"
    )
    return n_ok == len(verdicts)


def _failure(failed: Verdict, verdicts: Sequence[Verdict]) -> str:
    """What a check found, what it expects, and which others failed for the same reason."""
    same = [verdict.name for verdict in verdicts if verdict.cause == failed.name]
    return f"{failed.message}\nThe rule: {failed.rule}" + (f"\nThe same in: {', '.join(same)}" if same else "")
