"""Two folders of own recordings, as an engineer has them, from the doctor to two ranked tables.

FLAC, Ogg and WAV, 16 and 44.1 kHz, mono and stereo, one clip of a minute, one silent, two broken, one in a format that
is not read.
"""

import io
import json
import re
import warnings

import numpy as np
import pandas as pd
import pytest
import soundfile
from rich.console import Console

from benchmarks.cli.corpus import open_corpus
from benchmarks.cli.data_commands import doctor
from benchmarks.cli.options import CorpusOptions
from benchmarks.cli.recordings_output import judge_recordings, judge_table
from benchmarks.cli.result_output import reproduce
from benchmarks.datasets import FeatureTable, RecordingFolder
from features import InputError
from tests.support.command_line import run_all
from tests.support.end_to_end import hum, run

NOT_READ = pytest.mark.filterwarnings("ignore:.*formats that are not read:UserWarning")


def sound(seconds, rate, n_channels, fault, rng):
    time = np.arange(int(seconds * rate)) / rate
    waveform = 0.1 * np.sin(2 * np.pi * 180 * time) + 0.02 * rng.normal(size=len(time))
    whine = 0.1 * fault * np.sin(2 * np.pi * 1900 * time)
    return np.repeat((waveform + whine)[:, np.newaxis], n_channels, axis=1)


def write_shop(root, seed):
    """One unit that is whole; one with a clip of a minute, a silent one, two broken ones and one that is not read."""
    rng = np.random.default_rng(seed)
    for unit in ("line 1", "line 2"):
        for kind, n in (("normal", 8), ("abnormal", 3)):
            folder = root / "press" / unit / kind
            folder.mkdir(parents=True)
            for i in range(n):
                rate, n_channels = ((16_000, 1), (44_100, 2))[i % 2]
                ending = ("wav", "flac", "ogg")[i % 3]
                clip = sound(0.5, rate, n_channels, kind == "abnormal", rng)
                soundfile.write(folder / f"{i}.{ending}", clip, rate)
    folder = root / "press/line 2/normal"
    soundfile.write(folder / "minute.flac", sound(60, 16_000, 1, False, rng), 16_000)
    soundfile.write(folder / "silent.wav", np.zeros(8000), 16_000)
    (folder / "broken.flac").write_bytes((folder / "1.flac").read_bytes()[:3000])
    (folder / "broken.wav").write_bytes(b"RIFF")
    (folder / "phone.m4a").write_bytes(b"sound")
    return root


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    return write_shop(tmp_path_factory.mktemp("first") / "shop", 1)


def judged(judge, corpus):
    console = Console(record=True, width=150, file=io.StringIO())
    whole = judge(corpus, console)
    return whole, console.export_text()


def opened(place, **options):
    """The corpus as a run opens it, and all that is said before."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        corpus, _ = open_corpus(CorpusOptions("folder", place, **options))
        corpus.clips()
    return corpus, "\n".join(str(warning.message) for warning in seen)


@NOT_READ
def test_the_doctor_names_all_that_is_wrong_at_once_and_says_how_to_go_on(shop):
    whole, text = judged(judge_recordings, RecordingFolder(shop))
    assert not whole
    for said in (
        "26 clips of 2 units",
        "press line 1 at any-snr  8       3",
        "--split code     can be run on 2 of 2 units",
        "2 of 26 clips cannot be read",
        "broken.flac: cannot be decoded as FLAC",
        "broken.wav: no RIFF WAVE file",
        "silent, every sample is the same:",
        "clips of 2 sample rates",
        "44100 Hz (8 normal, 2 abnormal)",
        "clips of 0.5 s",
        "to 60 s",
        "2 channels (8 normal, 2 abnormal)",
        "Run it: python run_all.py --dataset folder --data",
        "--skip-unreadable",
    ):
        assert said in text
    assert "1 of" not in text.partition("--split labels")[0]  # nothing of MIMII's counts


@NOT_READ
def test_two_folders_of_one_name_give_two_ranked_tables(shop, tmp_path):
    other = write_shop(tmp_path / "shop", 2)
    folders = []
    for place in (shop, other):
        corpus, said = opened(place, skip_unreadable=True)
        assert re.search(r"2 of 26 clips cannot be read; they are left out:\n.*broken.flac: .*\n.*broken.wav: ", said)
        for word in ("silent", "sample rates", "to 60 s", "numbers of channels", "formats that are not read"):
            assert word in said
        root, cells = run(corpus, tmp_path, "knn", "random")
        assert cells["status"].tolist() == ["ok"] * 4
        assert (cells["n_train"] + cells["n_normal"] + cells["n_abnormal"]).tolist() == [11, 13] * 2
        board = pd.read_csv(root / "leaderboard.csv")
        assert board["detector"].tolist() == ["knn", "random"]
        assert board["rank"].notna().all()
        caption = (root / "leaderboard.md").read_text()
        assert f"Own recordings {corpus.folder[7:]}, without 2 clips that cannot be read" in caption
        folders.append(root.parent.name)
    assert folders[0] != folders[1]


@NOT_READ
@pytest.mark.filterwarnings("ignore:.*(silent|clips of|left out)")
def test_a_result_without_unreadable_clips_is_reproduced_without_them(shop, tmp_path):
    corpus, _ = opened(shop, skip_unreadable=True)
    root, _ = run(corpus, tmp_path, "random")
    console = Console(record=True, width=150, file=io.StringIO())
    assert reproduce(root / "cells/random/press/line 2-any-snr-seed0", shop, console)
    assert "line 2, seed 0: equal" in console.export_text()


@NOT_READ
def test_without_the_option_broken_clips_cost_their_unit_and_are_all_named(shop, tmp_path):
    corpus, said = opened(shop)
    assert re.search(r"their cells fail; repair them.*--skip-unreadable:\n.*flac: .*\n.*wav: ", said)
    root, cells = run(corpus, tmp_path, "random")
    assert cells.set_index("unit")["status"].to_dict() == {"line 1": "ok", "line 2": "error"}
    skipped, _ = opened(shop, skip_unreadable=True)
    assert skipped.folder != corpus.folder
    assert skipped.identity != corpus.identity
    result = json.loads((root / "cells/random/press/line 1-any-snr-seed0/result.json").read_text())
    assert "without" not in result["corpus"]


def test_a_folder_without_faults_is_said_to_be_whole(tmp_path, recwarn):
    for kind, n in (("normal", 4), ("abnormal", 2)):
        (tmp_path / "press/a" / kind).mkdir(parents=True)
        for i in range(n):
            soundfile.write(tmp_path / "press/a" / kind / f"{i}.wav", hum(1 + i, 8000), 16_000, subtype="PCM_24")
    whole, text = judged(judge_recordings, RecordingFolder(tmp_path))
    assert whole
    assert "note" not in text
    assert "cannot be read" not in text
    assert not recwarn.list


def test_a_table_is_judged_as_a_table(tmp_path):
    rows = [("fan", "u", label, f"{label}{i}", float(3 * i % 4)) for label in (0, 1) for i in range(4)]
    pd.DataFrame(rows, columns=["machine", "unit", "label", "file", "v"]).to_csv(tmp_path / "t.csv", index=False)
    whole, text = judged(judge_table, FeatureTable(tmp_path / "t.csv"))
    assert whole
    assert "vectors of 1 values: v: 8 clips of 1 unit" in text
    assert "--split code     can be run on 0 of 1 units" in text
    assert "--split holdout  can be run on 1 of 1 units" in text


def test_the_option_is_for_own_recordings_only():
    with pytest.raises(InputError, match="--skip-unreadable is for own recordings"):
        open_corpus(CorpusOptions("synthetic", skip_unreadable=True))


def test_the_doctor_on_the_command_line(shop):
    found = run_all("doctor", "--dataset", "label_csv", "--data", shop)
    assert found.returncode == 1
    assert "2 of 26 clips cannot be read" in found.stdout
    assert "Traceback" not in found.stderr


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"dataset": "dcase2020"}, r"judges mimii, folder, label_csv \(own recordings\) and table"),
        ({"dataset": "folder", "deep": True}, "--checksums and --deep are for MIMII"),
    ],
)
def test_what_the_doctor_cannot_judge_is_one_line(shop, asked, message):
    with pytest.raises(InputError, match=message):
        doctor(**{"data": shop, "checksums": False, "deep": False} | asked)
