"""Files are written whole or not at all."""

import os
import stat
from pathlib import Path

import pytest

from benchmarks.run.writing import write_text
from features import InputError


def test_a_text_is_written_in_utf8_with_its_folder(tmp_path):
    file = write_text(tmp_path / "new" / "a.txt", "é\n")
    assert file == tmp_path / "new" / "a.txt"
    assert file.read_bytes() == "é\n".encode()


def test_a_file_is_replaced_and_nothing_is_left_beside_it(tmp_path):
    write_text(tmp_path / "a.txt", "old")
    write_text(tmp_path / "a.txt", "new")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("a.txt", "new")]


def test_a_file_that_cannot_be_written_is_named_with_advice(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match=r"folder: Is a directory; free space or permission, and run it again"):
        write_text(tmp_path / "folder", "text")
    with pytest.raises(InputError, match=r"a\.txt: .*; give another file with --out"):
        write_text(write_text(tmp_path / "b.txt", "") / "a.txt", "text", "give another file with --out")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["b.txt", "folder"]


def test_a_failed_write_keeps_the_old_text(tmp_path):
    file = write_text(tmp_path / "a.txt", "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(file, "\ud800")
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_pipe_or_a_device_is_not_replaced_by_a_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="no file but a device, a pipe"):
        write_text(tmp_path / "pipe", "text")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    with pytest.raises(InputError, match="give the name of a file"):
        write_text(Path(""), "text")
