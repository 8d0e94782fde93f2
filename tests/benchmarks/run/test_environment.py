"""Where a number was measured: `dirty` says whether the code was that of the commit."""

import json
import shutil
import subprocess
import sys

import pytest

from tests.support.command_line import ROOT

CODE = "import json; from benchmarks.run.environment import environment; print(json.dumps(environment()))"


def git(folder, *arguments):
    identity = ["-c", "user.name=tests", "-c", "user.email=tests@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def committed(tmp_path_factory):
    """A repository with a copy of the code, everything committed."""
    folder = tmp_path_factory.mktemp("project") / "asdbench"
    folder.mkdir()
    for package in ("benchmarks", "detectors", "features"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "all")
    return folder


def environment_of(folder):
    found = subprocess.run([sys.executable, "-c", CODE], cwd=folder, capture_output=True, text=True, check=True)
    return json.loads(found.stdout)


def test_the_code_of_a_commit_is_not_dirty(committed):
    found = environment_of(committed)
    assert found["dirty"] is False
    assert len(found["commit"]) == 40


@pytest.mark.parametrize(
    "file", ["detectors/knn.py", "features/log_mel.py", "benchmarks/metrics.py", "detectors/new.py"]
)
def test_an_edited_or_an_untracked_file_anywhere_is_dirty(committed, tmp_path, file):
    folder = shutil.copytree(committed, tmp_path / "copy")
    with open(folder / file, "a") as code:
        code.write("# edited\n")
    assert environment_of(folder)["dirty"] is True


def test_without_a_repository_nothing_is_known(committed, tmp_path):
    folder = shutil.copytree(committed, tmp_path / "copy", ignore=shutil.ignore_patterns(".git"))
    found = environment_of(folder)
    assert (found["commit"], found["dirty"]) == (None, None)
