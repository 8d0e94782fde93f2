"""Commands that work on recordings: download, doctor, manifest, export-corpus."""

from pathlib import Path
from typing import Annotated

import typer

from benchmarks.cli.options import (
    Channels,
    Clips,
    Data,
    DatasetName,
    Machines,
    Seconds,
    Snrs,
    SplitRule,
    Units,
    console,
    numbers,
    option,
    words,
)

app = typer.Typer()


@app.command()
def manifest(
    dataset: DatasetName = None,
    data: Data = None,
    split: SplitRule = "",
    machines: Machines = "",
    units: Units = "",
    snrs: Snrs = "",
    clips: Clips = "",
    seconds: Seconds = None,
    channels: Channels = None,
    out: Annotated[Path, option("File that the manifest is saved to.")] = Path("manifest.csv"),
) -> None:
    """Print and save who trains, validates and tests, with the hash that every result carries."""
    from benchmarks.cli import run_output
    from benchmarks.cli.corpus import open_corpus
    from benchmarks.run.plan import make_plan
    from benchmarks.run.protocols import Protocol

    corpus, selection = open_corpus(dataset, data, machines, units, snrs, clips, seconds, channels)
    plan = make_plan(corpus, Protocol(split or corpus.official_split), {}, selection=selection)
    run_output.show_manifest(plan, out, console)


@app.command()
def download(
    corpus: Annotated[str, typer.Argument(help="mimii, the only one whose licence and archives are known here.")],
    machines: Machines = "",
    snrs: Snrs = "",
    data: Annotated[Path, option("Folder that it goes to.")] = Path("data/mimii"),
    address: Annotated[str, option("Where the archives lie, if not on Zenodo; their names are appended.")] = "",
    delete_archives: Annotated[bool, option("Keep only some channels of each.", "--delete-archives")] = False,
    channels: Annotated[str, option("Channels to keep with --delete-archives: 0,4. The first if not given.")] = "",
) -> None:
    """Fetch MIMII, all of it or some machines and SNRs; the same command goes on where it was stopped."""
    from benchmarks.acquisition.download import Download, choose
    from benchmarks.cli.data_output import download_mimii
    from benchmarks.datasets.mimii_release import ADDRESS
    from features import InputError

    if corpus != "mimii":
        raise InputError(f"download {corpus}: only mimii can be downloaded")
    if channels and not delete_archives:
        raise InputError("--channels says what to keep of each archive with --delete-archives; give both or none")
    kept = (numbers(channels, int, "--channels") or (0,)) if delete_archives else None
    archives = choose(words(machines), numbers(snrs, float, "--snrs"))
    download_mimii(Download(data, archives, kept, address or ADDRESS), console)


@app.command()
def doctor(
    data: Data = None,
    checksums: Annotated[bool, option("Compare archives with their published MD5.", "--checksums")] = False,
    deep: Annotated[bool, option("Decode every clip, not only its header.", "--deep")] = False,
) -> None:
    """Tell what is there of MIMII, what is wrong with it, and what it can be used for."""
    from benchmarks.cli.data_output import examine_mimii
    from benchmarks.datasets import find_data
    from features import InputError

    folder = find_data(data)
    if folder is None:
        raise InputError("doctor: no recordings; give their folder with --data DIR or in ASDBENCH_DATA")
    raise typer.Exit(0 if examine_mimii(folder, console, checksums, deep) else 1)


@app.command("export-corpus")
def export_corpus(
    directory: Path,
    machines: Machines = "",
    units: Units = "",
    snrs: Snrs = "",
    clips: Clips = "",
    seconds: Seconds = None,
    channels: Channels = None,
) -> None:
    """Write the synthetic corpus as WAV files in the layout of MIMII."""
    from benchmarks.cli import run_output
    from benchmarks.cli.corpus import open_corpus
    from benchmarks.datasets import Synthetic

    corpus, _ = open_corpus(Synthetic.name, None, machines, units, snrs, clips, seconds, channels)
    assert isinstance(corpus, Synthetic)
    run_output.export(corpus, directory, console)
