"""A mono store sounds like its archive, sample for sample, and costs the archive only when it is whole."""

import hashlib
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from benchmarks.acquisition.download import Download, download
from benchmarks.acquisition.mono_store import has_store, make_store
from benchmarks.datasets.kept_channels import KeptChannels, StoredClip
from benchmarks.datasets.mimii import Mimii
from benchmarks.datasets.mimii_release import Archive
from features import InputError, LogMel, PooledLogMel, WavFile
from features.cache import FeatureCache
from tests.support import hostile_server as hs
from tests.support.cached_features import cached
from tests.support.recordings import SAMPLE, needs_sample
from tests.support.wav_files import noise, wav_bytes, write_wav, write_zip

NAME = "6_dB_fan.zip"


@pytest.fixture
def archive(tmp_path):
    hs.make_archive(tmp_path)
    return tmp_path / NAME


def test_store_gives_the_same_clips_and_sounds(archive, tmp_path):
    before = Mimii(archive).clips()
    sounds = {(clip.path, channel): clip.audio.read(channel)[0] for clip in before for channel in (0, 4)}

    store = make_store(archive, (4, 0))
    clips = Mimii(store).clips()

    assert store == tmp_path / "6_dB_fan"
    assert [(c.path, c.machine, c.unit, c.snr_db, c.label) for c in clips] == [
        (c.path, c.machine, c.unit, c.snr_db, c.label) for c in before
    ]
    for clip in clips:
        for channel in (0, 4):
            np.testing.assert_array_equal(clip.audio.read(channel)[0], sounds[clip.path, channel])
            assert clip.audio.read(channel)[1] == 16_000


@pytest.mark.parametrize("channel", [1, "mean", 8])
def test_channel_that_was_not_kept_is_refused(archive, channel):
    clip = Mimii(make_store(archive, (0, 4))).clips()[0]

    message = (
        rf"0.wav: channel {channel!r} was chosen, but this mono store keeps 0, 4 of 0..7; .* download {NAME} again"
    )
    with pytest.raises(InputError, match=message):
        clip.audio.read(channel)


def test_store_of_all_channels_has_their_mean(archive):
    before = Mimii(archive).clips()[0].audio.read("mean")[0]

    clip = Mimii(make_store(archive, tuple(range(8)))).clips()[0]

    np.testing.assert_array_equal(clip.audio.read("mean")[0], before)


def test_store_of_all_channels_gives_them_in_the_order_of_the_recording(archive):
    before, rate = Mimii(archive).clips()[0].audio.read_all()

    clip = Mimii(make_store(archive, (3, 0, 1, 2, 7, 6, 5, 4))).clips()[0]

    found, found_rate = clip.audio.read_all()
    np.testing.assert_array_equal(found, before)
    assert (found_rate, len(found)) == (rate, 8)


def test_store_of_some_channels_does_not_pass_them_off_as_all(archive):
    clip = Mimii(make_store(archive, (0, 4))).clips()[0]
    with pytest.raises(InputError, match=r"channel 'all' was chosen, but this mono store keeps 0, 4 of 0\.\.7"):
        clip.audio.read_all()


def test_stored_clip_of_another_number_of_channels_than_its_list_is_refused(tmp_path):
    file = write_wav(tmp_path / "a.wav", np.zeros((100, 2), np.int16))
    with pytest.raises(InputError, match=r"a\.wav: found 2 channel\(s\), channels\.json says 3; make the mono store"):
        StoredClip(WavFile(file), KeptChannels((0, 1, 2), 3, "fan.zip")).read_all()


def test_part_of_a_store_that_is_moved_knows_its_channels(archive, tmp_path):
    expected = Mimii(archive).clips()[0].audio.read(4)[0]
    (make_store(archive, (4,)) / "fan").rename(tmp_path / "6dB")
    (tmp_path / "corpus").mkdir()
    (tmp_path / "6dB").rename(tmp_path / "corpus/6_dB_fan")

    clip = Mimii(tmp_path / "corpus").clips()[0]

    np.testing.assert_array_equal(clip.audio.read(4)[0], expected)
    with pytest.raises(InputError, match="keeps 4 of"):
        clip.audio.read(0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[0]",
        '{"channels": [0]}',
        '{"channels": 0, "recorded": 8, "archive": ""}',
        '{"channels": [8], "recorded": 8, "archive": ""}',
        '{"channels": [0, 0], "recorded": 8, "archive": ""}',
        '{"channels": [], "recorded": 8, "archive": ""}',
        '{"channels": ["0"], "recorded": 8, "archive": ""}',
        '{"channels": [0], "recorded": "8", "archive": ""}',
        "\xff",
    ],
)
def test_list_of_channels_that_is_damaged_is_refused_by_name(archive, text):
    store = make_store(archive, (0,))
    (store / "fan/id_00/normal/channels.json").write_bytes(text.encode("latin-1"))

    with pytest.raises(InputError, match=r"normal/channels.json: does not state the stored channels"):
        Mimii(store).clips()


def test_each_channel_has_an_identity_of_its_own(tmp_path):
    file = WavFile(write_wav(tmp_path / "a.wav"), "a.wav")

    identities = {StoredClip(file, KeptChannels((channel,), 8, NAME)).identity for channel in range(8)}

    assert len(identities) == 8
    assert not [text for text in identities if str(tmp_path) in text]


def test_store_is_checked_again_clip_by_clip(archive):
    store = make_store(archive, (0, 4))
    assert make_store(archive, (4,)) == store  # a part of what is kept
    file = store / "fan/id_00/normal/00000001.wav"
    file.write_bytes(file.read_bytes()[:-1] + b"!")

    with pytest.raises(InputError, match=r"00000001.wav: missing, or differs from .*6_dB_fan.zip!fan/id_00/normal"):
        make_store(archive, (0, 4))


def test_half_made_store_is_not_listed_and_is_completed(archive, tmp_path):
    whole = make_store(archive, (0,))
    partial = tmp_path / ".6_dB_fan.partial"
    whole.rename(partial)
    (partial / "fan/id_00/normal/00000001.wav").unlink()  # not reached
    (partial / "fan/id_00/normal/.00000001.wav.part").write_bytes(b"RIFF")  # killed while it was written
    (partial / "fan/id_00/normal/00000002.wav").write_bytes(b"")  # lost with the power
    (partial / "fan/id_00/normal/channels.json").write_bytes(b"")
    assert {clip.audio.name.partition("!")[0] for clip in Mimii(tmp_path).clips()} == {str(archive)}

    store = make_store(archive, (0,))

    assert not partial.exists()
    for clip, original in zip(Mimii(store).clips(), Mimii(archive).clips(), strict=True):
        np.testing.assert_array_equal(clip.audio.read(0)[0], original.audio.read(0)[0])


def test_half_made_store_of_other_channels_is_made_again(archive, tmp_path):
    make_store(archive, (0,)).rename(tmp_path / ".6_dB_fan.partial")

    clip = Mimii(make_store(archive, (3,))).clips()[0]

    np.testing.assert_array_equal(clip.audio.read(3)[0], Mimii(archive).clips()[0].audio.read(3)[0])


def test_folder_of_the_same_name_is_left_alone(archive, tmp_path):
    with zipfile.ZipFile(archive) as unpacked:
        unpacked.extractall(tmp_path / "6_dB_fan")

    with pytest.raises(InputError, match="6_dB_fan: exists, but is not a mono store; move it away, or keep"):
        make_store(archive, (0,))

    shutil.rmtree(tmp_path / "6_dB_fan")
    make_store(archive, (0, 1))
    with pytest.raises(InputError, match="keeps channels 0, 1, but --keep-channels also names 2, 4"):
        has_store(archive, (1, 4, 2))


@pytest.mark.parametrize(
    ("member", "data", "message"),
    [
        ("readme.txt", b"", "1 clips of the layout, and 1 other files that a mono store would lose, e.g. 'readme.txt'"),
        ("fan/id_00/odd/1.wav", wav_bytes(noise(9, 8)), "1 other files that .*, e.g. 'fan/id_00/odd/1.wav'"),
        ("fan/id_00/normal/1.wav", wav_bytes(noise(9, 2)), r"1.wav: channel 4 asked for, found 2 channel"),
        ("fan/id_00/normal/1.wav", wav_bytes(noise(9, 8) / np.float32(3)), "1.wav: finer than the 16 bit"),
        ("fan/id_00/normal/1.wav", wav_bytes(noise(9, 8).astype(np.int32) * 65536 + 1), "1.wav: finer than the 16 bit"),
        ("fan/id_00/normal/1.wav", b"", "1.wav: empty file"),
        ("valve/id_00/normal/1.wav", wav_bytes(noise(9, 8)), "1.wav: does not belong in 6_dB_fan.zip"),
        ("../../../fan/id_00/normal/1.wav", wav_bytes(noise(9, 8)), None),
        ("fan/id_00/normal/a\\b.wav", wav_bytes(noise(9, 8)), "does not belong in 6_dB"),
    ],
)
def test_archive_that_a_store_cannot_hold_is_kept(tmp_path, member, data, message):
    folder = tmp_path / "data"
    sound = wav_bytes(noise(9, 8))
    archive = write_zip(folder / NAME, {"fan/id_00/normal/0.wav": sound, "__MACOSX/fan/._0.wav": b"", member: data})

    if message:
        with pytest.raises(InputError, match=message):
            make_store(archive, (0, 4))
        assert not (folder / "6_dB_fan").exists()
    else:
        make_store(archive, (0, 4))
    assert archive.exists()
    assert {path.name for path in tmp_path.iterdir()} == {"data"}


def test_each_archive_becomes_a_store_as_soon_as_it_is_there(tmp_path):
    six, body = hs.make_archive(tmp_path / "published")
    zero = Archive("0_dB_fan.zip", six.n_bytes, six.md5, "fan", 0, six.n_clips)
    data, there = tmp_path / "data", []
    with hs.serving({six.name: body, zero.name: body}) as server:
        plan = Download(data, (six, zero), (0, 4), server.address)
        stores = download(plan, on_step=lambda *_: there.append(len(list(data.glob("[06]*.zip*")))))
        assert download(plan) == stores  # nothing left to do

    assert stores == [data / "6_dB_fan", data / "0_dB_fan"]
    assert max(there) == 1  # never two archives at a time
    assert not list(data.glob("[06]*.zip*"))
    assert len(server.requests) == 2
    assert [clip.path[:4] for clip in Mimii(data).clips()] == ["0_dB"] * 6 + ["6_dB"] * 6
    assert plan.bytes_needed == plan.bytes_missing == 0


def test_channels_that_no_recording_has(tmp_path):
    for channels in ((), (8,), (0, 0), (-1,)):
        with pytest.raises(InputError, match=r"channels .*: give different indices from 0 to 7"):
            Download(tmp_path, (), channels)


def test_killed_while_the_store_is_made(tmp_path):
    archive, body = hs.make_archive(tmp_path / "published", n_clips=200, n_samples=1000)
    data = tmp_path / "data"
    code = (
        "import sys; from pathlib import Path; from benchmarks.acquisition.download import *\n"
        "from benchmarks.datasets.mimii_release import Archive\n"
        f"download(Download(Path(sys.argv[1]), ({archive!r},), (0,)))"
    )
    data.mkdir()
    (data / NAME).write_bytes(body)
    partial = data / ".6_dB_fan.partial"
    for n_clips in (10, 30):
        process = subprocess.Popen([sys.executable, "-c", code, data])
        while len(list(partial.rglob("0*.wav"))) < n_clips:
            assert process.poll() is None
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        assert (data / NAME).read_bytes() == body
        assert not (data / "6_dB_fan").exists()
    download(Download(data, (archive,), (0,)))

    assert [path.name for path in data.iterdir() if not path.name.endswith(".lock")] == ["6_dB_fan"]
    originals = Mimii(tmp_path / "published").clips()
    for clip, original in zip(Mimii(data).clips(), originals, strict=True):
        np.testing.assert_array_equal(clip.audio.read(0)[0], original.audio.read(0)[0])


def test_killed_between_the_store_and_the_deletion(archive):
    store = make_store(archive, (0,))
    body = archive.read_bytes()
    published = Archive(NAME, len(body), hashlib.md5(body).hexdigest(), "fan", 6, 6)

    assert download(Download(archive.parent, (published,), (0,))) == [store]

    assert not archive.exists()


@needs_sample
def test_real_clips_have_the_same_features_in_each_layout(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    archive = shutil.copy(SAMPLE, data / SAMPLE.name)
    with zipfile.ZipFile(archive) as unpacked:
        members = [name for name in unpacked.namelist() if name.endswith("00.wav")]
        unpacked.extractall(tmp_path / "tree/0dB", members)
        unpacked.extractall(tmp_path / "tree_as_archive/0_dB_fan", members)
    store = make_store(Path(archive), (0, 4))
    cache = FeatureCache(tmp_path / "cache")
    features = {}
    for root in (archive, tmp_path / "tree", tmp_path / "tree_as_archive", store):
        clips = [clip for clip in Mimii(root).clips() if clip.path.endswith("00.wav")]
        assert len(clips) == 2
        for feature in (LogMel(), PooledLogMel()):
            frames = cached(cache, [clip.audio for clip in clips], 4, feature, 16_000).arrays
            features.setdefault(feature, []).append(frames)

    for from_zip, *others in features.values():
        for other in others:
            for expected, found in zip(from_zip, other, strict=True):
                np.testing.assert_array_equal(found, expected)
    assert sum(path.stat().st_size for path in store.rglob("*.wav")) == 40 * (44 + 2 * 320_000)
