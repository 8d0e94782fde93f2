"""How long a plan will take, from how long its detectors took before: here, or in the results that are committed."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from benchmarks.run.plan import Job

REFERENCE = Path(__file__).parents[2] / "results"  # the committed tables


def seconds_of(jobs: Sequence[Job], results: Path) -> list[float | None]:
    """Expected seconds of each job on one core, None where its detector was never timed.

    Time is taken to grow with the number of clips, so longer clips, or all channels of them, take longer than is said.
    """
    rate = _seconds_per_clip(results)
    return [_expected(job, rate) for job in jobs]


def _expected(job: Job, rate: dict[str, float]) -> float | None:
    label = job.cells[0].detector
    n_clips = sum(len(group.clips) for group in job.groups)
    return rate[label] * n_clips if label in rate else None


def _seconds_per_clip(results: Path) -> dict[str, float]:
    files = [*REFERENCE.glob("*/*/results.csv"), *results.glob("*/*/results.csv")]
    tables = [table for table in map(_read, files) if not table.empty]
    if not tables:
        return {}
    rows = pd.concat(tables, ignore_index=True)
    clips = rows["n_train"] + rows["n_normal"] + rows["n_abnormal"]
    per_clip = (rows["fit_seconds"] + rows["score_seconds"]) / clips
    return {str(name): float(s) for name, s in per_clip.groupby(rows["detector"]).median().items()}


def _read(file: Path) -> pd.DataFrame:
    table = pd.read_csv(file)
    return table.loc[
        table["status"] == "ok", ["detector", "n_train", "n_normal", "n_abnormal", "fit_seconds", "score_seconds"]
    ]
