"""Files are written whole or not at all."""

import os
import stat
from pathlib import Path

import pytest

from benchmarks.run.writing import try_writing, write_text, write_texts
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
    with pytest.raises(InputError, match=r"folder: a folder, a device, a pipe or no name"):
        write_text(tmp_path / "folder", "text")
    with pytest.raises(InputError, match=r"a\.txt: .*; give another file with --out"):
        write_text(write_text(tmp_path / "b.txt", "") / "a.txt", "text", "give another file with --out")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["b.txt", "folder"]


def test_a_lone_surrogate_of_a_strange_file_name_is_written_as_an_escape(tmp_path):
    assert write_text(tmp_path / "a.txt", "\udcff.wav é").read_text(encoding="utf-8") == "\\udcff.wav é"


def test_of_several_files_all_are_replaced_or_none(tmp_path):
    old = {tmp_path / name: f"old {name}" for name in ("a.txt", "b.txt", "c.txt")}
    assert write_texts(old) == list(old)
    (tmp_path / "d").mkdir()
    with pytest.raises(InputError, match=r"d: a folder, a device, a pipe or no name"):
        write_texts(dict.fromkeys([*old, tmp_path / "d"], "new"))
    assert {file: file.read_text() for file in tmp_path.iterdir() if file.is_file()} == old


def test_a_probe_leaves_nothing(tmp_path):
    try_writing(tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []


def test_a_pipe_or_a_device_is_not_replaced_by_a_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="a folder, a device, a pipe or no name"):
        write_text(tmp_path / "pipe", "text")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    with pytest.raises(InputError, match="give the name of a file"):
        write_text(Path(""), "text")
