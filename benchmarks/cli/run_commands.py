"""The run itself, and the two commands about detectors: list, check."""

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from benchmarks.cli.options import (
    CorpusOptions,
    Plugins,
    ProtocolOptions,
    RunOptions,
    command_line,
    console,
    load_plugins,
    option,
    seeds,
    with_options,
)

if TYPE_CHECKING:
    from benchmarks.run.plan import Plan
    from benchmarks.run.runner import Runner
    from detectors import Detector

# Everything heavy is imported in the command that needs it, so that --help answers at once.

app = typer.Typer()


@with_options
def run(
    context: typer.Context,
    corpus: CorpusOptions,
    protocol: ProtocolOptions,
    how: RunOptions,
    version: Annotated[bool, option("Print the version and exit.", "--version")] = False,
) -> None:
    """Compare detectors of anomalous machine sound; print a ranked table that can be cited.

    A run that was stopped continues where it was. Exit code: 0 all cells ok, 1 some failed, 2 wrong usage.
    """
    if version:
        from importlib.metadata import version as version_of

        console.print(f"asdbench {version_of('asdbench')}")
        return
    if context.invoked_subcommand is not None:
        return
    from benchmarks.cli import run_output
    from benchmarks.datasets import find_data
    from benchmarks.reporting.leaderboard_files import make_report, write_leaderboard

    plugins = load_plugins(how.plugins)
    chosen = _choose_detectors(how)
    plan = _plan(corpus, protocol, how, chosen.detectors)
    if corpus.dataset is None and find_data(corpus.data) is None:
        run_output.say_that_synthetic(console)
    runner = _runner(plan, how, plugins)
    failures = run_output.run(plan, runner, how.force, chosen.left_out, console)
    report = make_report(runner.store.root)
    files = write_leaderboard(runner.store.root, report)
    run_output.show(report, plan, runner, failures, files, console)
    raise typer.Exit(1 if failures else 0)


@app.command("list")
def list_all(
    name: Annotated[str, typer.Argument(help="A detector to show in full.")] = "",
    long: Annotated[bool, option("Also input, track and source of each detector.", "--long")] = False,
    plugins: Plugins = None,
) -> None:
    """Show the detectors and whether they can run, the datasets and the protocols; or all that is known of one."""
    from benchmarks.cli import detector_output

    load_plugins(plugins)
    if name:
        detector_output.show_card(name, console)
    else:
        detector_output.show_catalogue(console, long)


@app.command()
def check(
    names: Annotated[list[str], typer.Argument(help="Names of detectors, or Python files that register some.")],
) -> None:
    """Run the conformance checks on detectors and print a verdict per check."""
    from benchmarks.cli import detector_output
    from detectors.contract.registry import load_plugin
    from detectors.contract.variants import create, expand
    from features import InputError

    if not all(expand(name) for name in names):
        raise InputError("check: an empty name; give a detector, as python run_all.py list shows them, or a file .py")
    passed = True
    for name in names:
        for detector in load_plugin(name) if name.endswith(".py") else expand(name):
            passed &= detector_output.show_checks(detector, create(detector), console)
    raise typer.Exit(0 if passed else 1)


@dataclass(frozen=True)
class _Chosen:
    """The detectors of a run by row label, and a line for each one that cannot be made."""

    detectors: "dict[str, Detector]"
    left_out: tuple[str, ...] = ()


def _choose_detectors(how: RunOptions) -> _Chosen:
    """Make the detectors that are named, or all that can run."""
    from detectors.contract.registry import detectors
    from detectors.contract.variants import create, expand, with_budget

    if names := expand(how.detectors):
        return _Chosen({label: create(label) for label in (with_budget(name, how.budget) for name in names)})
    available, unavailable = detectors()
    left_out = [f"{entry.name} is left out: {entry.reason}" for entry in unavailable]
    made = {}
    for name in available:
        try:
            label = with_budget(name, how.budget)
            made[label] = create(label)
        except Exception as error:  # a defect of one detector, from a plugin say, does not end the run of the others
            left_out.append(f"{name} is left out: it cannot be made: {type(error).__name__}: {error}")
    return _Chosen(made, tuple(left_out))


def _plan(
    corpus_options: CorpusOptions, protocol_options: ProtocolOptions, how: RunOptions, detectors: "dict[str, Detector]"
) -> "Plan":
    from benchmarks.cli.corpus import open_corpus, protocol_of
    from benchmarks.run.plan import make_plan

    corpus, selection = open_corpus(corpus_options, how.quick)
    protocol = protocol_of(corpus, protocol_options)
    return make_plan(corpus, protocol, detectors, seeds(how.seeds), selection, _device(how.device))


def _runner(plan: "Plan", how: RunOptions, plugins: tuple[str, ...]) -> "Runner":
    from benchmarks.reporting.leaderboard_files import QUICK_SUFFIX
    from benchmarks.run.runner import Runner
    from benchmarks.run.store import Store
    from features.cache import FeatureCache

    protocol = plan.protocol.name + f"-threads{how.threads}" * (how.threads != 1)  # scores of a table are of one number
    store = Store(how.results / (plan.dataset.folder + QUICK_SUFFIX * how.quick) / protocol)
    n_jobs = how.jobs or os.cpu_count() or 1
    return Runner(store, FeatureCache(how.cache), n_jobs, how.threads, plugins, command_line(), how.diagnose)


def _device(device: str) -> str:
    """The device as it is. Raises `InputError` where there is no GPU."""
    if device == "cuda":
        import torch

        from features import InputError

        if not torch.cuda.is_available():
            raise InputError("--device cuda: torch finds no GPU here; choose --device cpu")
    return device
