"""Options as values: each is a Typer option of its own, its words are those of the library, --help shows brackets."""

import io
import signal
import subprocess
import sys
import time
from typing import get_args

import pytest
import typer

import run_all as command_line
from benchmarks.cli.options import BudgetWord, CorpusOptions, SplitWord, VisibleConsole, levels_db, seeds, with_options
from benchmarks.run.protocols import SPLIT_RULES
from detectors.contract.variants import with_budget
from tests.support.command_line import ROOT, run_all


def test_the_words_of_split_and_budget_are_those_of_the_library():
    assert get_args(SplitWord) == SPLIT_RULES
    assert [with_budget("dense_ae", word) for word in get_args(BudgetWord)]


def test_the_console_shows_control_characters_and_obeys_none():
    drawn = io.StringIO()
    console = VisibleConsole(file=drawn, force_terminal=True, width=80, highlight=False)
    console.print("one\x1b[2J two\x1b]0;title\x07", style="red", markup=False, soft_wrap=True)
    assert drawn.getvalue() == "\x1b[31mone\\x1b[2J two\\x1b]0;title\x1b[0m\n"  # Rich itself drops the bell


def test_a_command_gets_the_values_that_were_given_and_the_defaults_of_the_others():
    seen = []
    app = typer.Typer()

    @app.command()
    @with_options
    def command(name: str, corpus: CorpusOptions, loud: bool = False) -> None:
        seen.append((name, corpus, loud))

    app(["x", "--machines", "fan", "--n-channels", "8", "--loud"], standalone_mode=False)
    assert seen == [("x", CorpusOptions(machines="fan", n_channels=8), True)]


def test_no_option_is_lost_between_the_dataclasses_and_the_command_line():
    app = typer.main.get_command(command_line.app)
    names = {name for parameter in app.params for name in parameter.opts}
    assert {"--dataset", "--split", "--detectors", "--plugin", "--n-channels", "--jobs", "--diagnose"} <= names


def test_help_shows_the_brackets_of_a_variant():
    assert "dense_ae[epochs=10]" in run_all("--help").stdout.replace("\n", " ")


def test_seeds_and_levels_are_read_as_tables_print_them():
    assert seeds("0-4,7,2") == (0, 1, 2, 3, 4, 7)
    assert levels_db("6dB, 0,-6dB") == (6.0, 0.0, -6.0)


def test_version_and_the_short_form_of_help():
    assert run_all("--version").stdout.startswith("asdbench 0.")
    assert "--detectors" in run_all("-h").stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_a_run_that_is_stopped_says_how_to_continue_and_leaves_no_traceback(tmp_path, number):
    places = ["--results", tmp_path / "results", "--cache", tmp_path / "cache", "--jobs", "1"]
    options = ["--dataset", "synthetic", "--machines", "fan", "--detectors", "random", *map(str, places)]
    process = subprocess.Popen(
        [sys.executable, "run_all.py", *options], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while process.poll() is None and not list(tmp_path.glob("cache/*.lock")):
        time.sleep(0.01)
    process.send_signal(number)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert "Stopped. What is done is kept; the same command continues from here." in output
    assert "Traceback" not in errors
