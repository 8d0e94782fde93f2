"""What a person sees in the terminal: the plan, the progress, the failures, the tables."""

import os
import shlex
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from benchmarks.cell import snr_text
from benchmarks.datasets import DATASETS, Synthetic
from benchmarks.reporting.leaderboard_files import Report, make_report
from benchmarks.reporting.leaderboard_table import leaderboard_table
from benchmarks.reporting.render_terminal import terminal
from benchmarks.run.estimate import seconds_of
from benchmarks.run.manifest import FROZEN, hashes, save
from benchmarks.run.plan import Job, Plan
from benchmarks.run.protocols import CHANNEL_RULES, SPLIT_RULES
from benchmarks.run.runner import Runner
from detectors import Detector
from detectors.contract import registry
from detectors.contract.checks import run_checks
from detectors.contract.variants import described


def say_that_synthetic(console: Console) -> None:
    console.print(
        "MIMII is not here, so this runs on the SYNTHETIC corpus. To run on MIMII: python run_all.py "
        "download mimii (Zenodo record 3384388), or name its folder with --data DIR.",
        style="yellow",
    )


def run(plan: Plan, runner: Runner, force: bool, console: Console) -> list[tuple[Job, str]]:
    """Print the plan, run what is not done under a progress bar, and return the jobs that failed with their reason."""
    runner.store.sweep()
    jobs = runner.pending(plan, force)
    seconds = seconds_of(jobs, runner.store.root.parent.parent)
    _print_plan(plan, runner, jobs, seconds, console)
    if not jobs:
        return []
    known = [s for s in seconds if s is not None]
    guess = sum(known) / len(known) if known else 1.0
    weights = {id(job): s if s is not None else guess for job, s in zip(jobs, seconds, strict=True)}
    failures = []
    with _progress(console) as progress:
        features = progress.add_task("features", total=None)
        groups = {(g.machine, g.unit, g.snr_db) for job in jobs for g in job.groups if g.split is not None}
        progress.update(features, total=len(groups))
        for _ in runner.compute_features(plan, jobs):
            progress.advance(features)
        cells = progress.add_task("cells", total=sum(weights.values()))
        for job, failure in runner.run(plan, jobs):
            progress.advance(cells, weights[id(job)])
            if failure:
                failures.append((job, failure))
    return failures


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description:>8}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
    )


def _print_plan(plan: Plan, runner: Runner, jobs: list[Job], seconds: list[float | None], console: Console) -> None:
    labels = list(dict.fromkeys(cell.detector for cell in plan.cells))
    n_cells, n_left = len(plan.cells), sum(len(job.cells) for job in jobs)
    machines = ", ".join(sorted({group.machine for group in plan.groups}))
    snrs = ", ".join(dict.fromkeys(snr_text(group.snr_db) for group in plan.groups))
    console.print(
        f"corpus    {plan.dataset.full_title}: {machines}; {snrs}; {sum(len(g.clips) for g in plan.groups)} clips"
    )
    console.print(f"protocol  split {plan.protocol.split}, channel {plan.protocol.channel}")
    console.print(f"detectors {', '.join(labels)}", markup=False)
    for line in plan.left_out:
        console.print(line, style="yellow", markup=False)
    console.print(f"cells     {n_cells}, of which {n_cells - n_left} are done and {n_left} are to do")
    if not jobs:
        console.print("Nothing to do: every cell is done. --force runs them again.")
        return
    known = [s for s in seconds if s is not None]
    new = sorted({job.cells[0].detector for job, s in zip(jobs, seconds, strict=True) if s is None})
    untimed = f"not known yet for {', '.join(new)}" if new else ""
    minutes = f"{sum(known) / runner.n_jobs / 60:.1f} min with {runner.n_jobs} jobs" if known else ""
    console.print(f"estimate  {'; '.join(filter(None, [minutes, untimed]))}", markup=False)


def show(
    report: Report, plan: Plan, runner: Runner, failures: list[tuple[Job, str]], files: list[Path], console: Console
) -> None:
    """Print the leaderboard on the plan's units, what failed and how to repeat it, and where the files are.

    report: that of all results in the store; where there are others beside the plan's, it is narrowed down.
    """
    root = runner.store.root
    groups = [(group.machine, group.unit, group.snr_db) for group in plan.groups]
    if len(groups) < len(report.results[["machine", "unit", "snr_db"]].drop_duplicates()):
        report = make_report(root, groups)
    console.print(terminal(leaderboard_table(report.board, report.caption), console.width))
    for job, failure in failures:
        console.print(f"failed: {job.cells[0]}: {failure}", style="red", markup=False)
        console.print(f"  again: {_repeat(job, runner.command)}", markup=False, soft_wrap=True)
    console.print(f"Files: {root}{os.sep} {', '.join(file.name for file in files)}", markup=False, soft_wrap=True)


def _repeat(job: Job, command: str) -> str:
    """The command that ran, narrowed down to one job."""
    cell = job.cells[0]
    only = {"--detectors": cell.detector, "--machines": cell.machine, "--units": ",".join(c.unit for c in job.cells)}
    only |= {"--seeds": str(cell.seed)} | ({} if cell.snr_db is None else {"--snrs": f"{cell.snr_db:g}"})
    words = [word for word in shlex.split(command) if word != "--force"]
    kept = [
        word
        for before, word in zip(["", *words], words, strict=False)
        if word.partition("=")[0] not in only and before not in only
    ]
    return shlex.join([*kept, *(word for option in only.items() for word in option)])


def show_catalogue(console: Console) -> None:
    """Print detectors with input, track, paper and availability; datasets; protocols."""
    available, unavailable = registry.detectors()
    table = Table("detector", "input", "track", "idea and source", box=None, pad_edge=False)
    for name in available:
        table.add_row(name, *map(escape, described(name)))
    for entry in unavailable:
        table.add_row(entry.name, "", "", f"unavailable: {escape(entry.reason)}", style="yellow")
    console.print(table)
    console.print(f"\ndatasets   {', '.join(f'{name} ({cls.title})' for name, cls in DATASETS.items())}", markup=False)
    console.print(f"splits     {', '.join(SPLIT_RULES)}")
    console.print(f"channels   0 and any other index, {', '.join(CHANNEL_RULES)}")


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


def show_checks(label: str, detector: Detector, console: Console) -> bool:
    """Run the conformance checks on one detector, print a verdict per check, and return whether all passed."""
    verdicts = run_checks(detector)
    console.print(f"{label}: {detector!r}", markup=False)
    for verdict in verdicts:
        mark = "[green]ok  [/green]" if verdict.ok else "[red]FAIL[/red]"
        console.print(f"  {mark} {verdict.name}{': ' + escape(verdict.message) if verdict.message else ''}")
    return all(verdict.ok for verdict in verdicts)


def export(corpus: Synthetic, directory: Path, console: Console) -> None:
    """Write the synthetic corpus as WAV files under a progress bar."""
    from benchmarks.datasets.synthetic import export_corpus

    clips = len(corpus.clips())
    with Progress(BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task("clips", total=clips)
        export_corpus(corpus, directory, lambda: progress.advance(task))
    console.print(f"Wrote {clips} clips of the SYNTHETIC corpus to {directory}", markup=False)
