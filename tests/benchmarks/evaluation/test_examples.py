"""The examples in the docstrings run and give what they show."""

import doctest
import importlib

import pytest

MODULES = (
    "benchmarks.metrics",
    "benchmarks.evaluation.comparison",
    "benchmarks.evaluation.intervals",
    "benchmarks.evaluation.leaderboard",
    "benchmarks.evaluation.means",
    "benchmarks.evaluation.operating_points",
    "benchmarks.evaluation.significance",
    "benchmarks.evaluation.thresholds",
)


@pytest.mark.parametrize("module", MODULES)
def test_examples_run(module):
    result = doctest.testmod(importlib.import_module(module))
    assert result.attempted
    assert not result.failed
