"""Calls in worker processes: they end in any order, and one that kills its process costs no other call."""

import os
import pickle
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cloudpickle
import joblib
from joblib.externals.loky.process_executor import TerminatedWorkerError
from threadpoolctl import threadpool_limits

from detectors.contract.registry import load_plugin

Killed = TerminatedWorkerError  # the value of a call whose process died


@dataclass(frozen=True)
class Workers:
    """How many calls run at a time, with how many threads each; `plugins` are loaded first."""

    n_jobs: int = 1
    threads: int = 1
    plugins: tuple[str, ...] = ()

    def run(self, tasks: Sequence[tuple[Any, tuple]]) -> Iterator[tuple[Any, Any]]:
        """Run `(key, (function, *arguments))`; yield `(key, value)` as the calls end.

        Where a worker dies, the tasks that may have been in flight are run again one at a time, so that only the one
        that kills its worker is lost; its value is the exception, as is that of a task that cannot be pickled.
        """
        waiting = dict(enumerate(tasks))
        while waiting:
            try:
                for index, value in self._parallel({i: call for i, (_, call) in waiting.items()}, self.n_jobs):
                    yield waiting.pop(index)[0], value
            except Killed:
                for index in list(waiting)[: 2 * self.n_jobs]:
                    yield waiting[index][0], self._alone(index, waiting.pop(index)[1])

    def _alone(self, index: int, call: tuple) -> object:
        try:
            return next(self._parallel({index: call}, 2))[1]  # 2: with one job joblib would not start a process
        except Killed as error:
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
