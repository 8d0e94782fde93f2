"""Progress in a log: a line per finished share, with time, what is done, what is left and what failed."""

import io
import re

import pytest
from rich.console import Console

from benchmarks.cli.progress import progress_of, time_text


def lines_of(works, failures=()):
    console = Console(file=io.StringIO(), width=120)
    with progress_of("cells", sum(works), len(works), console) as advance:
        for number, work in enumerate(works):
            advance(work, 1, int(number in failures))
    return console.file.getvalue().splitlines()


def test_a_log_gets_a_line_per_share_and_one_at_the_end():
    lines = lines_of([1.0] * 200)
    assert len(lines) == 20
    assert re.fullmatch(r"\d\d:\d\d:\d\d cells +5%  10 of 200, 0 failed  after \d+ s, \d+ s left", lines[0])
    assert re.fullmatch(r"\d\d:\d\d:\d\d cells +100%  200 of 200, 0 failed  after \d+ s, done", lines[-1])


def test_shares_are_of_the_expected_time_and_failures_are_counted():
    lines = lines_of([9.0, 0.1, 0.1, 0.8], failures={1, 2})
    assert [line.split()[2] for line in lines] == ["90%", "100%"]
    assert "4 of 4, 2 failed" in lines[-1]


@pytest.mark.parametrize(("seconds", "text"), [(0.2, "0 s"), (59.4, "59 s"), (60, "1 min"), (7260, "2 h 01 min")])
def test_durations_are_for_people(seconds, text):
    assert time_text(seconds) == text
