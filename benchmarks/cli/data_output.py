"""What a person sees of a download and of the doctor."""

import shlex
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from benchmarks.acquisition import doctor
from benchmarks.acquisition.disk import free_bytes
from benchmarks.acquisition.download import Download, download
from benchmarks.acquisition.fetch import RetryPolicy
from benchmarks.acquisition.meter import Step, size_text
from benchmarks.cell import snr_text
from benchmarks.datasets.mimii import Mimii
from benchmarks.datasets.synthetic import Synthetic, export_corpus
from benchmarks.run.manifest import FROZEN, hashes, save
from benchmarks.run.plan import Plan

FAULTS_SHOWN = 50
OBSTACLES_SHOWN = 4


def download_mimii(plan: Download, console: Console, patience: RetryPolicy = RetryPolicy()) -> None:
    """Say what will be fetched and the disk that it needs, fetch it under a progress bar, say what is there.

    Raises `InputError` as `download` does.
    """
    _print_plan(plan, console)
    with _bar(console) as progress:
        task = progress.add_task("", total=None, detail="")

        def show(step: Step) -> None:
            speed = f"{size_text(step.per_second)}/s" if step.per_second else ""
            left = "" if step.seconds_left is None else f"{_time_text(step.seconds_left)} left"
            detail = "  ".join(filter(None, [f"{size_text(step.done)} of {size_text(step.total)}", speed, left]))
            name = f"{step.stage} {step.name}"
            progress.update(task, description=name, completed=step.done, total=step.total, detail=detail)

        paths = download(plan, patience, show, lambda text: console.print(text, markup=False))
    console.print(f"There now, whole and verified: {', '.join(str(path) for path in paths)}", markup=False)
    console.print(f"MIMII is under {Mimii.licence}; cite Purohit et al. 2019, arXiv 1909.09347.")
    console.print(f"Check it: python run_all.py doctor --data {shlex.quote(str(plan.data))}", markup=False)


def _print_plan(plan: Download, console: Console) -> None:
    for archive in plan.archives:
        missing = plan.n_missing(archive)
        told = f"{size_text(missing)} of {size_text(archive.n_bytes)} to fetch" if missing else "there"
        console.print(f"{archive.name:<18} {told}", markup=False)
    if plan.channels is not None:
        kept = ", ".join(map(str, plan.channels))
        console.print(
            f"Each becomes a mono store of channels {kept} and is deleted: no other channel, no mean over all."
        )
    console.print(
        f"{size_text(plan.bytes_missing)} to fetch; disk needed {size_text(plan.bytes_needed)}, "
        f"free {size_text(free_bytes(plan.data))} in {plan.data}",
        markup=False,
    )


def _time_text(seconds: float) -> str:
    """`3700 -> "1 h 01 min"`."""
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        TaskProgressColumn(),
        TextColumn("{task.fields[detail]}", markup=False),
        console=console,
    )


def examine_mimii(data: Path, console: Console, checksums: bool = False, deep: bool = False) -> bool:
    """Print what is there of MIMII, what is wrong and what it is good for; return whether nothing is wrong.

    Raises `InputError` where there is nothing at `data`.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        archives, clips = (progress.add_task(name, total=None, visible=False) for name in ("archives", "clips"))
        report = doctor.examine(
            data,
            checksums,
            deep,
            lambda step: progress.update(
                archives, description=step.name, completed=step.done, total=step.total, visible=step.done < step.total
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
    """Say on how many sets each split and channel rule can be run, and why not on the others."""
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
    frozen = set(pd.read_csv(FROZEN)["hash"]) if (plan.dataset.name, plan.protocol.split) == ("mimii", "code") else None
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
