"""Options that several commands share, and how lists in them are read."""

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

# Rich folds what goes into a file or a pipe to 80 columns, which would cut tables; a terminal has its own width.
console = Console(highlight=False, width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else 200)


def option(help_text: str, *names: str, panel: str = "Where and how") -> Any:
    return typer.Option(*names, help=help_text, rich_help_panel=panel)


_WHAT = "What to compare"
_MADE = "The synthetic corpus in another size"
DatasetName = Annotated[str | None, option("mimii, dcase, folder, table and so on; without it MIMII.", panel=_WHAT)]
Data = Annotated[Path | None, option("Folder of the recordings; else ASDBENCH_DATA, else data/mimii.", panel=_WHAT)]
SplitRule = Annotated[str, option("code, paper, holdout or labels; without it what the corpus says.", panel=_WHAT)]
Channel = Annotated[str, option("Microphone: an index from 0, nearest, mean or all.", panel=_WHAT)]
Detectors = Annotated[
    str, option("knn,dense_ae(epochs=10) and so on, in square brackets; without it all.", panel=_WHAT)
]
Machines = Annotated[str, option("fan,pump,slider,valve; without it all that are there.", panel=_WHAT)]
Units = Annotated[str, option("id_00,id_02; without it all that are there.", panel=_WHAT)]
Snrs = Annotated[str, option("6,0,-6 in dB; without it all that are there.", panel=_WHAT)]
Clips = Annotated[str, option("Normal and abnormal clips a unit and SNR: 200,60.", panel=_MADE)]
Seconds = Annotated[float | None, option("Length of its clips in s, 1 to 60.", panel=_MADE)]
Channels = Annotated[
    int | None, option("How many microphones record it, 1 or 8; --channel says which is heard.", panel=_MADE)
]
Seeds = Annotated[str, option("Seeds of the detectors: 0,1,2.", panel=_WHAT)]
Plugins = Annotated[
    list[Path] | None, option("Python file that registers detectors; repeatable.", "--plugin", panel=_WHAT)
]
Results = Annotated[Path, option("Folder that results go to.")]
Cache = Annotated[Path, option("Folder that features are kept in; may be deleted at any time.")]
Jobs = Annotated[int, option("Cells at a time; 0 is one per core.")]
Threads = Annotated[int, option("Threads of each cell.")]
Device = Annotated[str, option("auto, cpu or cuda, for networks.")]
Budget = Annotated[str, option("cpu: networks train less where that is marked @cpu; full: as published.")]
Quick = Annotated[bool, option("A first look in a minute: a unit a machine, one SNR, few clips.", "--quick")]
Force = Annotated[bool, option("Run again what is done.", "--force")]
Diagnose = Annotated[
    bool,
    option(
        "Write the test AUC after each epoch to history.csv; a diagnostic, nothing may be chosen by it. "
        "What is done without it stays as it is, unless with --force.",
        "--diagnose",
    ),
]


def words(text: str) -> tuple[str, ...]:
    """`"fan, pump" -> ("fan", "pump")`."""
    return tuple(word.strip() for word in text.split(",") if word.strip())


def numbers(text: str, kind: type, option: str) -> tuple[Any, ...]:
    """`"6,0,-6" -> (6.0, 0.0, -6.0)`. Raises `InputError`, naming the option, where a word is no number."""
    from features import InputError

    try:
        return tuple(kind(word) for word in words(text))
    except ValueError:
        raise InputError(f"{option} {text}: give numbers with commas between, such as 0,1,2") from None


def load_plugins(files: list[Path] | None) -> tuple[str, ...]:
    """Register what the files define; return their absolute paths, for worker processes."""
    from detectors.contract.registry import load_plugin

    for file in files or []:
        load_plugin(file)
    return tuple(str(file.resolve()) for file in files or [])
