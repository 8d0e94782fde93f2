"""The command line in a process of its own, as a user meets it."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def run_all(*arguments, cwd=ROOT, data=None):
    environment = {k: v for k, v in os.environ.items() if k != "ASDBENCH_DATA"} | {"COLUMNS": "200"}
    if data is not None:
        environment["ASDBENCH_DATA"] = str(data)
    command = [sys.executable, str(ROOT / "run_all.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment)


def options(folder):
    return ["--results", folder / "results", "--cache", folder / "cache", "--jobs", 1]
