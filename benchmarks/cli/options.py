"""The options that several commands share, as values.

A command takes a dataclass of options as one parameter; `with_options` shows each of its fields to Typer as an option
of its own. So an option is written once: its type, its help text and its default.
"""

import functools
import inspect
import os
import shlex
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from benchmarks.reporting.visible import visible


class VisibleConsole(Console):
    """A console that shows the control characters in a text, which a stranger may have written, and obeys none."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            lines = map(visible, segment.text.split("\n"))
            yield segment if segment.control else Segment("\n".join(lines), segment.style)


# Rich folds what goes into a file or a pipe to 80 columns, which would cut tables; a terminal has its own width.
console = VisibleConsole(highlight=False, width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else 200)

_WHAT = "What to compare"
_HOW = "Where and how"
_SIZE = "The synthetic corpus in another size"

SplitWord = Literal["code", "paper", "holdout", "labels"]
LARGEST_SEED = 2**32 - 1  # that numpy, scikit-learn and torch all take

DeviceWord = Literal["auto", "cpu", "cuda"]
BudgetWord = Literal["cpu", "full"]


def option(help_text: str, *names: str, panel: str = _HOW, **limits: Any) -> Any:
    """A Typer option. Square brackets in the help text are printed as they are."""
    return typer.Option(*names, help=help_text.replace("[", r"\["), rich_help_panel=panel, **limits)


@dataclass(frozen=True)
class CorpusOptions:
    """Which corpus, which part of it and, where it is generated, in which size."""

    dataset: Annotated[str | None, option("mimii, dcase, folder, table and so on. Default: MIMII.", panel=_WHAT)] = None
    data: Annotated[
        Path | None, option("Folder of the recordings. Default: ASDBENCH_DATA, then data/mimii.", panel=_WHAT)
    ] = None
    machines: Annotated[str, option("For example fan,valve. Default: all in the corpus.", panel=_WHAT)] = ""
    units: Annotated[str, option("For example id_00,id_02. Default: all in the corpus.", panel=_WHAT)] = ""
    snrs: Annotated[str, option("In dB, -200 to 200: 6,0,-6. Default: all in the corpus.", panel=_WHAT)] = ""
    skip_unreadable: Annotated[
        bool,
        option(
            "Leave out own recordings that cannot be read; the caption counts them. Default: their cells fail.",
            "--skip-unreadable",
            panel=_WHAT,
        ),
    ] = False
    clips: Annotated[str, option("Normal and abnormal clips per unit and SNR, up to 100000: 20,6.", panel=_SIZE)] = ""
    seconds: Annotated[float | None, option("Length of a clip in s, 1 to 60.", panel=_SIZE, min=1, max=60)] = None
    n_channels: Annotated[int | None, option("Microphones that record it, 1 or 8.", panel=_SIZE, min=1, max=8)] = None


@dataclass(frozen=True)
class ProtocolOptions:
    """Who trains and who tests, and which channel of a clip the detectors get."""

    split: Annotated[SplitWord | None, option("Split rule. Default: the one of the corpus.", panel=_WHAT)] = None
    channel: Annotated[str, option("Microphone: an index from 0 to 9999, nearest, mean or all.", panel=_WHAT)] = "0"
    calibrate: Annotated[
        float,
        option(
            "Share of the training clips to hold out for alarm thresholds: 0.01 to 0.9, or 0 for none.",
            panel=_WHAT,
            min=0,
            max=0.9,
        ),
    ] = 0.0


Detectors = Annotated[
    str, option("knn,dense_ae[epochs=10] and so on; knn[k=1|3|5] is a row for each k. Default: all.", panel=_WHAT)
]
Plugins = Annotated[
    list[Path] | None, option("Python file that registers detectors; repeatable.", "--plugin", panel=_WHAT)
]
Results = Annotated[Path, option("Folder that results go to.")]


@dataclass(frozen=True)
class RunOptions:
    """Which detectors run, with which seeds, and how much of the machine they may take."""

    detectors: Detectors = ""
    seeds: Annotated[str, option("Seeds of the detectors, 0 to 4294967295: 0,1,2 or 0-4.", panel=_WHAT)] = "0"
    plugins: Plugins = None
    results: Results = Path("results")
    cache: Annotated[Path, option("Folder that features are kept in; may be deleted at any time.")] = Path(
        ".cache/features"
    )
    jobs: Annotated[int, option("Cells at a time, up to 1024; 0 is one per core.", min=0, max=1024)] = 0
    threads: Annotated[int, option("Threads of each cell, 1 to 1024.", min=1, max=1024)] = 1
    device: Annotated[DeviceWord, option("Where networks are trained.")] = "auto"
    budget: Annotated[BudgetWord, option("cpu: networks marked @cpu train less; full: as published.")] = "cpu"
    quick: Annotated[bool, option("A first look in a minute: one unit per machine, one SNR, few clips.", "--quick")] = (
        False
    )
    force: Annotated[bool, option("Run again what is done.", "--force")] = False
    diagnose: Annotated[
        bool,
        option(
            "Write the test AUC after each epoch to history.csv: a diagnostic by which nothing may be chosen. "
            "Cells that are done stay as they are, unless --force is given.",
            "--diagnose",
        ),
    ] = False


@dataclass(frozen=True)
class ChoiceOptions:
    """Which cells of stored results are meant."""

    detectors: Annotated[str, option("Rows, as they are named in the table.", panel=_WHAT)] = ""
    machines: Annotated[str, option("For example fan,valve.", panel=_WHAT)] = ""
    units: Annotated[str, option("For example id_00,id_02.", panel=_WHAT)] = ""
    snrs: Annotated[str, option("In dB: 6,0,-6.", panel=_WHAT)] = ""
    seeds: Annotated[str, option("0,1,2 or 0-4. A detector without a seed belongs to each.", panel=_WHAT)] = ""


def with_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Replace each parameter of a command that is a dataclass of options by the dataclass's fields."""
    hints = get_type_hints(function, include_extras=True)
    groups: dict[str, Any] = {name: hint for name, hint in hints.items() if is_dataclass(hint)}

    @functools.wraps(function)
    def command(**values: Any) -> Any:
        for name, group in groups.items():
            values[name] = group(**{field.name: values.pop(field.name) for field in fields(group)})
        return function(**values)

    parameters = [
        parameter
        for name, own in inspect.signature(function).parameters.items()
        for parameter in (_parameters(groups[name]) if name in groups else [own.replace(annotation=hints[name])])
    ]
    ordered = sorted(parameters, key=lambda parameter: parameter.default is not inspect.Parameter.empty)
    keywords = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in ordered]
    command.__signature__ = inspect.Signature(keywords)  # type: ignore[attr-defined]  # what Typer reads
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in keywords}
    return command


def _parameters(group: Any) -> list[inspect.Parameter]:
    """One parameter per field of a dataclass of options."""
    hints, kind = get_type_hints(group, include_extras=True), inspect.Parameter.KEYWORD_ONLY
    return [inspect.Parameter(f.name, kind, default=f.default, annotation=hints[f.name]) for f in fields(group)]


def words(text: str) -> tuple[str, ...]:
    """Split a list at its commas.

    >>> words("fan, pump")
    ('fan', 'pump')
    """
    return tuple(word.strip() for word in text.split(",") if word.strip())


def levels_db(text: str) -> tuple[float, ...]:
    """Read a list of noise levels, with or without the unit. Raises `InputError` for anything else.

    >>> levels_db("6dB,0,-6")
    (6.0, 0.0, -6.0)
    """
    return tuple(_number(word.removesuffix("dB"), float, "--snrs", text, -200, 200) for word in words(text))


def seeds(text: str) -> tuple[int, ...]:
    """Read a list of seeds and ranges of seeds. Raises `InputError` for anything else, and where there are none.

    >>> seeds("0,10-12")
    (0, 10, 11, 12)
    """
    found: list[int] = []
    for word in words(text):
        first, dash, last = word.partition("-") if not word.startswith("-") else (word, "", "")
        low = _number(first, int, "--seeds", text, 0, LARGEST_SEED)
        high = _number(last, int, "--seeds", text, low, low + 999) if dash else low
        found += range(low, high + 1)
    return tuple(dict.fromkeys(found)) or _refuse("--seeds", text, "at least one whole number from 0")


def counts(text: str, option: str, least: int, most: int) -> tuple[int, ...]:
    """Read a list of whole numbers within limits. Raises `InputError`, naming the option.

    >>> counts("200,60", "--clips", 0, 100_000)
    (200, 60)
    """
    return tuple(_number(word, int, option, text, least, most) for word in words(text))


def _number(word: str, kind: type, option: str, text: str, least: float, most: float) -> Any:
    """One number of a list, within limits."""
    what = "whole numbers" if kind is int else "numbers"
    try:
        number = kind(word if word.isascii() and "_" not in word else "")  # Python also reads 1_0 as 10
    except ValueError:
        return _refuse(option, text, f"{what} with commas between, from {least} to {most}")
    return number if least <= number <= most else _refuse(option, text, f"{what} from {least} to {most}")


def _refuse(option: str, text: str, allowed: str) -> Any:
    from features import InputError

    raise InputError(f"{option} {text!r}: give {allowed}")


def load_plugins(files: list[Path] | None) -> tuple[str, ...]:
    """Register what the files define; return their absolute paths, for worker processes."""
    from detectors.contract.registry import load_plugin

    for file in files or []:
        load_plugin(file)
    return tuple(str(file.resolve()) for file in files or [])


def command_line() -> str:
    """The command that is running, as a user would type it."""
    return shlex.join(["python", "run_all.py", *sys.argv[1:]])
