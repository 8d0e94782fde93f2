"""Every option and argument of every command against hostile values: success, or one line and exit code 2.

All paths lie in a folder of the test, deep enough for "../..", so that nothing outside can be written. A named pipe
stands for the devices of a system.
"""

import os
import sys

import pytest
import typer

import run_all as command_line
from benchmarks.datasets.synthetic import Synthetic, export_corpus

TEXTS = (
    *("", " ", "\n", "-1", "0", "1.5", "1e400", "nan", "inf", "1_0", "0x10", "²", "٣", "1" * 5000, "a" * 5000),
    *(
        "\0",
        "a\0b",
        "\ud800",
        "é🙂",
        "[",
        "]",
        "[[1],[2]]",
        "knn[k=1|2",
        "{}",
        "%s",
        ";",
        ",",
        ",,",
        "a=b=c",
        "-",
        "--",
    ),
)
PATHS = ("../..", "pipe", "pipe/x")
TINY = "--dataset synthetic --machines fan --units id_00 --snrs 6 --clips 4,2 --seconds 1"
BASE = {  # a cheap command line of each command; most end with an error that comes late
    "run": f"--detectors loudness --channel 9 {TINY}",
    "list": "",
    "check": "",
    "manifest": TINY,
    "download": "mimii --machines crane",
    "doctor": "--data mimii",
    "export-corpus": f"out {TINY}",
    "report": "nothing",
    "clean": "nothing --machines fan",
    "reproduce": "nothing",
    "cite": "--dataset synthetic --detectors knn",
    "import-scores": f"nothing --name x --trained-on y {TINY}",
    "export-scores": "nothing out",
    "verify-results": "nothing",
}
EMPTY = ("", " ", "\n", ",", ",,")  # an empty list is the default: all
ACCEPTED = {
    "run": {"--channel": ("0",)},
    "manifest": {
        "--machines": EMPTY,
        "--units": EMPTY,
        "--snrs": (*EMPTY, "-1", "0", "1.5"),
        "--clips": EMPTY,
        "--seconds": ("1.5", "1_0"),
        "--channel": ("0",),
        "--calibrate": ("0",),
        "--out": TEXTS,  # names of files
    },
    "list": {"name": ("", "--")},
    "export-corpus": {"--machines": ("",)},
    "report": {"directory": ("--",)},  # "--" ends the options, so it is no argument
    "cite": {"--dataset": (*TEXTS, *PATHS), "--detectors": (*TEXTS, *PATHS)},  # names it and cites nothing for it
    "import-scores": {"directory": ("",)},
    "verify-results": {"directory": ("", "../..")},
}
COMMAND = typer.main.get_command(command_line.app)
COMMANDS = {"run": COMMAND, **COMMAND.commands}


def given(command):
    """The names of options with a value, and the first argument."""
    flags = {"--install-completion", "--show-completion"}
    return [p.opts[0] for p in command.params if not getattr(p, "is_flag", False) and not flags & set(p.opts)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    below = tmp_path_factory.mktemp("hostile") / "a" / "b"
    below.mkdir(parents=True)
    os.mkfifo(below / "pipe")
    size = {"normals": 4, "anomalies": 2, "seconds": 1.0}
    export_corpus(Synthetic(machines=("fan",), units=("id_00",), snrs_db=(6.0,), **size), below / "mimii")
    return below


def line(name, option, value):
    """A command line in which one value is hostile."""
    words = BASE[name].split()
    if not option.startswith("--"):
        words = [value, *words[words[:1] != [] and not words[0].startswith("--") :]]
    else:
        if option in words:
            del words[words.index(option) : words.index(option) + 2]
        words.append(f"{option}={value}")
    return words if name == "run" else [name, *words]


def outcome(words, monkeypatch, capsys):
    """The exit code, and what is wrong with the way it ended."""
    monkeypatch.setattr(sys, "argv", ["run_all.py", *words])
    try:
        command_line.main()
    except SystemExit as end:
        errors = capsys.readouterr().err
        wrong = end.code == 2 and (errors.count("\n") != 1 or len(errors) > 1500)
        return end.code or 0, f"not one short line: {errors[:300]}" if wrong else ""
    except Exception as error:
        return None, f"traceback: {error!r:.200}"
    return 0, ""


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", BASE)
def test_hostile_values_are_accepted_or_refused_in_one_line(name, folder, monkeypatch, capsys):
    assert set(BASE) == set(COMMANDS)
    monkeypatch.chdir(folder)
    monkeypatch.delenv("ASDBENCH_DATA", raising=False)
    monkeypatch.setattr(command_line, "app", COMMAND)  # built once
    faults, accepted = [], {}
    for option in given(COMMANDS[name]):
        for value in (*TEXTS, *PATHS):
            code, fault = outcome(line(name, option, value), monkeypatch, capsys)
            faults += [(option, value[:20], fault or f"exit code {code}")] if fault or code not in (0, 1, 2) else []
            if code == 0:
                accepted.setdefault(option, []).append(value)
    assert faults == []
    assert accepted.keys() <= ACCEPTED.get(name, {}).keys()
    for option, values in accepted.items():
        assert set(values) <= set(ACCEPTED[name][option]), option
