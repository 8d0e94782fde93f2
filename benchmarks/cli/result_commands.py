"""Commands that work on results: report, clean, reproduce, cite, import-scores, export-scores, verify-results."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmarks.cli.options import (
    ChoiceOptions,
    CorpusOptions,
    Detectors,
    Plugins,
    ProtocolOptions,
    Results,
    command_line,
    console,
    levels_db,
    load_plugins,
    option,
    seeds,
    with_options,
    words,
)

if TYPE_CHECKING:
    from benchmarks.evaluation.cell_choice import CellChoice

app = typer.Typer()

Folder = Annotated[Path, typer.Argument(help="A folder <results>/<dataset>/<protocol>.")]
Data = Annotated[Path | None, option("Folder of the recordings. Default: ASDBENCH_DATA, then data/mimii.")]


@app.command()
@with_options
def report(
    choice: ChoiceOptions,
    directory: Annotated[
        Path | None,
        typer.Argument(help="A folder <results>/<dataset>/<protocol>, or one above.", show_default="results"),
    ] = None,
    results: Annotated[Path | None, option("The same folder, as an option like that of a run.")] = None,
    by: Annotated[str, option("Break the leaderboard down by machine, snr or unit.")] = "",
    columns: Annotated[str, option("Columns of the leaderboard: rank,detector,auc,interval and so on.")] = "",
    prefer: Annotated[str, option("Operating point: recall=0.95 or false-alarms-per-day=1.")] = "",
    clips_per_day: Annotated[
        float | None, option("Clips that a machine gives in a day. Default: clips of 10 s without a pause.", min=0)
    ] = None,
) -> None:
    """Build every table again from stored scores: leaderboards, tests, thresholds, published figures.

    Without --detectors, --machines, --units, --snrs and --seeds they cover all stored cells. results.csv always does.
    """
    from benchmarks.cli import result_output
    from benchmarks.evaluation.operating_points import CLIPS_PER_DAY
    from benchmarks.reporting.full_report import ReportOptions
    from features import InputError

    options = ReportOptions(words(columns), prefer, CLIPS_PER_DAY if clips_per_day is None else clips_per_day)
    if directory and results:
        raise InputError(f"report: two folders, {directory} and --results {results}; give one")
    result_output.report(directory or results or Path("results"), options, by, _choice(choice), console)


@app.command()
@with_options
def clean(
    folder: Folder,
    choice: ChoiceOptions,
    yes: Annotated[bool, option("Remove without asking.", "--yes")] = False,
) -> None:
    """Remove stored cells, such as those of a run with a typing mistake: list them, ask, write the tables again."""
    from benchmarks.cli import result_output
    from features import InputError

    chosen = _choice(choice)
    if not str(chosen):
        raise InputError("clean: name the cells with --detectors, --machines, --units, --snrs or --seeds")
    listed = result_output.list_cells(folder, chosen, console)
    if yes or typer.confirm(f"Remove {len(listed)} cell{'s' * (len(listed) > 1)}?"):
        result_output.remove_cells(folder, listed, console)


def _choice(options: ChoiceOptions) -> "CellChoice":
    from benchmarks.evaluation.cell_choice import CellChoice
    from detectors.contract.variants import expand

    return CellChoice(
        tuple(expand(options.detectors)),
        words(options.machines),
        words(options.units),
        levels_db(options.snrs),
        seeds(options.seeds) if options.seeds else (),
    )


@app.command()
def reproduce(
    result: Annotated[Path, typer.Argument(help="A result.json, or the folder of its cell.")],
    data: Data = None,
    plugins: Plugins = None,
    trust: Annotated[
        list[str] | None, option("Model or file that the result names and may load here; repeatable.", "--trust")
    ] = None,
) -> None:
    """Run a result again: equal, within tolerance, or different and where."""
    from benchmarks.cli import result_output

    load_plugins(plugins)
    raise typer.Exit(0 if result_output.reproduce(result, data, console, trust or ()) else 1)


@app.command()
def cite(
    folder: Annotated[Path | None, typer.Argument(help="A folder <results>/<dataset>/<protocol>.")] = None,
    dataset: Annotated[str, option("Corpus to cite where no folder is given.")] = "mimii",
    detectors: Detectors = "",
    plugins: Plugins = None,
) -> None:
    """Print BibTeX for a corpus, its detectors and asdbench: those of a table, or those that are named."""
    from benchmarks.cli import result_output
    from detectors.contract import registry
    from detectors.contract.variants import expand

    load_plugins(plugins)
    result_output.cite(folder, dataset, expand(detectors) or list(registry.detectors()[0]), console)


@app.command("import-scores")
@with_options
def import_scores(
    directory: Annotated[Path, typer.Argument(help="Folder of score files, in our form or DCASE's.")],
    name: Annotated[str, option("Name of the row.")],
    trained_on: Annotated[str, option("What it was trained on; stands in the table.")],
    corpus: CorpusOptions,
    protocol: ProtocolOptions,
    across_units: Annotated[
        bool, option("It learned from other units of the machine type: cross-unit track.", "--across-units")
    ] = False,
    results: Results = Path("results"),
) -> None:
    """Check scores that were computed elsewhere and rank them, marked as scores only."""
    from benchmarks.cli import result_output
    from benchmarks.cli.corpus import plan_without_detectors
    from benchmarks.exchange.entries import Entry

    entry = Entry(name, trained_on, "machine" if across_units else "unit")
    plan = plan_without_detectors(corpus, protocol)
    result_output.import_scores(directory, entry, plan, results, command_line(), console)


@app.command("export-scores")
def export_scores(folder: Folder, directory: Path, detectors: Detectors = "") -> None:
    """Write test scores in the form of DCASE Task 2."""
    from benchmarks.cli import result_output
    from detectors.contract.variants import expand

    result_output.export_scores(folder, directory, expand(detectors), console)


@app.command("verify-results")
def verify_results(directory: Annotated[Path, typer.Argument(help="Folder with results.csv somewhere below.")]) -> None:
    """Compute all metrics again from the stored scores and compare them with each results.csv."""
    from benchmarks.cli import result_output

    raise typer.Exit(0 if result_output.verify_results(directory, console) else 1)
