"""The doctor names every planted fault, finds none where there is none, and says what a corpus is good for."""

import hashlib
import os
import zipfile

import numpy as np
import pytest
from rich.console import Console

from benchmarks.acquisition.clip_headers import Header, header
from benchmarks.acquisition.doctor import examine
from benchmarks.cli.data_output import examine_mimii
from benchmarks.datasets import mimii_release
from benchmarks.datasets.kept_channels import KeptChannels
from benchmarks.datasets.mimii import Mimii
from benchmarks.datasets.mimii_release import Archive
from features import InputError, WavFile
from tests.support.recordings import SAMPLE, needs_sample
from tests.support.wav_files import chunk, format_chunk, noise, riff, wav_bytes, write_wav, write_zip

CUT_SHORT = "cut short: add .part to its name, and the download command fetches the rest"
UNIT = "6_dB_pump/pump/id_02"


def sound(n_channels=8, seconds=10.0, sample_rate=16_000, seed=0):
    frames = np.zeros((round(seconds * sample_rate), n_channels), np.int16)
    frames[:10] = noise(10, n_channels, seed)
    return frames


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Pump id_02 at 6 dB, all 1005 + 111 clips of it: one file under many names."""
    root = tmp_path_factory.mktemp("whole")
    original = root / "original"
    original.write_bytes(wav_bytes(sound(), extensible=True))
    for kind, count in zip(("normal", "abnormal"), mimii_release.counts()["pump", "id_02"], strict=True):
        (root / UNIT / kind).mkdir(parents=True)
        for number in range(count):
            os.link(original, root / UNIT / kind / f"{number:08d}.wav")
    original.unlink()
    return root


def faults(root, **options):
    """Place, relative to the root, and text of each fault."""
    return [(fault.place.removeprefix(f"{root}/"), fault.text) for fault in examine(root, **options).faults]


def test_whole_unit_has_no_fault(whole):
    steps = []
    report = examine(whole, on_clip=lambda done, total: steps.append((done, total)))

    assert report.faults == ()
    (found,) = report.sets
    assert (found.name, found.found, found.published) == ("pump id_02 at 6 dB", (1005, 111), (1005, 111))
    assert (found.kinds, found.n_channels, found.sample_rates, found.seconds) == ({"tree"}, {8}, {16_000}, {10.0})
    assert (report.n_clips, steps[0], steps[-1]) == (1116, (1, 1116), (1116, 1116))
    assert len(report.absent) == 47
    assert "pump id_02 at 0 dB" in report.absent
    rules = (
        "split code",
        "split paper",
        "split holdout",
        "channel 0",
        "channel nearest",
        "channel mean",
        "channel all",
    )
    assert report.obstacles == dict.fromkeys(rules, ())


GOOD = wav_bytes(sound(), extensible=True)
NORMAL, ABNORMAL = f"{UNIT}/normal", f"{UNIT}/abnormal"
OUTSIDE = "1 WAV files outside the layout: the folder"
PLANTED = [  # file under the root, what it holds, where the fault is if not there, how it begins
    (f"{NORMAL}/00000001.wav", b"", "", "empty file, 0 bytes; copy or download it again"),
    (
        f"{NORMAL}/00000002.wav",
        GOOD[:-1],
        "",
        "cut short, 159999 samples found of the 160000 that its",
    ),
    (f"{NORMAL}/00000003.wav", b"<html>Not found", "", "no RIFF WAVE file, starts with b'<html>Not fo'"),
    (f"{NORMAL}/00000004.wav", wav_bytes(sound(sample_rate=8000), 8000), "", "8000 Hz, but the release has 16000 Hz"),
    (f"{NORMAL}/00000005.wav", wav_bytes(sound(n_channels=1)), "", "1 channel(s), 8 in the release; it is not known"),
    (f"{NORMAL}/00000006.wav", wav_bytes(sound(seconds=9.5)), "", "9.5 s long, but clips of the release have 10 s"),
    (f"{NORMAL}/00000000.flac", b"fLaC", "", "sound in the format flac, which is not read; convert it to WAV"),
    (f"{ABNORMAL}/7.wav", GOOD, "", "misnamed; published names are like 00000000.wav"),
    ("6dB/pump/id_02/normal/00000009.wav", GOOD, "", "a copy of the clip in "),
    ("6_dB_pump/pump/id_2/normal/00000000.wav", GOOD, "pump id_2 at 6 dB", "not in MIMII, which has id_00 to id_06"),
    (f"{UNIT}/norml/0.wav", GOOD, f"{UNIT}/norml", f"{OUTSIDE} 'norml' should be called normal or abnormal"),
    ("6dB/pump/two/normal/0.wav", GOOD, "6dB/pump/two/normal", f"{OUTSIDE} 'two' should be called like id_00"),
    (
        "6_dB_punp/id_02/normal/0.wav",
        GOOD,
        "6_dB_punp/id_02/normal",
        f"{OUTSIDE} '6_dB_punp' should be called valve, p",
    ),
    ("pump/id_02/normal/0.wav", GOOD, "pump/id_02/normal", "no name above it states the noise level; put it in a f"),
    ("0_dB_pump.zip.part", b"PK", "", "an unfinished download; the download command continues it, or delete it"),
    ("0_dB_fan.zip.bad", b"PK", "", "a download with a wrong checksum; delete it"),
]


def test_all_planted_faults_are_named_and_nothing_else(whole, tmp_path):
    root = tmp_path / "corpus"
    for file in whole.rglob("*.wav"):
        copy = root / file.relative_to(whole)
        copy.parent.mkdir(parents=True, exist_ok=True)
        os.link(file, copy)
    for name, data, _, _ in PLANTED:
        file = root / name
        file.unlink(missing_ok=True)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    (root / ABNORMAL / "00000007.wav").unlink()  # 7.wav is there in its place
    (root / NORMAL / "00000008.wav").unlink()
    (root / NORMAL / "00000010.wav").unlink()
    (root / NORMAL / "00000010.wav").symlink_to("nowhere")
    archive = write_zip(root / "-6_dB_pump.zip", {"pump/id_02/normal/00000000.wav": GOOD})
    archive.write_bytes(archive.read_bytes()[:-1])
    (root / ".6_dB_fan.partial").mkdir()
    expected = [(place or name, text) for name, _, place, text in PLANTED] + [
        ("pump id_02 at 6 dB", "1004 normal clips, but 1005 were published; missing: 00000008.wav"),
        (f"{NORMAL}/00000010.wav", "no such file"),
        ("-6_dB_pump.zip", f"{archive.stat().st_size} bytes, but 8236951723 were published; {CUT_SHORT}"),
        ("-6_dB_pump.zip", "cannot be read as a zip archive"),
        (".6_dB_fan.partial", "an unfinished mono store; the download command continues it, or delete it"),
    ]

    found = sorted(faults(root))

    assert [place for place, _ in found] == sorted(place for place, _ in expected)
    for (place, text), (_, begin) in zip(found, sorted(expected), strict=True):
        assert text.startswith(begin), place


def test_archives(tmp_path):
    clips = {f"fan/id_00/normal/{number:08d}.wav": wav_bytes(sound(seed=number)) for number in range(2)}
    body = write_zip(tmp_path / "6_dB_fan.zip", clips).read_bytes()
    changed = bytearray(body)
    changed[200] ^= 1

    def published(name):
        return Archive(name, len(body), hashlib.md5(body).hexdigest(), "fan", 0, 2)

    table = [published(f"{level}_dB_{machine}.zip") for level in (6, 0, -6) for machine in ("fan", "pump")]
    for name, data in {
        "0_dB_fan.zip": body[:-1],
        "-6_dB_fan.zip": bytes(changed),
        "0_dB_pump.zip?download=1": write_zip(tmp_path / "x", {"pump/id_00/normal/00000000.wav": b""}).read_bytes(),
        "-6_dB_pump.zip": write_zip(tmp_path / "x", {"readme": b""}).read_bytes(),
        "mine_6dB.zip": write_zip(tmp_path / "x", {"valve/id_00/normal/00000000.wav": b""}).read_bytes(),
    }.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "x").unlink()

    def states(**options):
        report = examine(tmp_path, published=table, **options)
        return {found.path.name: (found.n_clips, found.state) for found in report.archives}

    expected = {
        "-6_dB_fan.zip": (2, "whole"),
        "-6_dB_pump.zip": (0, "another size"),
        "0_dB_fan.zip": (0, "cut short"),
        "0_dB_pump.zip?download=1": (1, "another size"),
        "6_dB_fan.zip": (2, "whole"),
        "mine_6dB.zip": (1, "not a published name"),
    }
    assert states() == expected
    expected |= {"6_dB_fan.zip": (2, "verified"), "-6_dB_fan.zip": (2, "wrong checksum")}
    assert states(checksums=True) == expected
    found = dict(faults(tmp_path, published=table, checksums=True))
    assert found["-6_dB_fan.zip"].startswith(f"MD5 {hashlib.md5(changed).hexdigest()}, but ")
    assert found["0_dB_fan.zip"] == f"{len(body) - 1} bytes, but {len(body)} were published; {CUT_SHORT}"
    assert found["-6_dB_pump.zip"] == "holds no WAV file"


def test_one_archive_may_be_given(tmp_path):
    archive = write_zip(tmp_path / "6_dB_fan.zip", {"fan/id_00/normal/00000000.wav": wav_bytes(sound())})

    assert [found.name for found in examine(archive).sets] == ["fan id_00 at 6 dB"]


def test_a_deep_examination_finds_what_headers_do_not_show(tmp_path):
    folder = tmp_path / "6dB/pump/id_02/normal"
    for number, frames in enumerate((sound(), np.zeros((160_000, 8), np.int16), sound(), sound(seed=1))):
        write_wav(folder / f"{number:08d}.wav", frames)
    members = {f"pump/id_02/normal/{number:08d}.wav": wav_bytes(sound(seed=9 + number)) for number in range(2)}
    archive = write_zip(tmp_path / "0_dB_pump.zip", members, zipfile.ZIP_STORED)
    data = bytearray(archive.read_bytes())
    data[1_000_000] ^= 1  # in the sound of the first
    archive.write_bytes(data)

    quick, deep = (dict(faults(tmp_path, deep=deep)) for deep in (False, True))

    names = [name for name in deep if name not in quick]
    assert [(name, deep[name]) for name in names[:2]] == [
        ("6dB/pump/id_02/normal/00000001.wav", "silent, every sample is 0; copy or download it again"),
        (
            "6dB/pump/id_02/normal/00000002.wav",
            f"has the same sound as {folder}/00000000.wav; one of the two is a copy under a wrong name",
        ),
    ]
    assert names[2] == "0_dB_pump.zip!pump/id_02/normal/00000000.wav"
    assert deep[names[2]].startswith("damaged archive (Bad CRC-32")
    assert len(names) == 3


def test_a_fault_of_all_clips_of_a_folder_is_listed_once(tmp_path):
    for number in range(5):
        write_wav(tmp_path / f"6dB/pump/id_02/normal/{number:08d}.wav", sound(n_channels=1))
        write_wav(tmp_path / f"6_dB_pump/pump/id_02/normal/{number:08d}.wav", sound())

    found = dict(faults(tmp_path))

    first = f"{tmp_path}/6_dB_pump/pump/id_02/normal"
    assert found["6dB/pump/id_02/normal"] == f"all 5 clips: a copy of the clip in {first}; delete one of them"
    assert len(found) == 2  # and the count
    for file in (tmp_path / "6_dB_pump").rglob("*.wav"):
        file.unlink()
    assert dict(faults(tmp_path))["6dB/pump/id_02/normal"].startswith("all 5 clips: 1 channel(s), 8 in the release")


def test_what_a_corpus_is_good_for(tmp_path):
    for unit, counts in {"id_00": (3, 3), "id_02": (3, 2), "id_04": (2, 0)}.items():
        for kind, count in zip(("normal", "abnormal"), counts, strict=True):
            for number in range(count):
                file = write_wav(tmp_path / f"6_dB_fan/fan/{unit}/{kind}/{number:08d}.wav", sound(n_channels=2))
                KeptChannels((0, 3), 8, "6_dB_fan.zip").write(file.parent)

    report = examine(tmp_path)

    def who(rule):
        return [obstacle.partition(":")[0] for obstacle in report.obstacles[rule]]

    assert [found.kinds for found in report.sets] == [{"mono store"}] * 3
    assert [found.kept for found in report.sets] == [{(0, 3)}] * 3
    assert all(" were published" in fault.text for fault in report.faults)
    assert who("split code") == who("split paper") == ["fan id_00 at 6 dB", "fan id_04 at 6 dB"]
    assert "leave nothing to train on" in report.obstacles["split code"][0]
    assert who("split holdout") == ["fan id_04 at 6 dB"]
    assert who("channel 0") == []
    assert report.obstacles["channel nearest"][0] == "fan id_00 at 6 dB: the mono store keeps 0, 3"
    assert len(who("channel nearest")) == len(who("channel mean")) == len(who("channel all")) == 3


def test_list_of_channels_that_is_damaged_is_a_fault(tmp_path):
    file = write_wav(tmp_path / "6dB/fan/id_00/normal/00000000.wav", sound())
    (file.parent / "channels.json").write_text("{}")

    ((place, text),) = faults(tmp_path)

    assert place == "6dB/fan/id_00/normal"
    assert "does not state the stored channels" in text


def test_units_that_are_not_public_are_not_counted(tmp_path):
    write_wav(tmp_path / "6dB/fan/id_01/normal/00000000.wav", sound())

    report = examine(tmp_path)

    assert report.faults == ()
    assert [found.published for found in report.sets] == [None]


def test_level_that_mimii_does_not_have_is_a_fault(tmp_path):
    write_wav(tmp_path / "3dB/fan/id_00/normal/00000000.wav", sound())

    ((place, text),) = faults(tmp_path)

    assert (place, text[:12]) == ("fan id_00 at 3 dB", "not in MIMII")


def test_nothing_there(tmp_path):
    with pytest.raises(InputError, match=r"nowhere: no folder or zip archive there; expected 6_dB_fan.zip"):
        examine(tmp_path / "nowhere")

    report = examine(tmp_path)

    assert (report.faults, report.sets, len(report.absent)) == ((), (), 48)


LAYOUTS = {
    "plain": (wav_bytes(noise(50, 3)), Header(50, 3, 16_000)),
    "extensible": (wav_bytes(noise(50, 8), 44_100, extensible=True), Header(50, 8, 44_100)),
    "24 bit": (wav_bytes(noise(50, 2).astype(np.int32), bits=24), Header(50, 2, 16_000)),
    "float": (wav_bytes(noise(50, 2) / np.float32(2**15)), Header(50, 2, 16_000)),
    "chunk before the samples": (
        riff(format_chunk(1, 2, 16), chunk(b"LIST", bytes(1001)), chunk(b"data", noise(50).tobytes())),
        Header(50, 2, 16_000),
    ),
}


@pytest.mark.parametrize(("data", "expected"), LAYOUTS.values(), ids=LAYOUTS.keys())
def test_header_on_disk_and_in_an_archive(tmp_path, data, expected):
    file = tmp_path / "a.wav"
    file.write_bytes(data)
    archive = write_zip(tmp_path / "6_dB_fan.zip", {"fan/id_00/normal/0.wav": data})

    assert header(WavFile(file)) == expected
    assert header(Mimii(archive).clips()[0].audio) == expected


def test_header_in_an_archive_that_begins_with_much_else(tmp_path):
    data = riff(chunk(b"LIST", bytes(9999)), format_chunk(1, 2, 16), chunk(b"data", noise(50).tobytes()))
    archive = write_zip(tmp_path / "6_dB_fan.zip", {"fan/id_00/normal/0.wav": data})

    assert header(Mimii(archive).clips()[0].audio) == Header(50, None, 16_000)


def test_header_of_what_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "a.wav")

    for name in ("a.wav", "b.wav"):
        with pytest.raises(InputError, match=f"{name}: (found no regular file|no such file)"):
            header(WavFile(tmp_path / name))


def printed(root, **options):
    console = Console(record=True, width=140, highlight=False, file=open(os.devnull, "w"))  # noqa: SIM115
    with console.file:
        healthy = examine_mimii(root, console, **options)
    return healthy, console.export_text()


def test_printed_report(whole):
    healthy, text = printed(whole)

    assert healthy
    assert "pump     id_02  6 dB  1005 of 1005  111 of 111  tree  8         16000  10" in text
    assert "split code       can be run on 1 of 1 units and levels" in text
    assert "1116 clips, 0 faults" in text


@needs_sample
def test_real_sample():
    healthy, text = printed(SAMPLE.parent, deep=True, checksums=True)

    assert not healthy
    assert "fan      id_00  0 dB  20 of 1011  20 of 407  archive  8         16000  10" in text
    assert "leave nothing to train on under --split code" in text
    assert "40 clips, 3 faults" in text
    assert f"{SAMPLE}: 75282663 bytes, but 10411902283 were published; it can be read, but is a part" in text
    assert "fan id_00 at 0 dB: 20 abnormal clips, but 407 were published; missing: 00000020.wav" in text
