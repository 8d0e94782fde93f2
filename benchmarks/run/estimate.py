"""How long a plan will take, from how long its detectors took before: here, or in the results that are committed.

A run has two passes. The features of a group of clips are computed once, whatever the number of detectors that need
them; only what the cache lacks is counted. Then each detector is fitted and scores.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from benchmarks.run.plan import Group, GroupKey, Job, Plan
from features import Feature
from features.cache import FeatureCache

REFERENCE = Path(__file__).parents[2] / "results" / "reference"  # the committed tables
_NUMBERS = [
    "n_train",
    "n_normal",
    "n_abnormal",
    "fit_seconds",
    "score_seconds",
    "score_seconds_without_features",
]
_NEEDED = ["detector", "dataset", *_NUMBERS]


@dataclass(frozen=True)
class Estimate:
    """Expected seconds on one core."""

    features: float  # of all feature passes
    jobs: Sequence[float | None]  # fit and scores of each job, None where its detector was never timed
    untimed: Sequence[str]  # labels of detectors that were never timed

    @property
    def known(self) -> float:
        """Expected seconds of everything that was timed before."""
        return self.features + sum(seconds for seconds in self.jobs if seconds is not None)

    @property
    def weights(self) -> list[float]:
        """Expected seconds of each job, for progress; a job that was never timed counts as an average one."""
        known = [seconds for seconds in self.jobs if seconds is not None]
        average = sum(known) / len(known) if known else 1.0
        return [average if seconds is None else seconds for seconds in self.jobs]


def estimate(plan: Plan, jobs: Sequence[Job], cache: FeatureCache, results: Path) -> Estimate:
    """Estimate jobs of a plan. `results`: the folder of all results, whose timings count beside the committed ones.

    Time is taken to grow with the number of clips, so longer clips, or all channels of them, take longer than this.
    Features are timed per corpus: those of a corpus that was never timed are not counted.
    """
    timings = _timings(results)
    rate = _per_clip(timings, "fit_seconds", "score_seconds_without_features")
    seconds = [_of_job(job, rate) for job in jobs]
    untimed = sorted({job.cells[0].detector for job, found in zip(jobs, seconds, strict=True) if found is None})
    here = timings[timings["dataset"] == plan.dataset.name]
    return Estimate(_of_features(plan, jobs, cache, _feature_rates(here)), seconds, untimed)


def _of_job(job: Job, rate: dict[str, float]) -> float | None:
    label = job.cells[0].detector
    n_clips = sum(len(group.clips) for group in job.groups)
    return rate[label] * n_clips if label in rate else None


def _of_features(plan: Plan, jobs: Iterable[Job], cache: FeatureCache, rates: dict[str, float]) -> float:
    """Expected seconds of the feature passes that the cache does not save."""
    wanted: dict[GroupKey, tuple[Group, dict[tuple[Feature, ...], float]]] = {}
    for job in jobs:
        for group in job.groups:
            _, costs = wanted.setdefault(group.key, (group, {}))
            costs[job.features] = rates.get(job.cells[0].detector, 0.0)
    return sum(len(group.clips) * _of_pass(_missing(plan, group, costs, cache)) for group, costs in wanted.values())


def _missing(plan: Plan, group: Group, costs: dict[tuple[Feature, ...], float], cache: FeatureCache) -> list[float]:
    """The seconds per clip of each feature that the cache lacks."""
    if group.split is None:
        return []
    sources = [clip.audio for clip in group.clips]
    found = []
    for features, cost in costs.items():
        if not all(cache.holds(sources, group.channel, feature, plan.dataset.sample_rate) for feature in features):
            found.append(cost)
    return found


def _of_pass(costs: Sequence[float]) -> float:
    """Seconds per clip of one pass for several features.

    Each cost includes reading the clip, which a pass does once. The cheapest feature costs little more than reading, so
    it stands in for the reading that the others would count again.
    """
    return sum(costs) - (len(costs) - 1) * min(costs) if costs else 0.0


def _feature_rates(timings: pd.DataFrame) -> dict[str, float]:
    """Detector -> seconds per clip of reading and computing its features."""
    seconds = timings["score_seconds"] - timings["score_seconds_without_features"]
    rates = (seconds / (timings["n_normal"] + timings["n_abnormal"])).groupby(timings["detector"]).median().dropna()
    return {str(name): float(rate) for name, rate in rates.items()}


def _per_clip(timings: pd.DataFrame, *columns: str) -> dict[str, float]:
    """Detector -> median seconds per clip of these columns together."""
    clips = timings["n_train"] + timings["n_normal"] + timings["n_abnormal"]
    rates = (timings[list(columns)].sum(axis=1) / clips).groupby(timings["detector"]).median()
    return {str(name): float(rate) for name, rate in rates.items()}


def _timings(results: Path) -> pd.DataFrame:
    """The timed cells of all tables, those that are committed and those in `results`."""
    files = [*REFERENCE.glob("*/*/results.csv"), *results.glob("*/*/results.csv")]
    tables = [table for table in map(_read, filter(Path.is_file, files)) if not table.empty]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=_NEEDED)


def _read(file: Path) -> pd.DataFrame:
    """The finished cells of one table; none where it is damaged or has no timings.

    A table from before the column `score_seconds_without_features` is read as if its fastest scores were all features,
    as those of `loudness` are.
    """
    try:
        table = pd.read_csv(file, dtype={"detector": str, "dataset": str})
        done = table[(table["status"] == "ok") & table["score_seconds"].notna()]
        done = done.assign(**{name: pd.to_numeric(done[name], errors="coerce") for name in _NUMBERS if name in done})
        if "score_seconds_without_features" not in table:
            done = done.assign(score_seconds_without_features=done["score_seconds"] - done["score_seconds"].min())
        return _plausible(done[_NEEDED])
    except (OSError, ValueError, KeyError):
        return pd.DataFrame(columns=_NEEDED)


def _plausible(timings: pd.DataFrame) -> pd.DataFrame:
    """Without rows in which a number is missing, negative or not finite, or no clip was scored."""
    possible = timings[_NUMBERS].map(lambda number: 0 <= number < float("inf")).all(axis=1)
    scored = timings["n_normal"] + timings["n_abnormal"] > 0
    return timings[possible & scored & timings["detector"].notna()]
