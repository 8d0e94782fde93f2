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

# Everything heavy is imported in the command that needs it, so that --help answers at once.

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, context_settings={"max_content_width": 120})
console = Console(highlight=False)


def _option(help_text: str, *names: str, panel: str = "Where and how") -> Any:
    return typer.Option(*names, help=help_text, rich_help_panel=panel)


_WHAT = "What to compare"
DatasetName = Annotated[str | None, _option("mimii, dcase, folder, table and so on; without it MIMII.", panel=_WHAT)]
Data = Annotated[Path | None, _option("Folder of the recordings; else ASDBENCH_DATA, else data/mimii.", panel=_WHAT)]
SplitRule = Annotated[str, _option("code, paper, holdout or labels; without it what the corpus says.", panel=_WHAT)]
Channel = Annotated[str, _option("Microphone: an index from 0, nearest or mean.", panel=_WHAT)]
Detectors = Annotated[
    str, _option("knn,dense_ae(epochs=10) and so on, in square brackets; without it all.", panel=_WHAT)
]
Machines = Annotated[str, _option("fan,pump,slider,valve; without it all that are there.", panel=_WHAT)]
Units = Annotated[str, _option("id_00,id_02; without it all that are there.", panel=_WHAT)]
Snrs = Annotated[str, _option("6,0,-6 in dB; without it all that are there.", panel=_WHAT)]
Seeds = Annotated[str, _option("Seeds of the detectors: 0,1,2.", panel=_WHAT)]
Plugins = Annotated[
    list[Path] | None, _option("Python file that registers detectors; repeatable.", "--plugin", panel=_WHAT)
]
Results = Annotated[Path, _option("Folder that results go to.")]
Cache = Annotated[Path, _option("Folder that features are kept in; may be deleted at any time.")]
Jobs = Annotated[int, _option("Cells at a time; 0 is one per core.")]
Threads = Annotated[int, _option("Threads of each cell.")]
Device = Annotated[str, _option("auto, cpu or cuda, for networks.")]
Budget = Annotated[str, _option("cpu: networks train less where that is marked @cpu; full: as published.")]
Quick = Annotated[bool, _option("A first look in a minute: a unit a machine, one SNR, few clips.", "--quick")]
Force = Annotated[bool, _option("Run again what is done.", "--force")]
Diagnose = Annotated[
    bool,
    _option(
        "Write the test AUC after each epoch to history.csv; a diagnostic, nothing may be chosen by it. "
        "What is done without it stays as it is, unless with --force.",
        "--diagnose",
    ),
]


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
    if context.invoked_subcommand is not None:
        return
    from benchmarks import terminal
    from benchmarks.datasets import find_data, open_dataset
    from benchmarks.plan import Selection, make_plan
    from benchmarks.protocols import Protocol
    from benchmarks.report import QUICK_SUFFIX, write_report
    from benchmarks.runner import Runner
    from benchmarks.store import Store
    from features.cache import FeatureCache

    corpus = open_dataset(dataset, data)
    if dataset is None and find_data(data) is None:
        terminal.say_that_synthetic(console)
    plugin_files = _load_plugins(plugins)
    plan = make_plan(
        corpus,
        Protocol(split or corpus.official_split, channel),
        _choose_detectors(detectors, budget),
        _numbers(seeds, int, "--seeds"),
        Selection(_words(machines), _words(units), _numbers(snrs, float, "--snrs"), quick),
        _choose_device(device),
    )
    store = Store(results / (corpus.name + QUICK_SUFFIX * quick) / plan.protocol.name)
    command = shlex.join(["python", "run_all.py", *sys.argv[1:]])
    runner = Runner(store, FeatureCache(cache), jobs or os.cpu_count() or 1, threads, plugin_files, command, diagnose)
    failures = terminal.run(plan, runner, force, console)
    files = write_report(store.root)
    terminal.show(plan, runner, failures, files, console)
    raise typer.Exit(1 if failures else 0)


@app.command("list")
def list_all(plugins: Plugins = None) -> None:
    """Show the detectors and whether they can run, the datasets and the protocols."""
    from benchmarks import terminal

    _load_plugins(plugins)
    terminal.show_catalogue(console)


@app.command()
def check(
    names: Annotated[list[str], typer.Argument(help="Names of detectors, or Python files that register some.")],
) -> None:
    """Run the conformance checks on detectors and print a verdict per check."""
    from benchmarks import terminal
    from detectors.registry import load_plugin
    from detectors.variants import create

    passed = True
    for name in names:
        for detector in load_plugin(name) if name.endswith(".py") else [name]:
            passed &= terminal.show_checks(detector, create(detector), console)
    raise typer.Exit(0 if passed else 1)


@app.command()
def manifest(
    dataset: DatasetName = None,
    data: Data = None,
    split: SplitRule = "",
    machines: Machines = "",
    units: Units = "",
    snrs: Snrs = "",
    out: Annotated[Path, _option("File that the manifest is saved to.")] = Path("manifest.csv"),
) -> None:
    """Print and save who trains, validates and tests, with the hash that every result carries."""
    from benchmarks import terminal
    from benchmarks.datasets import open_dataset
    from benchmarks.plan import Selection, make_plan
    from benchmarks.protocols import Protocol

    corpus = open_dataset(dataset, data)
    selection = Selection(_words(machines), _words(units), _numbers(snrs, float, "--snrs"))
    plan = make_plan(corpus, Protocol(split or corpus.official_split), {}, selection=selection)
    terminal.show_manifest(plan, out, console)


@app.command()
def download(
    corpus: Annotated[str, typer.Argument(help="mimii, the only one whose licence and archives are known here.")],
    machines: Machines = "",
    snrs: Snrs = "",
    data: Annotated[Path, _option("Folder that it goes to.")] = Path("data/mimii"),
    address: Annotated[str, _option("Where the archives lie, if not on Zenodo; their names are appended.")] = "",
    delete_archives: Annotated[bool, _option("Keep only some channels of each.", "--delete-archives")] = False,
    channels: Annotated[str, _option("Channels to keep with --delete-archives: 0,4. The first if not given.")] = "",
) -> None:
    """Fetch MIMII, all of it or some machines and SNRs; the same command goes on where it was stopped."""
    from benchmarks.data_commands import download_mimii
    from benchmarks.datasets.mimii_release import ADDRESS
    from benchmarks.download import Download, choose
    from features import InputError

    if corpus != "mimii":
        raise InputError(f"download {corpus}: only mimii can be downloaded")
    if channels and not delete_archives:
        raise InputError("--channels says what to keep of each archive with --delete-archives; give both or none")
    kept = (_numbers(channels, int, "--channels") or (0,)) if delete_archives else None
    archives = choose(_words(machines), _numbers(snrs, float, "--snrs"))
    download_mimii(Download(data, archives, kept, address or ADDRESS), console)


@app.command()
def doctor(
    data: Data = None,
    checksums: Annotated[bool, _option("Compare archives with their published MD5.", "--checksums")] = False,
    deep: Annotated[bool, _option("Decode every clip, not only its header.", "--deep")] = False,
) -> None:
    """Tell what is there of MIMII, what is wrong with it, and what it can be used for."""
    from benchmarks.data_commands import examine_mimii
    from benchmarks.datasets import find_data
    from features import InputError

    folder = find_data(data)
    if folder is None:
        raise InputError("doctor: no recordings; give their folder with --data DIR or in ASDBENCH_DATA")
    raise typer.Exit(0 if examine_mimii(folder, console, checksums, deep) else 1)


@app.command("export-corpus")
def export_corpus(directory: Path) -> None:
    """Write the synthetic corpus as WAV files in the layout of MIMII."""
    from benchmarks import terminal
    from benchmarks.datasets import Synthetic

    terminal.export(Synthetic(), directory, console)


def _load_plugins(files: list[Path] | None) -> tuple[str, ...]:
    from detectors.registry import load_plugin

    for file in files or []:
        load_plugin(file)
    return tuple(str(file.resolve()) for file in files or [])


def _choose_detectors(text: str, budget: str) -> dict[str, Any]:
    """Row label -> detector: those named, or all that can run; what cannot is said."""
    from detectors.registry import detectors
    from detectors.variants import create, split_names, with_budget

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


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _numbers(text: str, kind: type, option: str) -> tuple[Any, ...]:
    from features import InputError

    try:
        return tuple(kind(word) for word in _words(text))
    except ValueError:
        raise InputError(f"{option} {text}: give numbers with commas between, such as 0,1,2") from None


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
        Console(stderr=True, highlight=False).print(f"error: {error}", style="red", markup=False)
        sys.exit(2)


if __name__ == "__main__":
    main()
