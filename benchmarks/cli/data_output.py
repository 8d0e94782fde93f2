"""Terminal output of the commands download and doctor."""

import shlex
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.filesize import decimal
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from benchmarks.acquisition import doctor
from benchmarks.acquisition.callbacks import Stage
from benchmarks.acquisition.disk import free_bytes
from benchmarks.acquisition.download import Download, download
from benchmarks.acquisition.fetch import RetryPolicy
from benchmarks.cell import snr_text
from benchmarks.datasets.mimii import Mimii
from benchmarks.datasets.synthetic import Synthetic, export_corpus
from benchmarks.run.manifest import FROZEN, hashes, save
from benchmarks.run.plan import Plan

FAULTS_SHOWN = 50
OBSTACLES_SHOWN = 4


def download_mimii(plan: Download, console: Console, policy: RetryPolicy = RetryPolicy()) -> None:
    """Print what will be fetched and the disk that it needs, fetch it under a progress bar, print what is there.

    Raises `InputError` as `download` does.
    """
    _print_plan(plan, console)
    with _transfer_bar(console) as progress:
        paths = download(plan, policy, _Shown(progress), lambda text: console.print(text, markup=False))
    console.print(f"There now, whole and verified: {', '.join(str(path) for path in paths)}", markup=False)
    console.print(f"MIMII is under {Mimii.licence}; cite Purohit et al. 2019, arXiv 1909.09347.")
    console.print(f"Check it: python run_all.py doctor --data {shlex.quote(str(plan.data))}", markup=False)


def _transfer_bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        TaskProgressColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=console,
    )


class _Shown:
    """Shows the stage and file that is at work in one bar; each begins with a speed of its own."""

    def __init__(self, progress: Progress) -> None:
        self.progress, self.task, self.name = progress, progress.add_task("", total=None), ""

    def __call__(self, stage: Stage, file: str, done: int, total: int) -> None:
        name = f"{stage} {file}"
        if name != self.name:
            self.name = name
            self.progress.reset(self.task, description=name, completed=done, total=total)
        self.progress.update(self.task, completed=done)


def _print_plan(plan: Download, console: Console) -> None:
    for archive in plan.archives:
        missing = plan.n_missing(archive)
        state = f"{decimal(missing)} of {decimal(archive.n_bytes)} to fetch" if missing else "there"
        console.print(f"{archive.name:<18} {state}", markup=False)
    if plan.channels is not None:
        kept = ", ".join(map(str, plan.channels))
        console.print(
            f"Each becomes a mono store of channels {kept} and is deleted: no other channel, no mean over all."
        )
    console.print(
        f"{decimal(plan.bytes_missing)} to fetch; disk needed {decimal(plan.bytes_needed)}, "
        f"free {decimal(free_bytes(plan.data))} in {plan.data}",
        markup=False,
    )


def examine_mimii(data: Path, console: Console, checksums: bool = False, deep: bool = False) -> bool:
    """Print what is there of MIMII, what is wrong with it and what it can be used for; return whether nothing is wrong.

    Raises `InputError` where `data` does not exist.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        archives, clips = (progress.add_task(name, total=None, visible=False) for name in ("archives", "clips"))
        report = doctor.examine(
            data,
            checksums,
            deep,
            lambda _, name, done, total: progress.update(
                archives, description=name, completed=done, total=total, visible=done < total
            ),
            lambda done, total: progress.update(clips, completed=done, total=total, visible=True),
        )
    for table in filter(lambda table: table.row_count, (_archives(report), _sets(report))):
        console.print(table)
    _print_uses(report, console)
    _print_faults(report, console)
    return not report.faults


def _archives(report: doctor.Report) -> Table:
    table = Table("archive", "bytes", "published", "WAV files", "state", box=None, pad_edge=False)
    for found in report.archives:
        published = str(found.published.n_bytes) if found.published else ""
        style = "" if found.state in ("whole", "verified") else "red"
        table.add_row(found.path.name, str(found.n_bytes), published, str(found.n_clips), found.state, style=style)
    return table


def _sets(report: doctor.Report) -> Table:
    table = Table(
        "machine", "unit", "SNR", "normal", "abnormal", "from", "channels", "Hz", "seconds", box=None, pad_edge=False
    )
    for found in report.sets:
        published = found.published or ("?", "?")
        counts = [f"{n} of {p}" for n, p in zip(found.found, published, strict=True)]
        kept = [f"{', '.join(map(str, channels))} kept" for channels in sorted(found.kept)]
        seconds = [f"{s:g}" for s in sorted(found.seconds)]
        channels = kept or [str(n) for n in sorted(found.n_channels)]
        lists: tuple[Sequence[object], ...] = (sorted(found.kinds), channels, sorted(found.sample_rates), seconds)
        style = "" if found.found == found.published and not found.unreadable else "yellow"
        row = (found.machine, found.unit, f"{found.snr_db} dB", *counts, *map(_list, lists))
        table.add_row(*row, style=style)
    return table


def _list(values: Sequence[object]) -> str:
    return ", ".join(map(str, values[:3])) + (", ..." if len(values) > 3 else "")


def _print_uses(report: doctor.Report, console: Console) -> None:
    """Print on how many sets each split and channel rule can be run, and why not on the others."""
    for rule, obstacles in report.obstacles.items():
        n_sets = len(report.sets)
        console.print(f"{rule:<16} can be run on {n_sets - len(obstacles)} of {n_sets} units and levels that are here")
        for obstacle in obstacles[:OBSTACLES_SHOWN]:
            console.print(f"    {obstacle}", markup=False, style="yellow")
        if len(obstacles) > OBSTACLES_SHOWN:
            console.print(f"    and {len(obstacles) - OBSTACLES_SHOWN} more")
    if report.absent:
        console.print(
            f"not here: {len(report.absent)} of the published units and levels, e.g. {', '.join(report.absent[:3])}"
        )


def _print_faults(report: doctor.Report, console: Console) -> None:
    console.print(f"{report.n_clips} clips, {len(report.faults)} faults", style="red" if report.faults else "green")
    for fault in report.faults[:FAULTS_SHOWN]:
        console.print(f"  {fault}", markup=False, soft_wrap=True)
    if len(report.faults) > FAULTS_SHOWN:
        console.print(f"  and {len(report.faults) - FAULTS_SHOWN} more")


def show_manifest(plan: Plan, file: Path, console: Console) -> None:
    """Print sizes and hash of each unit's split, hold them against the frozen ones, and save the manifest."""
    protocol = plan.protocol
    is_frozen = (plan.dataset.name, protocol.split, protocol.calibrate) == ("mimii", "code", 0)
    frozen = set(pd.read_csv(FROZEN)["hash"]) if is_frozen else None
    table = Table("machine", "unit", "SNR", "train", "validation", "test", "hash", box=None, pad_edge=False)
    for group, row in zip(plan.groups, hashes(plan.groups).astype(str).to_dict("records"), strict=True):
        known = "" if frozen is None else " (as published)" if row["hash"] in frozen else " (not the published clips)"
        sizes = (row["n_train"], row["n_validation"], row["n_test"], row["hash"] + known) if group.split else ()
        table.add_row(group.machine, group.unit, snr_text(group.snr_db), *sizes)
        if group.problem:
            console.print(group.problem, style="red", markup=False)
    console.print(table)
    save(plan.groups, file)
    console.print(f"Saved {file}", markup=False)


def export(corpus: Synthetic, directory: Path, console: Console) -> None:
    """Write the synthetic corpus as WAV files under a progress bar."""
    clips = len(corpus.clips())
    with Progress(BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task("clips", total=clips)
        export_corpus(corpus, directory, lambda: progress.advance(task))
    console.print(f"Wrote {clips} clips of the SYNTHETIC corpus to {directory}", markup=False)
