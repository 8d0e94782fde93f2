"""Terminal output of the commands that work on results: report, clean, reproduce, cite, import, export, verify."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
from rich.console import Console

from benchmarks.cell import Cell
from benchmarks.cli.corpus import examined
from benchmarks.datasets import RecordingFolder
from benchmarks.datasets.folder import LEFT_OUT
from benchmarks.evaluation.cell_choice import CellChoice
from benchmarks.exchange.entries import Entry
from benchmarks.exchange.entries import import_scores as import_from
from benchmarks.exchange.reproduce import read_result, reopen_dataset
from benchmarks.exchange.reproduce import reproduce as run_again
from benchmarks.exchange.score_export import export_scores as export
from benchmarks.exchange.verification import verify_results as verify
from benchmarks.reporting.breakdown import breakdown, selection
from benchmarks.reporting.cite import bibtex, of_results
from benchmarks.reporting.full_report import FOLDER, ReportOptions, write_full_report
from benchmarks.reporting.leaderboard_files import make_report, write_leaderboard
from benchmarks.reporting.leaderboard_table import default_columns
from benchmarks.reporting.render_terminal import terminal
from benchmarks.reporting.visible import visible
from benchmarks.run.cell_removal import remove
from benchmarks.run.plan import Plan
from benchmarks.run.store import Store
from features import InputError

FAULTS_SHOWN = 100  # of a folder
LONGEST_LINE = 2000  # characters
_STYLES = {"equal": "green", "within tolerance": "yellow", "different": "red"}


def _say(console: Console, text: str, style: str = "") -> None:
    """Print a text that may hold words of a stranger: as one line, without markup, cut where it is very long."""
    shown = visible(text)
    cut = shown if len(shown) <= LONGEST_LINE else f"{shown[:LONGEST_LINE]} ..."
    console.print(cut, style=style, markup=False, soft_wrap=True)


def reproduce(file: Path, data: Path | None, console: Console, trusted: Collection[str] = ()) -> bool:
    """Run a result again, print the verdict and what has changed; return whether it holds and nothing was changed.

    file: a result.json, or the folder of its cell. data: the recordings, which a result does not say. Detectors of
    plugins must be loaded before. trusted: models and files that the result may name. Raises `InputError`.
    """
    file = file / "result.json" if file.is_dir() else file
    result = read_result(file)
    corpus = reopen_dataset(result, data)
    if isinstance(corpus, RecordingFolder) and LEFT_OUT in result.config.dataset_identity:
        corpus = examined(corpus, skip_unreadable=True)
    found = run_again(file, corpus, trusted=trusted)
    _say(console, f"{found.cell}: {found.verdict}", _STYLES[found.verdict])
    if found.where:
        _say(console, f"  {found.where}")
    for line in found.changed:
        _say(console, f"  changed since it was written: {line}", "red")
    for line in found.conditions:
        _say(console, f"  not as it was: {line}", "yellow")
    return found.verdict != "different" and not found.changed


def cite(root: Path | None, dataset: str, labels: Sequence[str], console: Console) -> None:
    """Print BibTeX for the results in `root`, a folder <results>/<dataset>/<protocol>, or for these names without any.

    Nothing else is printed, so that the output can go to a file. Raises `InputError`.
    """
    text = of_results(root) if root is not None else bibtex(dataset, labels)
    console.print(text, markup=False, soft_wrap=True, highlight=False)


def import_scores(directory: Path, entry: Entry, plan: Plan, results: Path, command: str, console: Console) -> None:
    """Import score files, write the tables again, and say where the entry stands.

    plan: the corpus and the protocol, without detectors; results: the folder of all results. Raises `InputError`.
    """
    store = Store(results / plan.dataset.folder / plan.protocol.name)
    cells = import_from(directory, replace(entry, command=command), plan, store)
    files = write_leaderboard(store.root)
    seeds = ", ".join(str(seed) for seed in sorted({cell.seed for cell in cells}))
    console.print(f"{entry.name}: {len(cells)} cells imported, seeds {seeds}; marked (scores only)", markup=False)
    console.print(f"Tables: {store.root}/ {', '.join(file.name for file in files)}", markup=False, soft_wrap=True)


def export_scores(root: Path, directory: Path, labels: Sequence[str], console: Console) -> None:
    """Write the test scores in `root`, a folder <results>/<dataset>/<protocol>, in the form of DCASE Task 2."""
    files = export(root, directory, labels)
    console.print(f"Wrote {len(files)} files to {directory}", markup=False, soft_wrap=True)


def verify_results(directory: Path, console: Console) -> bool:
    """Check that every results.csv below `directory` follows from its scores; print the faults; return if none is."""
    found = verify(directory)
    for folder, faults in found.items():
        _say(console, f"{folder}: {f'{len(faults)} faults' if faults else 'ok'}")
        for fault in faults[:FAULTS_SHOWN]:
            _say(console, f"  {fault}", "red")
        if len(faults) > FAULTS_SHOWN:
            _say(console, f"  and {len(faults) - FAULTS_SHOWN} more", "red")
    return not any(found.values())


def report(directory: Path, options: ReportOptions, by: str, choice: CellChoice, console: Console) -> None:
    """Build every table of stored results again, print the leaderboard, and say where the files are.

    directory: a folder <results>/<dataset>/<protocol>, or one above several. choice: what the tables cover. by:
    "machine", "snr" or "unit" prints the leaderboard broken down, otherwise with the columns of the options. Raises
    `InputError`.
    """
    roots = [directory] if (directory / "cells").is_dir() else sorted({p.parent for p in directory.glob("*/*/cells")})
    if not roots:
        raise InputError(f"{directory}: no results; name the folder <results>/<dataset>/<protocol>, or one above it")
    failed = []
    for root in roots:
        try:
            _report(root, options, by, choice, console)
        except InputError as error:  # of one corpus; the others are printed all the same
            failed.append(str(error))
    if failed:
        raise InputError("; ".join(failed))


def _report(root: Path, options: ReportOptions, by: str, choice: CellChoice, console: Console) -> None:
    made = make_report(root, choice)
    columns = options.columns or default_columns(made.board)
    tables = breakdown(made, by) if by else selection(made, [columns], "leaderboard")
    files = write_full_report(root, options, made)
    for table in tables:
        console.print(terminal(table, console.width))
    console.print(f"Files: {root}/ and {root / FOLDER}/, {len(files)} in all", markup=False, soft_wrap=True)


def list_cells(root: Path, choice: CellChoice, console: Console) -> list[Path]:
    """Print the chosen cells in `root`, a folder <results>/<dataset>/<protocol>; return their folders.

    Also lists cells whose files are broken. Raises `InputError` if there is none.
    """
    cells = {folder: Cell.of_folder(folder, "") for folder in Store(root).folders()}
    rows = [{**vars(cell), "folder": folder} for folder, cell in cells.items() if cell is not None]
    if not rows:
        raise InputError(f"{root}: no cells; name the folder <results>/<dataset>/<protocol>")
    chosen = choice.rows(pd.DataFrame(rows))
    for folder in chosen["folder"]:
        _say(console, str(cells[folder]))
    return list(chosen["folder"])


def remove_cells(root: Path, folders: Sequence[Path], console: Console) -> None:
    """Remove these cells of `root` and write the tables again, if a cell is left. Raises `InputError`."""
    remove(root, folders)
    left = Store(root).folders()
    console.print(f"Cells removed: {len(folders)}; left: {len(left)}", markup=False)
    if not left:
        console.print(f"The tables in {root} are of before; the folder may be removed", markup=False, soft_wrap=True)
        return
    files = write_full_report(root) if (root / FOLDER).is_dir() else write_leaderboard(root)
    console.print(f"Tables: {root}/, {len(files)} files written again", markup=False, soft_wrap=True)
