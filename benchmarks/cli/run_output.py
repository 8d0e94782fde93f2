"""Terminal output of the run and of the commands about detectors: the plan, the progress, the failures, the tables."""

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console

from benchmarks.cell import snr_text
from benchmarks.cli.progress import progress_of, time_text
from benchmarks.evaluation.means import SET
from benchmarks.evaluation.operating_points import CLIPS_PER_DAY
from benchmarks.evaluation.thresholds import clips_needed
from benchmarks.reporting.leaderboard_files import Report
from benchmarks.reporting.leaderboard_table import leaderboard_table
from benchmarks.reporting.render_terminal import terminal
from benchmarks.run.estimate import Estimate, estimate
from benchmarks.run.plan import GroupKey, Job, Plan
from benchmarks.run.protocols import split_text
from benchmarks.run.runner import GroupFeatures, Runner


def say_that_synthetic(console: Console) -> None:
    console.print(
        "MIMII is not here, so this runs on the SYNTHETIC corpus. To run on MIMII: python run_all.py "
        "download mimii (Zenodo record 3384388), or name its folder with --data DIR.",
        style="yellow",
    )


def run(plan: Plan, runner: Runner, force: bool, left_out: Sequence[str], console: Console) -> list[tuple[Job, str]]:
    """Print the plan, run what is not done under a progress bar, and return the jobs that failed with their reason.

    left_out: a line for each detector that is not in the plan because it cannot be made.
    """
    runner.store.sweep()
    jobs = runner.pending(plan, force)
    expected = estimate(plan, jobs, runner.cache, runner.store.root.parent.parent)
    _print_plan(plan, runner, jobs, left_out, console)
    if not jobs:
        console.print("Nothing to do: every cell is done. --force runs them again.")
        return []
    console.print(f"estimate  {_estimate_text(expected, runner.n_jobs)}", markup=False)
    features = _compute_features(plan, runner, jobs, console)
    return _run_cells(plan, runner, jobs, expected, features, console)


def _compute_features(plan: Plan, runner: Runner, jobs: list[Job], console: Console) -> dict[GroupKey, GroupFeatures]:
    """Fill the cache; return what it holds of each group."""
    n_groups = len({group.key for job in jobs for group in job.groups if group.split is not None})
    features = {}
    with progress_of("features", n_groups, n_groups, console) as advance:
        for group, found in runner.compute_features(plan, jobs):
            features[group.key] = found
            advance(1, 1, 1 if found.failures else 0)
    return features


def _run_cells(
    plan: Plan,
    runner: Runner,
    jobs: list[Job],
    expected: Estimate,
    features: Mapping[GroupKey, GroupFeatures],
    console: Console,
) -> list[tuple[Job, str]]:
    """Run the jobs; return those that failed, with their reason."""
    weights = {id(job): weight for job, weight in zip(jobs, expected.weights, strict=True)}
    failed = []
    with progress_of("cells", sum(weights.values()), sum(len(job.cells) for job in jobs), console) as advance:
        for job, failure in runner.run(plan, jobs, features):
            advance(weights[id(job)], len(job.cells), len(job.cells) if failure else 0)
            if failure:
                failed.append((job, failure))
    return failed


def _print_plan(plan: Plan, runner: Runner, jobs: list[Job], left_out: Sequence[str], console: Console) -> None:
    labels = list(dict.fromkeys(cell.detector for cell in plan.cells))
    n_cells, n_left = len(plan.cells), sum(len(job.cells) for job in jobs)
    machines = ", ".join(sorted({group.machine for group in plan.groups}))
    snrs = ", ".join(dict.fromkeys(snr_text(group.snr_db) for group in plan.groups))
    n_clips = sum(len(group.clips) for group in plan.groups)
    console.print(f"corpus    {plan.dataset.full_title}: {machines}; {snrs}; {n_clips} clips", markup=False)
    split = split_text(plan.protocol.split, plan.protocol.calibrate)
    console.print(f"protocol  split {split}, channel {plan.protocol.channel}")
    if plan.protocol.calibrate:
        console.print(_held_out_text(plan), soft_wrap=True)
    console.print(f"detectors {', '.join(labels)}", markup=False)
    for line in (*left_out, *plan.left_out):
        console.print(line, style="yellow", markup=False, soft_wrap=True)
    console.print(f"cells     {n_cells}, of which {n_cells - n_left} are done and {n_left} are to do")


def _held_out_text(plan: Plan) -> str:
    """How many clips are held out for thresholds, and which false-alarm rates they can guarantee."""
    fewest = min((len(group.split.validation) for group in plan.groups if group.split), default=0)
    best = f"{CLIPS_PER_DAY / (fewest + 1):.4g} false alarms a day at best, at {CLIPS_PER_DAY:g} clips a day"
    needed = clips_needed(1 / CLIPS_PER_DAY)
    return f"held out  {fewest} normal clips or more per unit: they guarantee {best}; 1 a day needs {needed} of them"


def _estimate_text(expected: Estimate, n_jobs: int) -> str:
    """`about 5 min with 2 jobs; not known yet for conv2d_ae`."""
    known = f"about {time_text(expected.known / n_jobs)} with {n_jobs} job{'s' * (n_jobs > 1)}"
    untimed = f"not known yet for {', '.join(expected.untimed)}" if expected.untimed else ""
    return "; ".join(filter(None, [known if expected.known else "", untimed]))


def show(
    report: Report, plan: Plan, runner: Runner, failures: list[tuple[Job, str]], files: list[Path], console: Console
) -> None:
    """Print the leaderboard of the files, what failed and how to repeat it, and where the files are.

    report: that of all results in the store. Where the run was on fewer sets, a line says how to get their table.
    """
    root = runner.store.root
    console.print(terminal(leaderboard_table(report.board, report.caption), console.width))
    if len(plan.groups) < len(report.chosen[SET].drop_duplicates()):
        console.print(
            f"The table is on all stored results. This run alone: {_report_of(plan, root)}",
            markup=False,
            soft_wrap=True,
        )
    for job, failure in failures:
        console.print(f"failed: {job.cells[0]}: {failure}", style="red", markup=False)
        console.print(f"  again: {_repeat(job, runner.command)}", markup=False, soft_wrap=True)
    console.print(f"Files: {root}{os.sep} {', '.join(file.name for file in files)}", markup=False, soft_wrap=True)


def _report_of(plan: Plan, root: Path) -> str:
    """The command that builds the tables on the sets of a plan."""
    snrs = dict.fromkeys(f"{group.snr_db:g}" for group in plan.groups if group.snr_db is not None)
    only = {
        "--machines": dict.fromkeys(group.machine for group in plan.groups),
        "--units": dict.fromkeys(group.unit for group in plan.groups),
    } | ({"--snrs": snrs} if snrs else {})
    words = [word for option, values in only.items() for word in (option, ",".join(values))]
    return shlex.join(["python", "run_all.py", "report", str(root), *words])


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
