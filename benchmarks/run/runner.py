"""The runner: computes the features of a plan, then its cells, in parallel, and writes each cell when it ends.

A cell that fails is a result like any other, with its reason and traceback; the run goes on. Every cell runs with the
same number of threads whatever the number of jobs, so that scores do not depend on `--jobs`.
"""

import os
import pickle
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cloudpickle
import joblib
from joblib.externals.loky.process_executor import TerminatedWorkerError
from threadpoolctl import threadpool_limits

from benchmarks.run.execution import execute, fail
from benchmarks.run.plan import Group, GroupKey, Job, Plan
from benchmarks.run.record import Record, record_of
from benchmarks.run.result_fields import Status
from benchmarks.run.store import Store
from detectors.contract.registry import load_plugin
from features import Feature, InputError
from features.cache import FeatureCache
from features.errors import UnreadableClip

FeatureFailures = Mapping[Feature, str]  # the features of one group that failed, and why


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
        return [job for job in plan.jobs if force or not self._done(record_of(plan, job, self._how), job)]

    @property
    def _how(self) -> dict[str, object]:
        return {"command": self.command, "threads": self.threads, "plugins": list(self.plugins)}

    def _done(self, record: Record, job: Job) -> bool:
        return all(self.store.is_done(cell, record.identity) for cell in job.cells)

    def compute_features(self, plan: Plan, jobs: Sequence[Job]) -> Iterator[tuple[Group, FeatureFailures]]:
        """Fill the cache, one pass over the audio per group; yield each group as it ends, with what failed.

        Hand the failures to `run`, which writes them into the cells that need these features. Raises `InputError`
        before the first feature where results cannot be written.
        """
        if jobs:
            self.store.check_writable()
        wanted: dict[GroupKey, tuple[Group, dict[Feature, None]]] = {}
        for job in jobs:
            for group in job.groups:
                if group.split is not None:
                    _, features = wanted.setdefault(group.key, (group, {}))
                    features.update(dict.fromkeys(job.features))
        tasks = [
            (group, (_fill_cache, self.cache, group, tuple(features), plan.dataset.sample_rate))
            for group, features in wanted.values()
        ]
        for group, failures in self._run(tasks):
            yield group, ({} if isinstance(failures, Exception) else failures)  # its cells meet what ended the worker

    def run(
        self, plan: Plan, jobs: Sequence[Job], failures: Mapping[GroupKey, FeatureFailures] | None = None
    ) -> Iterator[tuple[Job, str]]:
        """Run jobs; yield each, once its cells are written, with its failure in a line ("" where all are ok).

        failures: of the features of each group; cells that need one of these fail without another try.
        Raises `InputError` where results cannot be written; what was written before stays.
        """
        records = {id(job): record_of(plan, job, self._how) for job in jobs}
        lost = {id(job): _lost_feature(job, failures or {}) for job in jobs}
        for job in jobs:
            if lost[id(job)]:
                yield job, fail(self.store, job, records[id(job)], Status.ERROR, lost[id(job)])
        ready = [job for job in jobs if not lost[id(job)]]
        tasks = [(job, (execute, self.store, self.cache, job, records[id(job)], self.diagnose)) for job in ready]
        for job, outcome in self._run(tasks):
            if isinstance(outcome, TerminatedWorkerError):
                reason = "the worker process was killed, most often for lack of memory; try fewer --jobs"
                outcome = fail(self.store, job, records[id(job)], Status.OUT_OF_MEMORY, reason)
            elif isinstance(outcome, Exception):
                reason = f"the job could not be handed to a worker process: {type(outcome).__name__}: {outcome}"
                outcome = fail(self.store, job, records[id(job)], Status.ERROR, reason)
            yield job, outcome

    def _run(self, tasks: Sequence[tuple[Any, tuple]]) -> Iterator[tuple[Any, Any]]:
        """Run `(function, *arguments)` of each task in worker processes; yield `(key, value)` as they end.

        Where a worker dies, the tasks that may have been in flight are run again one at a time, so that only the one
        that kills its worker is lost; its value is the exception, as is that of a task that cannot be pickled.
        """
        waiting = dict(enumerate(tasks))
        while waiting:
            try:
                for index, value in self._parallel({i: call for i, (_, call) in waiting.items()}, self.n_jobs):
                    yield waiting.pop(index)[0], value
            except TerminatedWorkerError:
                for index in list(waiting)[: 2 * self.n_jobs]:
                    yield waiting[index][0], self._alone(index, waiting.pop(index)[1])

    def _alone(self, index: int, call: tuple) -> object:
        try:
            return next(self._parallel({index: call}, 2))[1]  # 2: with one job joblib would not start a process
        except TerminatedWorkerError as error:
            return error

    def _parallel(self, calls: dict[int, tuple], n_jobs: int) -> Iterator[tuple[int, object]]:
        # loky replaces a worker that has grown by 300 MB, which importing torch does; that is no news for a user
        warnings.filterwarnings("ignore", "A worker stopped while some jobs were given", UserWarning)
        with joblib.parallel_config("loky", inner_max_num_threads=self.threads):
            parallel = joblib.Parallel(n_jobs, return_as="generator_unordered", pre_dispatch="n_jobs", batch_size=1)
        task = joblib.delayed(_in_worker)
        yield from parallel(task(i, _pickled(call), self.threads, self.plugins) for i, call in calls.items())


def _pickled(call: tuple) -> bytes | Exception:
    try:
        return cloudpickle.dumps(call)
    except Exception as error:  # of a detector with a field that no other process can have, such as an open file
        return RuntimeError(str(error))


def _in_worker(
    index: int, pickled_call: bytes | Exception, threads: int, plugins: tuple[str, ...]
) -> tuple[int, object]:
    if isinstance(pickled_call, Exception):
        return index, pickled_call
    for plugin in plugins:
        load_plugin(plugin)
    try:
        function, *arguments = pickle.loads(pickled_call)
    except Exception as error:
        return index, error
    _limit_threads(threads)
    return index, function(*arguments)


def _limit_threads(threads: int) -> None:
    os.environ.update({f"{library}_NUM_THREADS": str(threads) for library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR")})
    threadpool_limits(threads)  # libraries that are loaded; those above are for the ones that are not yet
    if (torch := sys.modules.get("torch")) is not None:
        torch.set_num_threads(threads)


def _fill_cache(cache: FeatureCache, group: Group, features: tuple[Feature, ...], sample_rate: int) -> FeatureFailures:
    """Compute the features of a group; return those that failed, each with its reason in a line."""
    try:
        cache.ensure([clip.audio for clip in group.clips], group.channel, features, sample_rate)
    except Exception as error:
        if len(features) == 1 or isinstance(error, UnreadableClip):
            message = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
            return dict.fromkeys(features, message)
        each = (_fill_cache(cache, group, (feature,), sample_rate) for feature in features)  # one costs no other
        return {feature: message for failed in each for feature, message in failed.items()}
    return {}


def _lost_feature(job: Job, failures: Mapping[GroupKey, FeatureFailures]) -> str:
    """Why a job cannot have its features, "" if it can."""
    for group in job.groups:
        for feature in job.features:
            if message := failures.get(group.key, {}).get(feature):
                return message
    return ""
