"""The command line of asdbench: `python run_all.py` runs the benchmark, `python run_all.py --help` tells the rest.

Exit code: 0 all cells are ok, 1 some failed, 2 wrong usage or unusable input.
"""

import os
import shlex
import sys
import warnings
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from benchmarks.cli import data_commands as data_commands
from benchmarks.cli import result_commands as result_commands
from benchmarks.cli.options import (
    Budget,
    Cache,
    Channel,
    Channels,
    Clips,
    Data,
    DatasetName,
    Detectors,
    Device,
    Diagnose,
    Force,
    Jobs,
    Machines,
    Plugins,
    Quick,
    Results,
    Seconds,
    Seeds,
    Snrs,
    SplitRule,
    Threads,
    Units,
    console,
    load_plugins,
    numbers,
)

# Everything heavy is imported in the command that needs it, so that --help answers at once.

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, context_settings={"max_content_width": 120})
app.add_typer(data_commands.app)
app.add_typer(result_commands.app)


@app.callback(invoke_without_command=True)
def run(
    context: typer.Context,
    dataset: DatasetName = None,
    data: Data = None,
    split: SplitRule = "",
    channel: Channel = "0",
    detectors: Detectors = "",
    machines: Machines = "",
    units: Units = "",
    snrs: Snrs = "",
    clips: Clips = "",
    seconds: Seconds = None,
    channels: Channels = None,
    seeds: Seeds = "0",
    plugins: Plugins = None,
    results: Results = Path("results"),
    cache: Cache = Path(".cache/features"),
    jobs: Jobs = 0,
    threads: Threads = 1,
    device: Device = "auto",
    budget: Budget = "cpu",
    quick: Quick = False,
    force: Force = False,
    diagnose: Diagnose = False,
) -> None:
    """Pit detectors of anomalous machine sound against each other; print a ranked table that can be cited.

    A run that was stopped goes on where it was. Exit code: 0 all cells ok, 1 some failed, 2 wrong usage.
    """
    from benchmarks.cli import run_output

    if context.invoked_subcommand is not None:
        return
    from benchmarks.cli.corpus import open_corpus
    from benchmarks.datasets import find_data
    from benchmarks.reporting.leaderboard_files import QUICK_SUFFIX, make_report, write_leaderboard
    from benchmarks.run.plan import make_plan
    from benchmarks.run.protocols import Protocol
    from benchmarks.run.runner import Runner
    from benchmarks.run.store import Store
    from features.cache import FeatureCache

    corpus, selection = open_corpus(dataset, data, machines, units, snrs, clips, seconds, channels, quick)
    if dataset is None and find_data(data) is None:
        run_output.say_that_synthetic(console)
    plugin_files = load_plugins(plugins)
    plan = make_plan(
        corpus,
        Protocol(split or corpus.official_split, channel),
        _choose_detectors(detectors, budget),
        numbers(seeds, int, "--seeds"),
        selection,
        _choose_device(device),
    )
    store = Store(results / (corpus.folder + QUICK_SUFFIX * quick) / plan.protocol.name)
    command = shlex.join(["python", "run_all.py", *sys.argv[1:]])
    runner = Runner(store, FeatureCache(cache), jobs or os.cpu_count() or 1, threads, plugin_files, command, diagnose)
    failures = run_output.run(plan, runner, force, console)
    report = make_report(store.root)
    files = write_leaderboard(store.root, report)
    run_output.show(report, plan, runner, failures, files, console)
    raise typer.Exit(1 if failures else 0)


@app.command("list")
def list_all(plugins: Plugins = None) -> None:
    """Show the detectors and whether they can run, the datasets and the protocols."""
    from benchmarks.cli import run_output

    load_plugins(plugins)
    run_output.show_catalogue(console)


@app.command()
def check(
    names: Annotated[list[str], typer.Argument(help="Names of detectors, or Python files that register some.")],
) -> None:
    """Run the conformance checks on detectors and print a verdict per check."""
    from benchmarks.cli import run_output
    from detectors.contract.registry import load_plugin
    from detectors.contract.variants import create

    passed = True
    for name in names:
        for detector in load_plugin(name) if name.endswith(".py") else [name]:
            passed &= run_output.show_checks(detector, create(detector), console)
    raise typer.Exit(0 if passed else 1)


def _choose_detectors(text: str, budget: str) -> dict[str, Any]:
    """Row label -> detector: those named, or all that can run; what cannot is said."""
    from detectors.contract.registry import detectors
    from detectors.contract.variants import create, split_names, with_budget

    names = split_names(text)
    if not names:
        available, unavailable = detectors()
        names = list(available)
        for entry in unavailable:
            console.print(f"{entry.name} is left out: {entry.reason}", style="yellow")
    labels = [with_budget(name, budget) for name in names]
    return {label: create(label) for label in labels}


def _choose_device(device: str) -> str:
    from features import InputError

    if device not in ("auto", "cpu", "cuda"):
        raise InputError(f"--device {device}: choose auto, cpu or cuda")
    if device == "cuda":
        import torch

        if not torch.cuda.is_available():
            raise InputError("--device cuda: torch finds no GPU here; choose --device cpu")
    return device


def main() -> None:
    """Run the command line; say what is wrong with the input in a line, without a traceback."""
    warnings.showwarning = lambda message, *_: console.print(f"warning: {message}", style="yellow", markup=False)
    try:
        app()
    except KeyboardInterrupt:
        console.print("\nStopped. What is done is kept; the same command goes on from here.")
        sys.exit(130)
    except ValueError as error:
        from features import InputError

        if not isinstance(error, InputError):
            raise
        Console(stderr=True, highlight=False).print(f"error: {error}", style="red", markup=False, soft_wrap=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
