"""The runner: computes the features of a plan, then its cells, in parallel, and writes each cell when it ends.

A cell that fails is a result like any other, with its reason and traceback; the run goes on. Every cell runs with the
same number of threads whatever the number of jobs, so that scores do not depend on `--jobs`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.run.cell_writer import write_cells
from benchmarks.run.execution import Ended, Task, UnitClips, execute
from benchmarks.run.plan import Group, GroupKey, Job, Plan
from benchmarks.run.record import record_of
from benchmarks.run.result_fields import Status
from benchmarks.run.store import Store
from benchmarks.run.workers import Killed, Workers
from features import AudioSource, ChannelSelection, Feature, InputError
from features.cache import FeatureCache
from features.errors import UnreadableClip


@dataclass(frozen=True)
class GroupFeatures:
    """What the cache holds of one group: the entry of each feature, or why there is none."""

    entries: Mapping[Feature, Path] = field(default_factory=dict)
    failures: Mapping[Feature, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Runner:
    """Where a run reads and writes, and how much of the machine it may take."""

    store: Store
    cache: FeatureCache
    n_jobs: int = 1
    threads: int = 1  # per cell
    plugins: tuple[str, ...] = ()  # files that define detectors, for worker processes to load first
    command: str = ""  # the command line, for the record
    diagnose: bool = False  # write the test AUC after each epoch to history.csv; nothing may be chosen by it

    def pending(self, plan: Plan, force: bool = False) -> list[Job]:
        """The jobs with a cell that is not done."""
        return [job for job in plan.jobs if force or not self._is_done(plan, job)]

    @property
    def _how(self) -> dict[str, object]:
        return {"command": self.command, "threads": self.threads, "plugins": list(self.plugins)}

    def _is_done(self, plan: Plan, job: Job) -> bool:
        identity = record_of(plan, job, self._how).identity
        return all(self.store.is_done(cell, identity) for cell in job.cells)

    def compute_features(self, plan: Plan, jobs: Sequence[Job]) -> Iterator[tuple[Group, GroupFeatures]]:
        """Fill the cache, one pass over the audio per group; yield each group as it ends, with what `run` needs.

        Raises `InputError` before the first feature where results cannot be written.
        """
        if jobs:
            self.store.check_writable()
        wanted: dict[GroupKey, tuple[Group, dict[Feature, None]]] = {}
        for job in jobs:
            for group in job.groups:
                if group.split is not None:
                    _, features = wanted.setdefault(group.key, (group, {}))
                    features.update(dict.fromkeys(job.features))
        tasks = []
        for group, features in wanted.values():
            sources = [clip.audio for clip in group.clips]
            call = (_fill_cache, self.cache, sources, group.channel, tuple(features), plan.dataset.sample_rate)
            tasks.append((group, call))
        for group, found in self._workers.run(tasks):
            if isinstance(found, Exception):
                found = GroupFeatures(failures=dict.fromkeys(wanted[group.key][1], f"features: {_reason(found)}"))
            yield group, found

    def run(
        self, plan: Plan, jobs: Sequence[Job], features: Mapping[GroupKey, GroupFeatures] | None = None
    ) -> Iterator[tuple[Job, str]]:
        """Run jobs; yield each, once its cells are written, with its failure in a line ("" where all are ok).

        features: of each group, from `compute_features`; cells that need one that failed fail without another try.
        Without it, the features are computed first.
        Raises `InputError` where results cannot be written; what was written before stays.
        """
        if features is None:
            features = {group.key: found for group, found in self.compute_features(plan, jobs)}
        obstacles = {id(job): _obstacle(job, features) for job in jobs}
        for job in jobs:
            if message := obstacles[id(job)]:
                yield job, self._write(plan, job, Ended(Status.ERROR, message))
        ready = [job for job in jobs if not obstacles[id(job)]]
        tasks = [(job, (execute, _task(job, features, self.diagnose))) for job in ready]
        for job, ended in self._workers.run(tasks):
            if isinstance(ended, Exception):
                killed = isinstance(ended, Killed)
                ended = Ended(Status.OUT_OF_MEMORY if killed else Status.ERROR, _reason(ended))
            yield job, self._write(plan, job, ended)

    def _write(self, plan: Plan, job: Job, ended: Ended) -> str:
        return write_cells(self.store, job, record_of(plan, job, self._how), ended)

    @property
    def _workers(self) -> Workers:
        return Workers(self.n_jobs, self.threads, self.plugins)


def _reason(error: Exception) -> str:
    """Why a call in a worker process has no value."""
    if isinstance(error, Killed):
        return "the worker process was killed, most often for lack of memory; try fewer --jobs"
    return f"the job could not be handed to a worker process: {type(error).__name__}: {error}"


def _obstacle(job: Job, features: Mapping[GroupKey, GroupFeatures]) -> str:
    """Why a job cannot start: a unit that cannot be split, or a feature that failed; "" if it can."""
    problems = [group.problem for group in job.groups]
    lost = [features[group.key].failures.get(feature, "") for group in job.groups for feature in job.features]
    return next(filter(None, [*problems, *lost]), "")


def _task(job: Job, features: Mapping[GroupKey, GroupFeatures], diagnose: bool) -> Task:
    """What a worker process needs of a job: no label, no path, no noise level. Only fits on one unit are watched."""
    units = [
        UnitClips(group.unit, tuple(features[group.key].entries[f] for f in job.features), group.positions)
        for group in job.groups
    ]
    return Task(job.detector, tuple(units), diagnose and job.detector.scope == "unit")


def _fill_cache(
    cache: FeatureCache,
    sources: Sequence[AudioSource],
    channel: ChannelSelection,
    features: tuple[Feature, ...],
    sample_rate: int,
) -> GroupFeatures:
    """Compute the features of a group in one pass; where one fails, each by itself, so that it costs no other."""
    try:
        cache.ensure(sources, channel, features, sample_rate)
        return GroupFeatures({feature: cache.entry(sources, channel, feature, sample_rate) for feature in features})
    except Exception as error:
        if len(features) == 1 or isinstance(error, UnreadableClip):
            message = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
            return GroupFeatures(failures=dict.fromkeys(features, message))
        each = [_fill_cache(cache, sources, channel, (feature,), sample_rate) for feature in features]
        entries = {feature: entry for found in each for feature, entry in found.entries.items()}
        return GroupFeatures(entries, {feature: why for found in each for feature, why in found.failures.items()})
