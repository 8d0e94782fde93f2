"""docs/datasets.md names every corpus as its class does, and a corpus is found by its name."""

import re
from pathlib import Path

import pytest

from benchmarks.datasets import DATASETS, RecordingFolder, open_dataset
from features import InputError
from tests.support.end_to_end import hum
from tests.support.wav_files import write_wav

PAGE = (Path(__file__).parents[3] / "docs/datasets.md").read_text(encoding="utf-8")
ROWS = {row[0]: row[1:] for row in re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \| .+? \| (.+?) \|$", PAGE, re.MULTILINE)}


@pytest.mark.parametrize("name", DATASETS)
def test_the_page_says_of_a_corpus_what_its_class_says(name):
    corpus = DATASETS[name]
    title, split, licence = ROWS[name]
    assert (title, licence) == (corpus.title, corpus.licence)
    if isinstance(corpus.official_split, str):  # else it depends on what lies there
        assert split == f"`{corpus.official_split}`"


def test_the_page_names_no_other_corpus():
    assert ROWS.keys() == DATASETS.keys()


def test_a_corpus_is_opened_by_its_name(tmp_path):
    write_wav(tmp_path / "fan/train/normal_id_00_00000000.wav", hum(1))
    write_wav(tmp_path / "fan/id_00/normal/00000000.wav", hum(1))
    opened = {name: open_dataset(name, tmp_path) for name in ("dcase", "dcase2021", "folder", "table", "mimii")}
    assert {name: corpus.name for name, corpus in opened.items()} == {
        "dcase": "dcase2020",
        "dcase2021": "dcase2021",
        "folder": "folder",
        "table": "table",
        "mimii": "mimii",
    }
    assert isinstance(opened["folder"], RecordingFolder)
    with pytest.raises(InputError, match=r"--dataset nimii: unknown; there are mimii, dcase, dcase2020.*synthetic"):
        open_dataset("nimii", tmp_path)
