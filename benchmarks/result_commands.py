"""What a person sees of the commands that work on results: reproduce, cite."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmarks.cite import bibtex, of_results
from benchmarks.reproduce import open_corpus, read_result
from benchmarks.reproduce import reproduce as run_again

_STYLES = {"equal": "green", "within tolerance": "yellow", "different": "red"}


def reproduce(file: Path, data: Path | None, console: Console) -> bool:
    """Run a result again, print the verdict and what has changed; return whether it holds and nothing was changed.

    file: a result.json, or the folder of its cell. data: the recordings, which a result does not say. Detectors of
    plugins must be loaded before. Raises `InputError`.
    """
    file = file / "result.json" if file.is_dir() else file
    result = read_result(file)
    found = run_again(file, open_corpus(result, data))
    console.print(f"{found.cell}: {found.verdict}", style=_STYLES[found.verdict], markup=False)
    if found.where:
        console.print(f"  {found.where}", markup=False)
    for line in found.changed:
        console.print(f"  changed since it was written: {line}", style="red", markup=False)
    for line in found.conditions:
        console.print(f"  not as it was: {line}", style="yellow", markup=False)
    return found.verdict != "different" and not found.changed


def cite(root: Path | None, dataset: str, labels: Sequence[str], console: Console) -> None:
    """Print BibTeX for the results in `root`, a folder <results>/<dataset>/<protocol>, or for these names without any.

    Nothing else is printed, so that the output can go to a file. Raises `InputError`.
    """
    text = of_results(root) if root is not None else bibtex(dataset, labels)
    console.print(text, markup=False, soft_wrap=True, highlight=False)
