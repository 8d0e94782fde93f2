"""The options that name a corpus: the synthetic one is made to measure, recorded ones are not."""

import json
import shutil

import pytest

from benchmarks.cli.corpus import open_corpus
from benchmarks.cli.options import CorpusOptions
from benchmarks.datasets import Synthetic
from benchmarks.evaluation.stored_results import load_results
from benchmarks.reporting.leaderboard_files import make_report
from features import InputError
from tests.support.command_line import options, run_all


def made(**asked):
    return open_corpus(CorpusOptions("synthetic", **asked))[0]


@pytest.mark.parametrize(
    ("asked", "fields"),
    [
        ({}, {}),
        ({"clips": "40,16"}, {"normals": 40, "anomalies": 16}),
        ({"clips": "40"}, {"normals": 40, "anomalies": 12}),
        ({"clips": "3"}, {"normals": 3, "anomalies": 2}),
        ({"seconds": 2.0, "n_channels": 8}, {"seconds": 2.0, "n_channels": 8}),
        (
            {"machines": "fan,valve", "units": "id_04, id_06", "snrs": "3"},
            {"machines": ("fan", "valve"), "units": ("id_04", "id_06"), "snrs_db": (3.0,)},
        ),
    ],
)
def test_options_are_fields_of_the_corpus(asked, fields):
    assert made(**asked) == Synthetic(**fields)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"clips": "1,2,3"}, r"--clips 1,2,3: give the normal and the abnormal clips"),
        ({"clips": "many"}, r"--clips 'many': give whole numbers with commas between, from 0 to 100000"),
        ({"clips": "9" * 20}, r"give whole numbers from 0 to 100000"),
        ({"clips": "0"}, r"normals=0.*give seed >= 0, normals >= 1"),
        ({"seconds": 0.1}, r"seconds=0.1; give 1 to 60"),
        ({"n_channels": 2}, r"n_channels=2; give 1 or 8"),
        ({"units": "id_99"}, r"fan has no unit 'id_99'; its units are id_00, id_02, id_04, id_06"),
        ({"machines": "lathe"}, r"unknown machine 'lathe'; known: fan, pump, slider, valve"),
    ],
)
def test_what_cannot_be_made_is_refused(asked, message):
    with pytest.raises(InputError, match=message):
        made(**asked)


def test_recordings_have_the_size_that_they_have(tmp_path):
    with pytest.raises(InputError, match=r"--clips, --seconds and --n-channels are for .*MIMII is recorded"):
        open_corpus(CorpusOptions("mimii", tmp_path, clips="20"))


def test_a_run_of_another_size_keeps_to_its_folder_and_says_so(tmp_path):
    size = ["--clips", "20,6", "--seconds", 1, "--n-channels", 8]
    chosen = ["--dataset", "synthetic", "--machines", "fan", "--units", "id_06", "--snrs", 3]
    done = run_all(*chosen, *size, "--channel", "nearest", "--detectors", "loudness,random", *options(tmp_path))
    assert done.returncode == 0, done.stderr
    assert [folder.name for folder in (tmp_path / "results").iterdir()] == ["synthetic-20+6-1s-8ch"]
    root = tmp_path / "results" / "synthetic-20+6-1s-8ch" / "code-nearest"
    assert load_results(root)["status"].tolist() == ["ok", "ok"]
    caption = (
        "SYNTHETIC DATA: not comparable with published figures. Synthetic machines (generated), 20 + 6 clips of 1 s"
    )
    assert caption in (root / "leaderboard.md").read_text()
    again = run_all("reproduce", next(root.glob("cells/random/fan/*")))
    assert "equal" in again.stdout
    assert again.returncode == 0


def test_a_result_that_does_not_name_its_corpus_is_refused(store_root, tmp_path):
    root = shutil.copytree(store_root, tmp_path / "synthetic" / store_root.name)
    for file in root.glob("cells/*/*/*/result.json"):
        result = json.loads(file.read_text())
        file.write_text(json.dumps({name: value for name, value in result.items() if name != "corpus"}))
    with pytest.raises(InputError, match=r"result.json: corpus: Field required; .*48 results cannot be read"):
        make_report(root)
