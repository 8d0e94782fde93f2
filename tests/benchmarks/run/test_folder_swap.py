"""A stored result is replaced as a whole: by a kill, a refusing disk, or several writers and readers at a time."""

import errno
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks import load_results
from benchmarks.run.cell_removal import remove
from benchmarks.run.folder_swap import make_partial
from benchmarks.run.store import Store
from features import InputError
from tests.support.command_line import ROOT

LIMITED = """
import resource, signal, sys
from pathlib import Path
from benchmarks.run.store import Store
from features import InputError
store, folder = Store(Path(sys.argv[1])), Path(sys.argv[2])
result, scores = store.read(folder)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))  # bytes: a full disk, with another word for it
for action in (lambda: store.write(result, scores), store.check_writable):
    try:
        action()
    except InputError as error:
        print(error)
"""


@pytest.fixture
def store(store_root, tmp_path):
    root = tmp_path / "synthetic" / store_root.name
    shutil.copytree(store_root / "cells" / "random" / "fan", root / "cells" / "random" / "fan")
    return Store(root)


@pytest.fixture
def cell(store):
    return store.folders()[0]


@pytest.fixture
def alone(store, cell):
    """The same cell, the only one of its store."""
    for folder in store.folders()[1:]:
        shutil.rmtree(folder)
    return cell


def python(*arguments):
    done = subprocess.run([sys.executable, *map(str, arguments)], capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def names(store):
    return sorted(file.name for file in store.root.rglob("*") if file.name.startswith("."))


@pytest.mark.parametrize("mode", ["killed", "together"])
def test_every_reader_meets_one_whole_version(store, alone, mode):
    lines = python("-m", "tests.support.store_writers", mode, alone)
    counts = {line.split(": ")[0]: int(line.split(": ")[1]) for line in lines if line[0].isdigit()}
    assert [line for line in lines if not line[0].isdigit()] == []
    assert counts.keys() <= {"200", "300"}
    assert sum(counts.values()) >= 10
    store.sweep()
    assert names(store) == []


def test_a_swap_that_was_cut_off_between_its_renames_costs_nothing(store, cell):
    before, folders = load_results(store.root), store.folders()
    old = cell.with_name(f".old-{time.time_ns():016x}0123abcd-{cell.name}")
    cell.rename(old)
    assert store.folders() == folders
    assert load_results(store.root).equals(before)
    result = store.result(cell)
    assert store.is_done(result.cell, result.identity)
    store.sweep()
    assert (cell.is_dir(), old.exists()) == (True, False)


def test_of_several_old_folders_the_one_that_was_set_aside_last_counts(store, cell):
    for number in (1, 2):
        cell.with_name(f".old-{number:016x}01234567-{cell.name}").mkdir()
    cell.rename(cell.with_name(f".old-{3:016x}01234567-{cell.name}"))
    assert store.read(cell)[1] is not None
    store.sweep()
    assert names(store) == []
    assert store.read(cell)[1] is not None


def test_a_cell_is_removed_with_what_cut_off_swaps_left_of_it(store, cell):
    (cell.with_name(f".old-{1:016x}01234567-{cell.name}")).mkdir()
    remove(store.root, [cell])
    store.sweep()
    assert cell not in store.folders()
    assert names(store) == []
    remove(store.root, store.folders())
    assert [entry.name for entry in (store.root / "cells").iterdir()] == []


def test_the_sweep_removes_partial_folders_of_ended_processes_only(store):
    cells = store.root / "cells"
    mine = make_partial(cells)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    theirs = cells / mine.name.replace(f"-{os.getpid()}-", f"-{ended.pid}-")
    elsewhere = cells / f".partial-another-host-{ended.pid}-01234567"  # its processes cannot be seen from here
    theirs.mkdir()
    elsewhere.mkdir()
    store.sweep()
    assert names(store) == sorted([mine.name, elsewhere.name])


def test_a_disk_that_refuses_keeps_the_old_result_and_is_noticed_before_a_run(store, cell):
    before = {file.name: file.read_bytes() for file in cell.iterdir()}
    refused, probed = python("-c", LIMITED, store.root, cell)
    assert refused.startswith(f"results {cell}: {os.strerror(errno.EFBIG)}; free space or permission")
    assert probed.startswith(f"results {store.root}: {os.strerror(errno.EFBIG)}; free space or permission")
    assert {file.name: file.read_bytes() for file in cell.iterdir()} == before
    assert names(store) == []


def test_a_place_where_no_folder_can_be_made_is_noticed_before_a_run(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"results .*file.cells: Not a directory; free space or permission"):
        Store(Path(tmp_path / "file" / "cells")).check_writable()
