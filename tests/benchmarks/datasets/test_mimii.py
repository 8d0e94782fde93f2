"""Listing MIMII: each layout in use gives the same clips; what is not MIMII is named, never guessed."""

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks.datasets.mimii import Mimii
from features import InputError
from tests.support.recordings import SAMPLE, needs_sample
from tests.support.wav_files import noise, wav_bytes, write_wav, write_zip

LEVELS = (6, 0, -6)
SHORT = {6: "6dB", 0: "0dB", -6: "min6dB"}
INNER = [  # of one machine at one level
    f"{unit}/{kind}/{number:08d}.wav"
    for unit in ("id_00", "id_04")
    for kind, count in (("abnormal", 2), ("normal", 3))
    for number in range(count)
]


def sound_of(snr_db: int, machine: str, inner: str) -> bytes:
    """A file unlike any other."""
    return wav_bytes(noise(20, 8, seed=sum(f"{snr_db}{machine}{inner}".encode())), extensible=True)


def write_tree(root: Path, pattern: str) -> Path:
    """Lay out fan and valve at three levels; `pattern` says where the machine's folder goes."""
    for snr_db in LEVELS:
        for machine in ("fan", "valve"):
            for inner in INNER:
                path = root / pattern.format(snr_db=snr_db, short=SHORT[snr_db], machine=machine) / inner
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(sound_of(snr_db, machine, inner))
    return root


def write_archives(root: Path, pattern: str = "{snr_db}_dB_{machine}.zip", within: str = "{machine}/") -> Path:
    for snr_db in LEVELS:
        for machine in ("fan", "valve"):
            prefix = within.format(snr_db=snr_db, machine=machine)
            members = {prefix + inner: sound_of(snr_db, machine, inner) for inner in INNER}
            write_zip(root / pattern.format(snr_db=snr_db, short=SHORT[snr_db], machine=machine), members)
    return root


EXPECTED = sorted(
    (f"{snr_db}_dB_{machine}/{machine}/{inner}", machine, inner[:5], float(snr_db), int("/abnormal/" in inner))
    for snr_db in LEVELS
    for machine in ("fan", "valve")
    for inner in INNER
)
LAYOUTS = {
    "unpacked archives": lambda root: write_tree(root, "{snr_db}_dB_{machine}/{machine}"),
    "6dB, 0dB, min6dB": lambda root: write_tree(root, "{short}/{machine}"),
    "6_dB": lambda root: write_tree(root, "{snr_db}_dB/{machine}"),
    "archive unpacked below its level": lambda root: write_tree(root, "{short}/{snr_db}_dB_{machine}/{machine}"),
    "unpacked into a folder of the same name": lambda root: write_tree(
        root, "{snr_db}_dB_{machine}/{snr_db}_dB_{machine}/{machine}"
    ),
    "level below the machine": lambda root: write_tree(root, "{machine}/{short}"),
    "no folder for the machine": lambda root: write_tree(root, "{snr_db}_dB_{machine}"),
    "deep": lambda root: write_tree(root, "a/b/{short}/c/{machine}"),
    "archives": write_archives,
    "archives below their level": lambda root: write_archives(root, "{short}/{machine}.zip"),
    "archives saved by wget": lambda root: write_archives(root, "{snr_db}_dB_{machine}.zip?download=1"),
    "archives with the level inside": lambda root: write_archives(
        root, "{machine}{snr_db}.zip", "{snr_db}_dB_{machine}/{machine}/"
    ),
}


@pytest.fixture(params=LAYOUTS.values(), ids=LAYOUTS.keys())
def root(request, tmp_path):
    return request.param(tmp_path / "corpus")


def test_every_layout_gives_the_same_clips(root):
    clips = Mimii(root).clips()

    assert [(clip.path, clip.machine, clip.unit, clip.snr_db, clip.label) for clip in clips] == EXPECTED
    assert {clip.split for clip in clips} == {None}


def test_every_layout_gives_the_sound_of_each_clip(root, tmp_path):
    for clip in Mimii(root).clips()[::7]:
        snr_db, machine, inner = int(clip.snr_db), clip.machine, clip.path.split("/", 2)[2]
        sound, _ = clip.audio.read(5)
        path = tmp_path / "expected.wav"
        path.write_bytes(sound_of(snr_db, machine, inner))
        np.testing.assert_array_equal(sound, soundfile.read(path, dtype="float32")[0][:, 5])


def test_identity_of_the_sound_does_not_hold_the_root(root):
    for clip in Mimii(root).clips():
        assert str(root) not in clip.audio.identity


def test_moved_corpus_keeps_its_identities(tmp_path):
    before = [clip.audio.identity for clip in Mimii(write_tree(tmp_path / "old", "{short}/{machine}")).clips()]
    (tmp_path / "old").rename(tmp_path / "new")

    assert [clip.audio.identity for clip in Mimii(tmp_path / "new").clips()] == before
    assert len(set(before)) == len(EXPECTED)


@pytest.mark.parametrize(
    ("part", "paths"),
    [
        ("6dB", [row[0] for row in EXPECTED if row[3] == 6]),
        ("min6dB/fan", [row[0] for row in EXPECTED if row[3] == -6 and row[1] == "fan"]),
        ("0dB/valve/id_04", [row[0] for row in EXPECTED if row[3] == 0 and row[1:3] == ("valve", "id_04")]),
    ],
)
def test_part_of_a_tree_may_be_given(tmp_path, monkeypatch, part, paths):
    root = write_tree(tmp_path, "{short}/{machine}") / part

    assert [clip.path for clip in Mimii(root).clips()] == paths
    monkeypatch.chdir(root)
    assert [clip.path for clip in Mimii(Path()).clips()] == paths


def test_nearest_name_that_states_the_level_counts(tmp_path):
    write_wav(tmp_path / "6_dB_pump/0dB/min6dB/fan/id_00/normal/00000000.wav")

    assert [clip.path for clip in Mimii(tmp_path).clips()] == ["-6_dB_fan/fan/id_00/normal/00000000.wav"]


def test_one_archive_may_be_given(tmp_path):
    archive = write_archives(tmp_path) / "-6_dB_fan.zip"

    assert [clip.path for clip in Mimii(archive).clips()] == [
        row[0] for row in EXPECTED if row[3] == -6 and row[1] == "fan"
    ]


def test_whatever_is_there_is_listed(tmp_path):
    write_wav(tmp_path / "6dB/pump/id_06/normal/00000003.wav")
    write_wav(tmp_path / "12_dB_slider/slider/id_11/abnormal/00000001.WAV")
    (tmp_path / "6dB/pump/id_06/abnormal").mkdir()  # empty, which only the protocol refuses

    clips = Mimii(tmp_path).clips()

    assert [(c.path, c.snr_db, c.unit, c.label) for c in clips] == [
        ("12_dB_slider/slider/id_11/abnormal/00000001.WAV", 12, "id_11", 1),
        ("6_dB_pump/pump/id_06/normal/00000003.wav", 6, "id_06", 0),
    ]


def test_clip_in_tree_and_archive_is_listed_once_from_the_tree(tmp_path):
    write_archives(tmp_path)
    for name in ("00000000.wav", "00000001.wav"):
        write_wav(tmp_path / "6dB/fan/id_00/normal" / name, noise(7, 1))

    with pytest.warns(UserWarning, match=f"2 of {len(EXPECTED)} clips found twice; files come before archives"):
        clips = Mimii(tmp_path).clips()

    assert [clip.path for clip in clips] == [row[0] for row in EXPECTED]
    from_tree = [clip.path for clip in clips if len(clip.audio.read(0)[0]) == 7]
    assert from_tree == [f"6_dB_fan/fan/id_00/normal/0000000{i}.wav" for i in (0, 1)]


def test_hidden_and_other_files_are_not_clips(tmp_path):
    write_wav(tmp_path / "6dB/fan/id_00/normal/00000000.wav")
    for other in (
        "6dB/fan/id_00/normal/._00000000.wav",
        "6dB/fan/id_00/normal/notes.txt",
        "6dB/fan/id_00/normal/00000001.wav.part",
        "__MACOSX/6dB/fan/id_00/normal/00000002.wav",
        ".trash/6dB/fan/id_00/normal/00000003.wav",
    ):
        write_wav(tmp_path / other)
    archive_members = ("__MACOSX/fan/id_00/normal/00000004.wav", "fan/id_00/normal/._00000005.wav", "fan/id_00/normal/")
    write_zip(tmp_path / "6_dB_fan.zip", dict.fromkeys(archive_members, b""))

    assert [clip.path for clip in Mimii(tmp_path).clips()] == ["6_dB_fan/fan/id_00/normal/00000000.wav"]


def test_wav_files_outside_the_layout_are_counted_in_a_warning(tmp_path):
    write_wav(tmp_path / "6dB/fan/id_00/normal/00000000.wav")
    write_wav(tmp_path / "6dB/fan/id_00/strange/00000001.wav")
    write_zip(tmp_path / "other.zip", {"music/song.wav": wav_bytes(noise())})

    with pytest.warns(
        UserWarning, match=r"2 WAV files outside the MIMII layout are left out, e.g. .*strange/00000001.wav"
    ):
        clips = Mimii(tmp_path).clips()

    assert len(clips) == 1


@pytest.mark.parametrize("folder", ["fan", "fan_6", "6_dB_fan_copy/fan", "SNR6/fan"])
def test_unknown_noise_level_is_refused(tmp_path, folder):
    write_wav(tmp_path / "0dB/fan/id_00/normal/00000000.wav")
    write_wav(tmp_path / folder / "fan/id_00/normal/00000000.wav")

    with pytest.raises(InputError, match=r"fan/id_00/normal: no name above it states the noise level.*6_dB_fan"):
        Mimii(tmp_path).clips()


def test_missing_root_is_refused(tmp_path):
    with pytest.raises(InputError, match="nowhere: no folder or zip archive there, found nothing; expected 6_dB_fan"):
        Mimii(tmp_path / "nowhere").clips()


def test_file_that_is_no_archive_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"clip.wav: no folder or zip archive there, found a file; expected"):
        Mimii(write_wav(tmp_path / "clip.wav")).clips()


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (lambda root: None, "found no WAV file; expected"),
        (lambda root: (root / "6dB/fan/id_00/normal").mkdir(parents=True), "found no WAV file but 6dB; expected"),
        (lambda root: (root / "readme.txt").touch(), "found no WAV file but readme.txt; expected"),
        (lambda root: write_wav(root / "fan/train/a.wav"), r"found 1 WAV files outside its layout, e.g. .*train/a.wav"),
        (lambda root: write_zip(root / "6_dB_fan.zip", {}), "found no WAV file but 6_dB_fan.zip; expected"),
    ],
    ids=["empty", "empty class folder", "text only", "another layout", "empty archive"],
)
def test_root_without_clips_is_refused_with_what_is_there(tmp_path, make, found):
    make(tmp_path)

    with pytest.raises(InputError, match=f"{tmp_path}: no MIMII clip, {found}"):
        Mimii(tmp_path).clips()


@pytest.mark.parametrize("keep", [0, 100, -5], ids=lambda keep: f"cut at {keep}")
def test_archive_cut_short_is_refused_by_name(tmp_path, keep):
    archive = write_archives(tmp_path) / "0_dB_fan.zip"
    archive.write_bytes(archive.read_bytes()[:keep])

    with pytest.raises(InputError, match=r"0_dB_fan.zip: cannot be read as a zip archive"):
        Mimii(tmp_path).clips()


def test_name_that_would_break_a_table_is_refused(tmp_path):
    write_zip(tmp_path / "6_dB_fan.zip", {"fan/id_00/normal/a\nb.wav": b""})

    with pytest.raises(InputError, match=r"id_00/normal/'a\\nb.wav': name with unprintable characters"):
        Mimii(tmp_path).clips()


def test_symbolic_links_are_followed_but_never_in_circles(tmp_path):
    disk = write_tree(tmp_path / "disk", "{short}/{machine}")
    root = tmp_path / "corpus"
    root.mkdir()
    for snr_db in LEVELS:
        (root / f"{snr_db}_dB").symlink_to(disk / SHORT[snr_db], target_is_directory=True)
    for name, target in (("up", tmp_path), ("self", root), ("loop", "loop"), ("sibling", root / "6_dB")):
        (root / name).symlink_to(target, target_is_directory=True)
    (disk / "6dB/fan/back").symlink_to(root, target_is_directory=True)

    assert [clip.path for clip in Mimii(root).clips()] == [row[0] for row in EXPECTED]


def test_broken_link_is_listed_and_refused_when_read(tmp_path):
    write_wav(tmp_path / "6dB/fan/id_00/normal/00000000.wav")
    os.symlink("/nowhere/1.wav", tmp_path / "6dB/fan/id_00/normal/00000001.wav")

    clips = Mimii(tmp_path).clips()

    assert len(clips) == 2
    with pytest.raises(InputError, match=r"00000001\.wav: no such file"):
        clips[1].audio.read(0)


PUBLIC = {  # normal and abnormal clips of id_00, id_02, id_04, id_06 (Purohit et al. 2019, table 1)
    "valve": ((991, 119), (708, 120), (1000, 120), (992, 120)),
    "pump": ((1006, 143), (1005, 111), (702, 100), (1036, 102)),
    "fan": ((1011, 407), (1016, 359), (1033, 348), (1015, 361)),
    "slider": ((1068, 356), (1068, 267), (534, 178), (534, 89)),
}


def test_whole_public_release_is_listed(tmp_path):
    for machine, units in PUBLIC.items():
        members = {
            f"{machine}/id_{2 * i:02d}/{kind}/{number:08d}.wav": b""
            for i, counts in enumerate(units)
            for kind, count in zip(("normal", "abnormal"), counts, strict=True)
            for number in range(count)
        }
        archive = write_zip(tmp_path / f"6_dB_{machine}.zip", members, zipfile.ZIP_STORED)
        for snr_db in (0, -6):
            os.link(archive, tmp_path / f"{snr_db}_dB_{machine}.zip")

    clips = Mimii(tmp_path).clips()

    assert len(clips) == 54_057
    assert sum(clip.label for clip in clips) == 3 * 3300
    assert [clip.path for clip in clips] == sorted({clip.path for clip in clips})


@needs_sample
def test_real_archive(tmp_path):
    clips = Mimii(SAMPLE.parent).clips()
    names = [f"0_dB_fan/fan/id_00/{kind}/{i:08d}.wav" for kind in ("abnormal", "normal") for i in range(20)]

    assert [clip.path for clip in clips] == names
    assert [clip.label for clip in clips] == [1] * 20 + [0] * 20
    with zipfile.ZipFile(SAMPLE) as archive:
        archive.extract("fan/id_00/normal/00000019.wav", tmp_path / "0dB")
    (from_tree,) = Mimii(tmp_path).clips()
    assert from_tree.path == clips[-1].path
    sound, sample_rate = clips[-1].audio.read(Mimii.nearest_channel["fan"])
    assert (len(sound), sample_rate) == (10 * Mimii.sample_rate, Mimii.sample_rate)
    np.testing.assert_array_equal(from_tree.audio.read(4)[0], sound)


def test_facts_of_the_corpus():
    assert Mimii.licence == "CC BY-SA 4.0"
    assert Mimii.nearest_channel == {"valve": 0, "pump": 2, "fan": 4, "slider": 6}
    assert Mimii.citation.startswith("@inproceedings{")
    assert Mimii.citation.count("{") == Mimii.citation.count("}")
    assert not Mimii.synthetic
