"""Own recordings: folders by class, a label.csv, clips of any rate and length, and what is wrong said in a line."""

import json
import re

import numpy as np
import pytest
import soundfile

from benchmarks.datasets.folder import RecordingFolder
from benchmarks.run.store import Store
from features import InputError
from tests.support.end_to_end import hum, run
from tests.support.wav_files import wav_bytes, write_wav, write_zip


def write_classes(root, pattern="{machine}/{unit}"):
    """Two machines, one unit each, 8 normal and 3 abnormal clips."""
    for machine, unit in (("press", "line 1"), ("lathe", "A-7")):
        for kind, n in (("normal", 8), ("abnormal", 3)):
            for i in range(n):
                loudness = 1 + i / 10 if kind == "normal" else 5 + i
                write_wav(root / pattern.format(machine=machine, unit=unit) / kind / f"{i}.wav", hum(loudness))
    return root


ROWS = [f"n{i},0,train" for i in range(6)] + ["v1,0,valid", "t1,0,test", "t2,0,test", "a1,1,test", "a2,1,test"]


def write_labelled(root, rows=ROWS, header="file_id,abnormal,split", sounds="sounds"):
    root.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(row.partition(",")[0] for row in ROWS):
        write_wav(root / sounds / f"{name}.wav", hum(9 if name[0] == "a" else 1 + number / 10))
    (root / "label.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return root


@pytest.mark.parametrize(
    ("pattern", "snr_db"),
    [
        ("{machine}/{unit}", None),
        ("deep/down/{machine}/{unit}", None),
        ("6_dB_{machine}/{machine}/{unit}", 6.0),
        ("min6dB/{machine}/{unit}", -6.0),
        ("{machine}/0dB/{unit}", 0.0),
    ],
)
def test_names_of_folders_say_machine_unit_class_and_perhaps_the_noise_level(tmp_path, pattern, snr_db):
    clips = RecordingFolder(write_classes(tmp_path / "mine", pattern)).clips()
    assert {(c.machine, c.unit, c.snr_db) for c in clips} == {("press", "line 1", snr_db), ("lathe", "A-7", snr_db)}
    assert [c.label for c in clips] == [int("/abnormal/" in c.path) for c in clips]
    assert len(clips) == 22
    assert [c.path for c in clips] == sorted({c.path for c in clips})


def test_an_archive_gives_the_clips_of_its_tree(tmp_path):
    members = {f"line 1/{kind}/{i}.wav": wav_bytes(hum(1 + i)) for kind in ("normal", "abnormal") for i in range(2)}
    write_zip(tmp_path / "packed/press.zip", members)
    for name, data in members.items():
        path = tmp_path / "tree/press" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    packed, tree = (RecordingFolder(tmp_path / name).clips() for name in ("packed", "tree"))
    assert [(c.path, c.machine, c.unit) for c in packed] == [(c.path, c.machine, c.unit) for c in tree]
    assert packed[0].path == "press/line 1/abnormal/0.wav"


def test_a_folder_by_classes_runs_end_to_end(tmp_path):
    corpus = RecordingFolder(write_classes(tmp_path / "mine"))
    assert corpus.official_split == "code"
    _, cells = run(corpus, tmp_path, "knn", "random", "mahalanobis")
    assert set(cells["status"]) == {"ok"}
    assert cells.loc[cells["detector"] == "knn", "auc"].tolist() == [1.0, 1.0]
    assert cells["snr_db"].isna().all()


def test_a_label_csv_runs_end_to_end_with_the_parts_it_names(tmp_path):
    corpus = RecordingFolder(write_labelled(tmp_path / "mine"))
    assert corpus.official_split == "labels"
    folder, cells = run(corpus, tmp_path, "knn", "random", "mahalanobis")
    assert set(cells["status"]) == {"ok"}
    scores = Store.scores(folder / "cells/knn/mine/unit_00-any-snr-seed0")
    assert {part: sorted(of["path"]) for part, of in scores.groupby("part")} == {
        "test": ["sounds/a1.wav", "sounds/a2.wav", "sounds/t1.wav", "sounds/t2.wav"],
        "train": [f"sounds/n{i}.wav" for i in range(6)],
        "validation": ["sounds/v1.wav"],
    }
    assert scores[scores["label"] == 1]["path"].tolist() == ["sounds/a1.wav", "sounds/a2.wav"]


@pytest.mark.parametrize(
    ("rows", "header"),
    [
        ([row.replace(",", ".wav,", 1) for row in ROWS], "file_id,abnormal,split"),
        (["sounds/" + row for row in ROWS], "file_id,abnormal,split"),
        ([row.replace("valid", "Validation") for row in ROWS], "\ufefffile_id,abnormal,split"),
        ([", ".join(reversed(row.split(","))) for row in ROWS], "split, abnormal, file_id"),
        ([f"{row},x" for row in ROWS], "file_id,abnormal,split,remark"),
    ],
    ids=["with .wav", "with its folder", "as Excel writes it", "other order", "further column"],
)
def test_label_csv_may_be_written_in_many_ways(tmp_path, rows, header):
    plain = RecordingFolder(write_labelled(tmp_path / "a/mine")).clips()
    other = RecordingFolder(write_labelled(tmp_path / "b/mine", rows, header)).clips()
    assert [(c.path, c.label, c.split) for c in other] == [(c.path, c.label, c.split) for c in plain]


def test_label_csv_may_name_machine_and_unit(tmp_path):
    rows = [f"{row},press,{'left' if i % 2 else 'right'}" for i, row in enumerate(ROWS)]
    clips = RecordingFolder(write_labelled(tmp_path / "mine", rows, "file_id,abnormal,split,machine,unit")).clips()
    assert {(clip.machine, clip.unit) for clip in clips} == {("press", "left"), ("press", "right")}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ((0, "n0,0"), "line 2: split ''; allowed are train, valid (or validation) and test"),
        ((1, "n1,0,training"), "line 3: split 'training'; allowed are train, valid (or validation) and test"),
        ((2, "n2,2,train"), "line 4: abnormal '2'; allowed are 0 (normal) and 1 (abnormal)"),
        ((2, "n2,,train"), "line 4: abnormal ''; allowed are 0"),
        ((3, "n3,1,train"), "line 5: abnormal 1 in train; detectors learn only from normal clips; move it to test"),
        ((4, "n99,0,train"), "line 6: file_id 'n99': there is no such sound file below the folder of label.csv"),
        ((4, "../n4,0,train"), "line 6: file_id '../n4': there is no such sound file"),
        ((5, "n4,0,train"), "line 7: file_id 'n4' is sounds/n4.wav, as in line 6; keep one of them"),
        ((5, "n4.wav,0,train"), "line 7: file_id 'n4.wav' is sounds/n4.wav, as in line 6"),
        ((5, "n5,0,train,7"), "line 7: more values than the 3 columns of the header"),
    ],
    ids=lambda value: value[1] if isinstance(value, tuple) else "",
)
def test_a_wrong_row_is_named_by_its_line_with_what_is_allowed(tmp_path, change, message):
    rows = list(ROWS)
    rows[change[0]] = change[1]
    with pytest.raises(InputError, match=re.escape(f"label.csv {message}")):
        RecordingFolder(write_labelled(tmp_path / "mine", rows)).clips()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"file_id,split\nn0,train\n", "no column abnormal; found file_id, split"),
        (b"file_id;abnormal;split\nn0;0;train\n", "no column file_id, abnormal, split; found file_id;abnormal;split"),
        (b"", "no column file_id, abnormal, split; found an empty file"),
        ("file_id,abnormal,split\n\xe4,0,train\n".encode("latin-1"), "cannot be read.*save it as CSV in UTF-8"),
        (b"file_id,abnormal,split\n", "no clips"),
    ],
    ids=["column", "semicolons", "empty", "not UTF-8", "no rows"],
)
@pytest.mark.filterwarnings("ignore:.*does not name are left out")
def test_a_label_csv_that_is_none_is_refused(tmp_path, content, message):
    root = write_labelled(tmp_path / "mine")
    (root / "label.csv").write_bytes(content)
    with pytest.raises(InputError, match=message):
        RecordingFolder(root).clips()


def test_a_name_that_two_files_have_must_be_written_with_its_folder(tmp_path):
    root = write_labelled(tmp_path / "mine")
    write_wav(root / "old/n0.wav", hum(1))
    with pytest.raises(InputError, match=r"file_id 'n0' can be old/n0.wav or sounds/n0.wav; write the path"):
        RecordingFolder(root).clips()


def test_what_is_left_out_is_named(tmp_path):
    root = write_labelled(tmp_path / "mine", [*ROWS[:-1], "a2,1,valid"])
    write_wav(root / "sounds/forgotten.wav", hum(1))
    with (
        pytest.warns(
            UserWarning, match=r"1 sound files that label.csv does not name are left out, e.g. sounds/forgotten.wav"
        ),
        pytest.warns(
            UserWarning, match=r"1 abnormal clips in the validation part are left out.*sounds/a2.wav; move them to test"
        ),
    ):
        clips = RecordingFolder(root).clips()
    assert not {"sounds/forgotten.wav", "sounds/a2.wav"} & {clip.path for clip in clips}
    write_wav(write_classes(tmp_path / "classes") / "press/line 1/unsure/a.wav", hum(1))
    with pytest.warns(
        UserWarning, match=r"1 sound files in no folder normal or abnormal are left out, e.g. .*unsure/a.wav"
    ):
        RecordingFolder(tmp_path / "classes").clips()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda root: root.mkdir(), "no clips, found no WAV file; expected <machine>/<unit>/normal"),
        (
            lambda root: write_wav(root / "a.wav", hum(1)),
            "no clips, found 1 WAV files outside its layout, e.g. .*a.wav",
        ),
        (lambda root: None, "no folder or zip archive there, found nothing"),
        (lambda root: write_wav(root / "press/a:b/normal/1.wav", hum(1)), "unit 'a:b' cannot be part of a file's name"),
        (lambda root: write_wav(root / "press/a/normal/\x07.wav", hum(1)), "name with unprintable characters"),
    ],
    ids=["empty", "flat", "missing", "a name for no file", "unprintable"],
)
def test_a_folder_that_cannot_be_used_says_why(tmp_path, make, message):
    make(tmp_path / "mine")
    with pytest.raises(InputError, match=message):
        RecordingFolder(tmp_path / "mine").clips()


def mixed_rates(root):
    """Clips of three rates and of other lengths."""
    for i in range(8):
        rate = (16_000, 44_100, 48_000)[i % 3]
        write_wav(root / "press/a/normal" / f"{i}.wav", hum(1 + i / 10, rate // 10 + 100 * i, rate), rate)
    for i in range(3):
        write_wav(root / "press/a/abnormal" / f"{i}.wav", hum(5 + i, 8000, 48_000), 48_000)
    return root


def test_clips_of_any_rate_are_resampled_and_the_result_says_so(tmp_path):
    corpus = RecordingFolder(mixed_rates(tmp_path / "mine"))
    assert {clip.audio.read(0)[1] for clip in corpus.clips()} == {16_000}
    folder, cells = run(corpus, tmp_path, "knn", "loudness")
    assert cells["auc"].tolist() == [1.0, 1.0]
    result = json.loads((folder / "cells/knn/press/a-any-snr-seed0/result.json").read_text())
    assert result["config"]["dataset_identity"].endswith("16000 Hz, other rates resampled to it by librosa soxr_hq")


def test_another_rate_is_an_error_where_resampling_is_off(tmp_path):
    _, cells = run(RecordingFolder(mixed_rates(tmp_path / "mine"), resample=False), tmp_path, "loudness")
    assert cells["status"].tolist() == ["error"]
    assert re.search(r"\.wav: sampled at 48000 Hz, the corpus at 16000 Hz", cells["message"].iloc[0])


def test_recordings_may_keep_a_rate_of_their_own(tmp_path):
    write_wav(tmp_path / "press/a/normal/1.wav", hum(1, 4800, 48_000), 48_000)
    (clip,) = RecordingFolder(tmp_path, sample_rate=48_000).clips()
    sound, rate = clip.audio.read(0)
    assert (len(sound), rate) == (4800, 48_000)
    with pytest.raises(InputError, match="sample_rate=0"):
        RecordingFolder(tmp_path, sample_rate=0)


def test_other_sound_of_the_same_name_has_another_identity(tmp_path):
    root = write_classes(tmp_path / "mine")
    before = RecordingFolder(root).identity
    assert RecordingFolder(root).identity == before
    assert RecordingFolder(root, resample=False).identity != before
    write_wav(root / "press/line 1/normal/0.wav", hum(9, 2000))
    assert RecordingFolder(root).identity != before
    assert np.unique([clip.audio.identity for clip in RecordingFolder(root).clips()]).size == 22


def test_other_formats_are_read_beside_wav_and_what_is_not_read_is_counted_and_named(tmp_path):
    root = write_classes(tmp_path / "mine")
    for ending in (".flac", ".OGG", ".mp3"):
        soundfile.write(root / f"press/line 1/normal/x{ending}", hum(1, 16_000), 16_000)
    for name in ("y.m4a", "z.aiff", "z2.aiff"):
        (root / "press/line 1/normal" / name).write_bytes(b"sound")
    with pytest.warns(UserWarning, match=r"3 sound files in formats .* \(2 .aiff, 1 .m4a\), e.g. .*convert them"):
        clips = RecordingFolder(root).clips()
    assert len(clips) == 25
    assert {clip.path[-5:] for clip in clips if "/x" in clip.path} == {".flac", "x.OGG", "x.mp3"}
    assert all(len(clip.audio.read(0)[0]) >= 1600 for clip in clips)


def test_label_csv_names_files_of_any_format_without_their_ending(tmp_path):
    root = write_labelled(tmp_path / "mine")
    (root / "sounds/n0.wav").unlink()
    soundfile.write(root / "sounds/n0.flac", hum(1, 16_000), 16_000)
    assert "sounds/n0.flac" in {clip.path for clip in RecordingFolder(root).clips()}
