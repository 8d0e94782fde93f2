"""Reading one channel of WAV files and zip members: the numbers, the layouts, the identity, processes and threads."""

import io
import multiprocessing
import os
import pickle
import struct
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile

from features import WavFile, ZipMember
from features.audio import AudioSource, open_archive
from tests.support.recordings import SAMPLE, needs_sample
from tests.support.wav_files import chunk, format_chunk, noise, riff, wav_bytes, write_wav, write_zip


def wav_file(tmp_path: Path, data: bytes) -> WavFile:
    path = tmp_path / "clip.wav"
    path.write_bytes(data)
    return WavFile(path)


def member_of(archive: Path, name: str) -> ZipMember:
    with zipfile.ZipFile(archive) as file:
        entry = file.getinfo(name)
    return ZipMember(archive, name, entry.CRC, entry.file_size)


# Full scale and one step below and above silence, worked by hand for each encoding.
@pytest.mark.parametrize(
    ("stored", "bits", "expected"),
    [
        (np.array([0, 127, 128, 255], dtype=np.uint8), 8, [-1, -1 / 128, 0, 127 / 128]),
        (np.array([-(2**15), -1, 0, 2**14], dtype=np.int16), 16, [-1, -(2**-15), 0, 0.5]),
        (np.array([-(2**23), -1, 0, 2**22], dtype=np.int32), 24, [-1, -(2**-23), 0, 0.5]),
        (np.array([-(2**31), -(2**8), 0, 2**30], dtype=np.int32), 32, [-1, -(2**-23), 0, 0.5]),
        (np.array([-1, -0.25, 0, 1.5], dtype=np.float32), 32, [-1, -0.25, 0, 1.5]),
        (np.array([-1, -0.25, 0, 1.5], dtype=np.float64), 64, [-1, -0.25, 0, 1.5]),
    ],
    ids=["8 bit", "16 bit", "24 bit", "32 bit", "float32", "float64"],
)
@pytest.mark.parametrize("extensible", [False, True], ids=["plain", "extensible"])
def test_every_encoding_is_scaled_to_full_scale_1(tmp_path, stored, bits, expected, extensible):
    source = wav_file(tmp_path, wav_bytes(stored[:, np.newaxis], 44_100, bits, extensible))

    sound, sample_rate = source.read(0)

    assert sample_rate == 44_100
    assert sound.dtype == np.float32
    np.testing.assert_array_equal(sound, np.float32(expected))


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("kind", ["WAV", "WAVEX"])
def test_samples_equal_those_of_soundfile(tmp_path, subtype, kind):
    sound = np.random.default_rng(0).uniform(-1, 1, (1001, 3))  # odd, so that 8 and 24 bit data end in a pad byte
    path = tmp_path / "clip.wav"
    soundfile.write(path, sound, 8000, subtype=subtype, format=kind)
    expected, _ = soundfile.read(path, dtype="float32", always_2d=True)

    for channel in range(3):
        np.testing.assert_array_equal(WavFile(path).read(channel)[0], expected[:, channel])


def test_mean_is_taken_over_channels(tmp_path):
    frames = np.array([[2**14, 2**14, 2**14], [2**14, 0, -(2**14)], [2**13, 0, 2**14]], dtype=np.int16)

    sound, _ = wav_file(tmp_path, wav_bytes(frames)).read("mean")

    np.testing.assert_array_equal(sound, np.float32([0.5, 0, 0.25]))


def test_mean_of_8_bit_sound_is_centred(tmp_path):
    sound, _ = wav_file(tmp_path, wav_bytes(np.array([[128, 192]], dtype=np.uint8))).read("mean")

    np.testing.assert_array_equal(sound, np.float32([0.25]))


@pytest.mark.parametrize(
    "build",
    [
        lambda layout, data: riff(chunk(b"JUNK", b"abc"), layout, chunk(b"LIST", b"odd"), data),
        lambda layout, data: riff(layout, data, chunk(b"LIST", b"INFOafter"), chunk(b"cue ", b"\0" * 4)),
        lambda layout, data: riff(layout, data, size=0),
        lambda layout, data: riff(layout, data, size=0xFFFFFFFF),
        lambda layout, data: riff(layout, data) + b"\1\2\3",
        lambda layout, data: riff(layout, b"data" + struct.pack("<I", 0xFFFFFFFF) + data[8:] + b"\0"),
    ],
    ids=["chunks before", "chunks after", "length 0", "length too long", "bytes after the end", "streamed"],
)
def test_what_surrounds_the_samples_does_not_matter(tmp_path, build):
    frames = noise()
    data = build(format_chunk(1, 2, 16), chunk(b"data", frames.tobytes()))

    sound, _ = wav_file(tmp_path, data).read(1)

    np.testing.assert_array_equal(sound, frames[:, 1] / np.float32(2**15))


def test_extensible_header_is_that_of_mimii():
    assert len(wav_bytes(noise(0, 8), extensible=True)) == 80


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED], ids=["stored", "deflated"])
def test_zip_member_reads_like_the_file(tmp_path, compression):
    data = wav_bytes(noise(5000, 8))
    archive = write_zip(tmp_path / "a.zip", {"fan/clip.wav": data, "fan/other.wav": wav_bytes(noise(9))}, compression)

    for channel in (0, 7, "mean"):
        sound, sample_rate = member_of(archive, "fan/clip.wav").read(channel)
        np.testing.assert_array_equal(sound, wav_file(tmp_path, data).read(channel)[0])
        assert sample_rate == 16_000


@needs_sample
def test_real_clips_equal_soundfile_on_all_channels(tmp_path):
    name = "fan/id_00/abnormal/00000015.wav"
    with zipfile.ZipFile(SAMPLE) as archive:
        path = Path(archive.extract(name, tmp_path))
    expected, _ = soundfile.read(path, dtype="float32")  # (160000, 8)

    for source in (member_of(SAMPLE, name), WavFile(path)):
        for channel in range(8):
            sound, sample_rate = source.read(channel)
            assert sample_rate == 16_000
            np.testing.assert_array_equal(sound, expected[:, channel])
        np.testing.assert_allclose(source.read("mean")[0], expected.mean(axis=1, dtype=np.float64), atol=1e-7)


def test_result_is_fresh_and_contiguous(tmp_path):
    source = wav_file(tmp_path, wav_bytes(noise().astype(np.float32)))
    sound, _ = source.read(0)
    sound[:] = 0

    assert source.read(0)[0].any()
    assert sound.flags.c_contiguous


def test_identity_of_a_file_changes_with_size_and_time_not_with_the_root(tmp_path):
    here = write_wav(tmp_path / "here/fan/clip.wav")
    there = write_wav(tmp_path / "there/fan/clip.wav")
    for path in (here, there):
        os.utime(path, ns=(1, 1))
    identity = WavFile(here, "fan/clip.wav").identity

    assert WavFile(there, "fan/clip.wav").identity == identity
    assert str(tmp_path) not in identity
    assert WavFile(here).identity != WavFile(there).identity  # no name inside a corpus: the path keeps them apart
    os.utime(there, ns=(1, 2))
    assert WavFile(there, "fan/clip.wav").identity != identity
    write_wav(there, noise(7))
    os.utime(there, ns=(1, 1))
    assert WavFile(there, "fan/clip.wav").identity != identity


def test_identity_of_a_member_changes_with_its_bytes_not_with_the_archive(tmp_path):
    same = {"clip.wav": wav_bytes(noise(seed=1))}
    first, second = write_zip(tmp_path / "first.zip", same), write_zip(tmp_path / "sub/second.zip", same)
    other = write_zip(tmp_path / "other.zip", {"clip.wav": wav_bytes(noise(seed=2))})

    assert member_of(first, "clip.wav").identity == member_of(second, "clip.wav").identity
    assert member_of(first, "clip.wav").identity != member_of(other, "clip.wav").identity


@pytest.mark.parametrize("name", ["a\nb.wav", "\udcff.wav", "../../etc/clip.wav"])
def test_identity_is_one_line_of_ascii(tmp_path, name):
    for source in (ZipMember(tmp_path / "a.zip", name, 1, 2), WavFile(write_wav(tmp_path / "c.wav"), name)):
        assert source.identity.isascii()
        assert source.identity.isprintable()


def _read_mean(source: AudioSource) -> float:
    return float(source.read("mean")[0].mean())


@pytest.fixture
def many_members(tmp_path):
    archive = write_zip(tmp_path / "a.zip", {f"{i}.wav": wav_bytes(noise(2000, 2, seed=i)) for i in range(24)})
    return [member_of(archive, f"{i}.wav") for i in range(24)]


def test_archive_is_opened_once_per_process(many_members):
    first = open_archive(many_members[0].archive)

    assert all(open_archive(source.archive) is first for source in many_members)


def test_replaced_archive_is_opened_anew(tmp_path):
    archive = write_zip(tmp_path / "a.zip", {"clip.wav": wav_bytes(noise(100, seed=1))})
    before = member_of(archive, "clip.wav").read(0)[0]
    write_zip(archive, {"clip.wav": wav_bytes(noise(300, seed=2))})

    assert len(member_of(archive, "clip.wav").read(0)[0]) == 300
    assert len(before) == 100


def test_members_read_alike_from_many_threads(many_members):
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(_read_mean, many_members * 8)) == [_read_mean(s) for s in many_members] * 8


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
def test_members_read_alike_from_other_processes(many_members, method):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"{method}: not on this system")
    here = [_read_mean(source) for source in many_members]  # the archive is open before the fork

    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map(_read_mean, many_members * 4, chunksize=1) == here * 4


def test_sources_pickle_small(tmp_path):
    path = write_wav(tmp_path / "clip.wav")
    archive = write_zip(tmp_path / "a.zip", {"clip.wav": path.read_bytes()})
    for source in (WavFile(path, "fan/clip.wav"), member_of(archive, "clip.wav")):
        source.read(0)
        copy = pickle.loads(pickle.dumps(source))
        assert copy == source
        assert len(pickle.dumps(source)) < 500
        np.testing.assert_array_equal(copy.read(1)[0], source.read(1)[0])


def test_soundfile_reads_what_these_tests_write():
    for data in (wav_bytes(noise()), wav_bytes(noise(), extensible=True)):
        sound, sample_rate = soundfile.read(io.BytesIO(data), dtype="int16")
        np.testing.assert_array_equal(sound, noise())
        assert sample_rate == 16_000
