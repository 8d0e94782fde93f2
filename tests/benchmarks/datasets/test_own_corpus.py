"""Two corpora of a user's own never share a folder of results; a copy elsewhere has the folder of its original."""

import shutil

import pandas as pd
import pytest

from benchmarks.datasets.folder import RecordingFolder
from benchmarks.datasets.table import FeatureTable
from tests.support.end_to_end import hum
from tests.support.wav_files import write_wav, write_zip


def write_press(root, loudness=1.0):
    for kind in ("normal", "abnormal"):
        for i in range(3):
            write_wav(root / "line 1" / kind / f"{i}.wav", hum(loudness + i))
    return root


def test_folders_of_one_name_and_of_files_of_equal_names_and_sizes_are_two_corpora(tmp_path):
    first, second = (RecordingFolder(write_press(tmp_path / str(n) / "press", 1 + n / 10)) for n in (1, 2))
    assert first.folder != second.folder
    assert first.full_title != second.full_title
    assert first.folder.startswith("folder-press-")
    assert first.full_title == f"Own recordings {first.folder.removeprefix('folder-')}"


def test_a_copy_and_an_archive_have_the_folder_of_the_original(tmp_path):
    root = write_press(tmp_path / "a/press")
    copy = shutil.copytree(root, tmp_path / "b/press", copy_function=shutil.copyfile)
    members = {file.relative_to(root).as_posix(): file.read_bytes() for file in root.rglob("*.wav")}
    archive = write_zip(tmp_path / "c/press.zip", members)
    assert len({RecordingFolder(place).folder for place in (root, copy, archive)}) == 1


@pytest.mark.parametrize("change", ["another clip", "another size", "another rate"])
def test_other_clips_or_settings_are_another_corpus(tmp_path, change):
    root = write_press(tmp_path / "press")
    before = RecordingFolder(root).folder
    if change != "another rate":
        write_wav(root / "line 1/normal" / ("9.wav" if change == "another clip" else "1.wav"), hum(1, 3000))
    after = RecordingFolder(root, sample_rate=48_000 if change == "another rate" else 16_000)
    assert after.folder != before


@pytest.mark.parametrize("name", ["../..", "...", "a/b", " ", "ä" * 300, "x" * 200, "con:*?"])
def test_any_name_gives_a_folder_that_every_system_can_have(tmp_path, monkeypatch, name):
    from benchmarks.datasets.own_corpus import short_name

    found = short_name(tmp_path / name)
    assert 1 <= len(found) <= 24
    assert not set(found) & set('/\\:*?"<>| ')
    assert found[0] != "."


def test_tables_of_one_name_are_two_corpora_and_a_copy_is_one(tmp_path):
    folders = []
    for place, value in (("a", 1.0), ("b", 2.0), ("c", 1.0)):
        (tmp_path / place).mkdir()
        rows = [("fan", "u", label, f"{label}{i}", value + 3 * i % 2) for label in (0, 1) for i in range(4)]
        table = pd.DataFrame(rows, columns=["machine", "unit", "label", "file", "v"])
        table.to_csv(tmp_path / place / "vectors.csv", index=False)
        folders.append(FeatureTable(tmp_path / place / "vectors.csv").folder)
    assert folders[0] == folders[2] != folders[1]
    assert folders[0].startswith("table-vectors-")
