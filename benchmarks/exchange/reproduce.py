"""Run one result again, and say whether the scores are the same: equal, within tolerance, or different and where.

The job is rebuilt from result.json (corpus, split, channel, detector, seed, threads, all units of the fit) and runs
into a temporary store with a temporary cache. Then the two score tables are compared.
"""

import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from benchmarks.datasets import Dataset, Synthetic, open_dataset
from benchmarks.exchange.result_difference import changed_files, changed_lines, conditions, unnoticed_change
from benchmarks.exchange.score_difference import Verdict, compare_scores
from benchmarks.exchange.submitted_files import check_cell
from benchmarks.exchange.trusted_names import check_trusted
from benchmarks.run.plan import Plan, Selection, make_plan
from benchmarks.run.result import Result
from benchmarks.run.result_fields import Status
from benchmarks.run.runner import Runner
from benchmarks.run.store import Store
from detectors.contract.variants import create
from features import InputError
from features.cache import FeatureCache

MOST_THREADS = 1024  # as for --threads


@dataclass(frozen=True)
class Reproduction:
    """The comparison of a result with its rerun."""

    cell: str
    verdict: Verdict  # "equal" (bit for bit), "within tolerance" (1e-6 of each score) or "different"
    where: str  # the first clip that differs, by how much, and how many differ; "" if equal
    changed: list[str]  # files of the result that changed after it was written, and where
    conditions: list[str]  # what differs in code, corpus, versions, hardware or commit


def reproduce(file: Path, dataset: Dataset, folder: Path | None = None, trusted: Collection[str] = ()) -> Reproduction:
    """Run the result in `file`, a result.json, again; dataset: its corpus, see `reopen_dataset`.

    Load the detectors of plugins first. The temporary store is made in `folder`. trusted: models and files that the
    result may name; nothing else outside this program is loaded or run for it. Raises `InputError` where the result
    cannot be read, is imported, names what is not trusted, or no longer fits the corpus or the detectors.
    """
    before = read_result(file)
    changed = changed_files(file, before)
    with tempfile.TemporaryDirectory(prefix="asdbench-", dir=folder) as temporary:
        try:
            _check(before, trusted)
            again, now = _run_again(before, dataset, Path(temporary))
        except InputError as error:
            plugins = " ".join(f"--plugin {plugin}" for plugin in before.plugins)
            hint = [f"the run had {plugins}"] if plugins else []
            raise InputError("; ".join([f"{file}: cannot be run again: {error}", *hint, *changed])) from error
        differing = conditions(before, now)
        changed += unnoticed_change(file.parent, differing) + changed_lines(file.parent, again)
        verdict, where = _compare(file.parent, before, again, now)
        return Reproduction(_name(before), verdict, where, changed, differing)


def read_result(file: Path) -> Result:
    """Read a result.json that can be run again. Raises `InputError` where it is broken or imported, or no plain file.

    The files beside it are read too; none may be a link, a pipe or a device, or too large.
    """
    check_cell(file.parent)
    result = Result.read(file)
    if result.scores_only:
        raise InputError(f"{file}: imported scores, computed elsewhere; only their authors can repeat them")
    return result


def reopen_dataset(result: Result, data: Path | None) -> Dataset:
    """Open the corpus of a result; data: the folder of its recordings, which a result does not say.

    Raises `InputError` where the corpus cannot be opened.
    """
    if result.config.dataset != Synthetic.name:
        return open_dataset(result.config.dataset, data)
    snrs_db = () if result.snr_db is None else (result.snr_db,)
    return Synthetic.of_identity(
        result.config.dataset_identity, machines=(result.machine,), units=result.units, snrs_db=snrs_db
    )


def _check(result: Result, trusted: Collection[str]) -> None:
    """Raise `InputError` where running a result again would run foreign code, or take more than a run may take."""
    check_trusted(result.detector, trusted)
    if (result.config.threads or 1) > MOST_THREADS:
        raise InputError(f"config.threads is {result.config.threads}; a run has at most {MOST_THREADS}")


def _run_again(result: Result, dataset: Dataset, folder: Path) -> tuple[Path, Result]:
    """Run the job of a result; return the folder of its cell and the new result."""
    plan = _plan(result, dataset)
    runner = Runner(Store(folder / "results"), FeatureCache(folder / "features"), threads=result.config.threads or 1)
    for _ in runner.run(plan, plan.jobs):
        pass
    (cell,) = [cell for cell in plan.cells if cell.unit == result.unit]  # without a seed, that of the cell may differ
    again = runner.store.root / cell.folder
    return again, Store.result(again)


def _plan(result: Result, dataset: Dataset) -> Plan:
    """The one job of a result. Raises `InputError` where it no longer fits the corpus or the detectors."""
    if result.unit not in result.units:
        raise InputError(f"unit is {result.unit!r}, but the fit was on {', '.join(result.units)}")
    snrs_db = () if result.snr_db is None else (result.snr_db,)
    return make_plan(
        dataset,
        result.protocol_rules,
        {result.detector: create(result.detector)},
        (result.seed,),
        Selection((result.machine,), result.units, snrs_db, result.quick),
        result.device or "auto",
    )


def _compare(stored: Path, before: Result, again: Path, now: Result) -> tuple[Verdict, str]:
    if (before.status, now.status) == (Status.OK, Status.OK):
        return compare_scores(stored / "scores.csv", again / "scores.csv")
    if (before.status, before.message) == (now.status, now.message):
        return "equal", ""
    return "different", f"status {before.status} ({before.message}) then, {now.status} ({now.message}) now"


def _name(result: Result) -> str:
    level = "" if result.snr_db is None else f" at {result.snr_db:g} dB"
    return f"{result.detector} on {result.machine} {result.unit}{level}, seed {result.seed}"
