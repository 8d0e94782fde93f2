"""docs/for_engineers.md says what the committed table and the conformal rule say, and nothing else."""

import re

import numpy as np
import pandas as pd
import pytest

from benchmarks.evaluation.thresholds import conformal
from benchmarks.reporting import generated_docs as docs

PAGE = (docs.ROOT / "docs" / "for_engineers.md").read_text(encoding="utf-8")


def test_the_rows_are_those_of_the_committed_leaderboard():
    board = pd.read_csv(docs.REFERENCE / "leaderboard.csv").set_index("detector")
    rows = re.findall(r"^\| `(\S+)`.*? \| (\S+) \| (\d+)(=?) \| (\S+) \| (\S+) \|$", PAGE, re.MULTILINE)
    assert len(rows) == 6
    for detector, auc, rank, tied, fit, score in rows:
        row = board.loc[detector]
        assert (auc, int(rank), tied) == (f"{row['auc']:.3f}", row["rank"], "=" * bool(row["tied"])), detector
        assert float(fit) == pytest.approx(row["fit_seconds"], rel=0.01)
        assert float(score) == pytest.approx(row["score_seconds"], rel=0.01)
    assert board["auc"].idxmax() == "vae@cpu"


@pytest.mark.parametrize("n", [19, 99, 999])
def test_the_rates_are_the_lowest_that_so_many_clips_can_guarantee(n):
    kept_back, rate = np.arange(float(n)), 1 / (n + 1)
    assert np.isfinite(conformal(kept_back, rate))
    assert np.isinf(conformal(kept_back, 0.99 * rate))
    numbers = re.search(rf"^\| {n} \| 1 in (\d+) \| (\S+) \| (\S+) \|$", PAGE, re.MULTILINE).groups()
    assert [float(number) for number in numbers] == pytest.approx([n + 1, 60_480 * rate, 168 * rate], rel=0.02)
