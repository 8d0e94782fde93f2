"""Options as values: each is a Typer option of its own, its words are those of the library, --help shows brackets."""

from typing import get_args

import typer

import run_all as command_line
from benchmarks.cli.options import BudgetWord, CorpusOptions, SplitWord, with_options
from benchmarks.run.protocols import SPLIT_RULES
from detectors.contract.variants import with_budget
from tests.support.command_line import run_all


def test_the_words_of_split_and_budget_are_those_of_the_library():
    assert get_args(SplitWord) == SPLIT_RULES
    assert [with_budget("dense_ae", word) for word in get_args(BudgetWord)]


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
