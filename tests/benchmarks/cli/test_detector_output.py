"""The list of detectors, the card of one, and the verdicts of the checks, as a person reads them."""

import io
from dataclasses import dataclass

import numpy as np
import pytest
from rich.console import Console

from benchmarks.cli.detector_output import show_card, show_catalogue, show_checks
from benchmarks.reporting.detector_cards import committed_times
from detectors import Detector
from detectors.contract import registry
from detectors.contract.checks import CHECKS
from detectors.contract.registry import detectors, load_plugin
from detectors.contract.variants import create
from features import Feature, Level
from tests.support.command_line import ROOT


@pytest.fixture
def console():
    return Console(file=io.StringIO(), width=200)


def printed(console):
    return console.file.getvalue().splitlines()


def test_the_list_fits_80_columns_with_a_line_per_detector_its_cost_and_its_budget(console):
    show_catalogue(console)
    lines = printed(console)
    assert max(map(len, lines)) <= 80
    words = [line.split() for line in lines]
    available, unavailable = detectors()
    names = [*available, *(entry.name for entry in unavailable)]
    assert [line[0] for line in words[1 : 1 + len(names)]] == names
    vae = next(line for line in words if line[0] == "vae")
    assert vae[1:5] == [f"{committed_times()['vae'].fit:.1g}", "s", "epochs", "15/50"]
    assert any("cross-unit track" in line for line in lines if line.startswith("stgram"))


def test_the_long_list_states_input_and_source(console):
    show_catalogue(console, long=True)
    (line,) = [line for line in printed(console) if line.startswith("iforest ")]
    assert "PooledLogMel" in line
    assert "Liu, Ting and Zhou, 2008" in line


def test_the_card_of_a_detector_explains_its_fields(console):
    show_card("vae", console)
    text = " ".join(printed(console))
    for part in ("consecutive frames in one input vector", "at least 1", "epochs=15", "Kingma 2013", "s to fit"):
        assert part in text


@dataclass
class Broken(Detector):
    """Cannot be fitted."""

    feature: Feature = Level()

    def fit(self, clips):
        raise ValueError("no such column [bold]")

    def score(self, clips):
        return np.zeros(len(clips))


def test_one_cause_is_told_once_with_the_checks_that_fail_for_it_and_a_total(console):
    assert not show_checks("broken", Broken(), console)
    text = "\n".join(printed(console))
    assert text.count("FAIL") == text.count("no such column [bold]") == 1
    assert "The rule: `fit` returns the detector that it was called on." in text
    same = text.partition("The same in: ")[2]
    assert "direction" in same
    assert "alone" in same
    assert printed(console)[-1] == f"broken: 3 of {len(CHECKS)} checks passed"


def test_the_network_of_the_documentation_keeps_the_contract(console, tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "_registered", dict(registry._registered))  # other tests do not see it
    page = (ROOT / "docs/writing_a_detector.md").read_text(encoding="utf-8")
    plugin = tmp_path / "my_linear.py"
    plugin.write_text(page.partition("```python\n")[2].partition("```")[0])
    (name,) = load_plugin(plugin)
    assert show_checks(name, create(name), console)
    assert f"my_linear: {len(CHECKS)} of {len(CHECKS)} checks passed" in printed(console)
