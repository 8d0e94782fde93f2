"""Terminal output about a user's own recordings and tables: what the doctor finds, and what a run should know first."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from benchmarks.acquisition.own_recordings import Examined, UnitRow, class_counts, examine_clips, units_of
from benchmarks.datasets import Dataset, FeatureTable, RecordingFolder
from benchmarks.datasets.dataset import Clip
from benchmarks.run.protocols import SPLIT_RULES

SHOWN = 50  # clips that cannot be read


def examine(corpus: RecordingFolder, console: Console) -> Examined:
    """Look at every clip, under a progress bar. Raises `InputError` where there are none."""
    clips = corpus.clips()
    columns = (TextColumn("clips"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("clips", total=len(clips))
        return examine_clips(clips, lambda: progress.advance(task))


def unreadable_text(examined: Examined, then: str) -> str:
    """`2 of 40 clips cannot be read; <then>`, and a line for each clip."""
    n, n_all = len(examined.unreadable), len(examined.unreadable) + len(examined.facts)
    lines = list(examined.unreadable.values())
    more = [f"and {n - SHOWN} more"] if n > SHOWN else []
    return "\n  ".join([f"{n} of {n_all} clips cannot be read; {then}", *lines[:SHOWN], *more])


def judge_recordings(corpus: RecordingFolder, console: Console) -> bool:
    """Print what is in a folder of recordings, what is wrong with it and what it can be used for; return whether all
    clips can be used."""
    examined = examine(corpus, console)
    units = units_of(corpus.clips())
    _print_title(corpus, units, console)
    console.print(_unit_table(units, examined))
    _print_uses(units, console)
    for remark in examined.remarks(corpus.sample_rate):
        console.print(f"note: {remark}", style="yellow", markup=False, soft_wrap=True)
    if examined.unreadable:
        text = unreadable_text(examined, "repair them, or leave them out of a run with --skip-unreadable:")
        console.print(text, style="red", markup=False, soft_wrap=True)
    _print_next(corpus, corpus.root, " --skip-unreadable" * bool(examined.unreadable), console)
    return not examined.unreadable and not examined.silent


def judge_table(corpus: FeatureTable, console: Console) -> bool:
    """Print what is in a table of vectors and what it can be used for. Raises `InputError` where it cannot be used."""
    units = units_of(corpus.clips())
    _print_title(corpus, units, console)
    console.print(_unit_table(units, Examined()))
    _print_uses(units, console)
    _print_next(corpus, corpus.path, "", console)
    return True


def _print_title(corpus: Dataset, units: Sequence[UnitRow], console: Console) -> None:
    n_clips = sum(len(unit.clips) for unit in units)
    console.print(f"{corpus.full_title}: {n_clips} clips of {len(units)} unit{'s' * (len(units) > 1)}", markup=False)


def _unit_table(units: Sequence[UnitRow], examined: Examined) -> Table:
    """A row per unit; rate, length and channels where they were found."""
    of_sound = ("Hz", "seconds", "channels", "silent", "unreadable") if examined.facts or examined.unreadable else ()
    table = Table("machine and unit", "normal", "abnormal", "unlabelled", *of_sound, box=None, pad_edge=False)
    for unit in units:
        counts = class_counts(unit.clips)
        classes = [str(counts.get(name, 0)) for name in ("normal", "abnormal", "unlabelled")]
        table.add_row(unit.name, *classes, *(_sound(unit.clips, examined) if of_sound else ()))
    return table


def _sound(clips: Sequence[Clip], examined: Examined) -> list[str]:
    facts = [examined.facts[clip] for clip in clips if clip in examined.facts]
    values = (
        sorted({one.sample_rate for one in facts}),
        _range(sorted({round(one.seconds, 3) for one in facts})),
        sorted({one.n_channels for one in facts}),
    )
    counts = (sum(one.silent for one in facts), len(clips) - len(facts))
    return [*(", ".join(map(str, value)) for value in values), *map(str, counts)]


def _range(seconds: list[float]) -> list[str]:
    """The length, or the shortest and the longest."""
    return [f"{seconds[0]:g} to {seconds[-1]:g}"] if len(seconds) > 1 else [f"{one:g}" for one in seconds]


def _print_uses(units: Sequence[UnitRow], console: Console) -> None:
    for rule in SPLIT_RULES:
        obstacles = [unit.obstacles[rule] for unit in units if unit.obstacles[rule]]
        console.print(f"--split {rule:<8} can be run on {len(units) - len(obstacles)} of {len(units)} units")
        if obstacles and rule != "labels":
            console.print(f"    {obstacles[0]}", style="yellow", markup=False, soft_wrap=True)


def _print_next(corpus: Dataset, place: Path, further: str, console: Console) -> None:
    command = f"python run_all.py --dataset {corpus.name} --data {shlex.quote(str(place))}{further}"
    console.print(f"Run it: {command}", markup=False, soft_wrap=True)
