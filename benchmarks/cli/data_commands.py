"""Commands that work on recordings: download, doctor, manifest, export-corpus."""

from pathlib import Path
from typing import Annotated

import typer

from benchmarks.cli.options import (
    CorpusOptions,
    ProtocolOptions,
    console,
    counts,
    levels_db,
    option,
    with_options,
    words,
)

app = typer.Typer()


@app.command()
@with_options
def manifest(
    corpus: CorpusOptions,
    protocol: ProtocolOptions,
    out: Annotated[Path, option("File that the manifest is saved to.")] = Path("manifest.csv"),
) -> None:
    """Print and save who trains, validates and tests, with the hash that every result carries."""
    from benchmarks.cli import data_output
    from benchmarks.cli.corpus import plan_without_detectors

    data_output.show_manifest(plan_without_detectors(corpus, protocol), out, console)


@app.command()
def download(
    corpus: Annotated[str, typer.Argument(help="mimii, the only one whose licence and archives are known here.")],
    machines: Annotated[str, option("For example fan,valve. Default: all.")] = "",
    snrs: Annotated[str, option("In dB, -200 to 200: 6,0,-6. Default: all.")] = "",
    data: Annotated[Path, option("Folder that it goes to.")] = Path("data/mimii"),
    address: Annotated[str, option("Where the archives lie, if not on Zenodo; their names are appended.")] = "",
    delete_archives: Annotated[bool, option("Keep only some channels of each.", "--delete-archives")] = False,
    keep_channels: Annotated[
        str, option("Channels, 0 to 7, to keep with --delete-archives: 0,4. Default: the first.")
    ] = "",
) -> None:
    """Download MIMII, all of it or some machines and SNRs; the same command continues where it was stopped."""
    from benchmarks.acquisition.download import Download, choose
    from benchmarks.cli.data_output import download_mimii
    from benchmarks.datasets.mimii_release import ADDRESS, RECORDED
    from features import InputError

    if corpus != "mimii":
        raise InputError(f"download {corpus}: only mimii can be downloaded")
    if keep_channels and not delete_archives:
        raise InputError("--keep-channels says what to keep of each archive with --delete-archives; give both or none")
    kept = (counts(keep_channels, "--keep-channels", 0, RECORDED - 1) or (0,)) if delete_archives else None
    archives = choose(words(machines), levels_db(snrs))
    download_mimii(Download(data, archives, kept, address or ADDRESS), console)


@app.command()
def doctor(
    dataset: Annotated[str, option("mimii; folder or label_csv, own recordings; table, vectors.")] = "mimii",
    data: Annotated[
        Path | None, option("Folder of the recordings, or file. Default: ASDBENCH_DATA, then data/mimii.")
    ] = None,
    checksums: Annotated[bool, option("Compare archives with their published MD5.", "--checksums")] = False,
    deep: Annotated[bool, option("Decode every clip, not only its header.", "--deep")] = False,
) -> None:
    """Say what is there of MIMII or of your own recordings, what is wrong with it, and what it can be used for."""
    from benchmarks.cli.data_output import examine_mimii
    from benchmarks.datasets import find_data
    from features import InputError

    folder = find_data(data)
    if folder is None:
        raise InputError("doctor: no recordings; give their folder with --data DIR or in ASDBENCH_DATA")
    if dataset != "mimii":
        raise typer.Exit(0 if _judge_own(dataset, folder, checksums or deep) else 1)
    raise typer.Exit(0 if examine_mimii(folder, console, checksums, deep) else 1)


def _judge_own(dataset: str, place: Path, options_of_mimii: bool) -> bool:
    from benchmarks.cli import recordings_output
    from benchmarks.datasets import FeatureTable, RecordingFolder
    from features import InputError

    if options_of_mimii:
        raise InputError("doctor: --checksums and --deep are for MIMII; leave them out")
    if dataset == FeatureTable.name:
        return recordings_output.judge_table(FeatureTable(place), console)
    if dataset in (RecordingFolder.name, "label_csv"):
        return recordings_output.judge_recordings(RecordingFolder(place), console)
    raise InputError(f"doctor --dataset {dataset}: judges mimii, folder, label_csv (own recordings) and table")


@app.command("export-corpus")
@with_options
def export_corpus(directory: Path, corpus: CorpusOptions) -> None:
    """Write the synthetic corpus as WAV files in the layout of MIMII."""
    from benchmarks.cli import data_output
    from benchmarks.cli.corpus import open_corpus
    from benchmarks.datasets import Synthetic
    from features import InputError

    generated, _ = open_corpus(corpus)
    if not isinstance(generated, Synthetic):
        raise InputError(f"export-corpus: {generated.title} is recorded; add --dataset synthetic, or leave --data out")
    data_output.export(generated, directory, console)
