"""Damaged, lying and hostile audio: always `InputError` that names the file, or sound that can be trusted."""

import os
import re
import struct
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks.datasets.mimii import Mimii
from benchmarks.datasets.mimii_layout import MACHINES
from features import InputError, WavFile, ZipMember
from features.audio import LARGEST_CLIP
from tests.support.wav_files import chunk, format_chunk, noise, riff, wav_bytes, write_wav, write_zip

GOOD = wav_bytes(noise(200, 8), extensible=True)
HEADER = 80  # bytes of GOOD before the samples
DATA = chunk(b"data", noise().tobytes())


def refusal(source: WavFile | ZipMember, channel: int | str = 0) -> str:
    """Return the message with which a source refuses to be read."""
    with pytest.raises(InputError) as error:
        source.read(channel)
    return str(error.value)


def patched(at: int, replacement: bytes, data: bytes = GOOD) -> bytes:
    return data[:at] + replacement + data[at + len(replacement) :]


DAMAGED_FILES = {
    "zero-length": (b"", "empty file, 0 bytes"),
    "text": (b"machine,id,label\nfan,id_00,normal\n", r"starts with b'machine,id,l'"),
    "big-endian": (patched(0, b"RIFX"), "starts with b'RIFX"),
    "header cut": (GOOD[:30], "cut short|'fmt ' of 10 bytes, needs 16"),
    "chunk cut": (GOOD[:75], "no 'data' chunk found in 75 bytes"),
    "samples cut between frames": (GOOD[:-16], "199 samples found of the 200"),
    "samples cut inside a frame": (GOOD[:-7], "199 samples found of the 200"),
    "only a header": (GOOD[:HEADER], "0 samples found of the 200"),
    "no samples": (wav_bytes(noise(0)), "no samples"),
    "streamed without samples": (riff(format_chunk(1, 2, 16), chunk(b"data", b"ab", 0xFFFFFFFF)), "no samples"),
    "no data chunk": (riff(format_chunk(1, 2, 16), chunk(b"LIST", b"INFO")), "no 'data' chunk"),
    "no format chunk": (riff(DATA), "no 'fmt ' chunk before the data"),
    "format after the data": (riff(DATA, format_chunk(1, 2, 16)), "no 'fmt ' chunk before the data"),
    "chunk longer than the file": (riff(chunk(b"JUNK", b"", 2**31), format_chunk(1, 2, 16), DATA), "no 'data' chunk"),
    "endless small chunks": (riff(chunk(b"JUNK", b"") * 5000, format_chunk(1, 2, 16), DATA), "no 'data' chunk"),
    "part of a frame": (riff(format_chunk(1, 2, 16), chunk(b"data", b"abcdef")), "6 bytes are no whole number of"),
    "no channels": (patched(22, b"\0\0"), "0 channels"),
    "no sample rate": (patched(24, b"\0\0\0\0"), "at 0 Hz"),
    "wrong frame": (patched(32, b"\3\0"), "frames of 3 bytes"),
    "A-law": (riff(format_chunk(6, 2, 8), DATA), "codec 0x0006, A-law"),
    "mu-law, extensible": (riff(format_chunk(7, 2, 8, extensible=True), DATA), "codec 0x0007, mu-law"),
    "IMA ADPCM": (riff(format_chunk(17, 1, 4), DATA), "codec 0x0011, IMA ADPCM"),
    "unknown codec": (riff(format_chunk(0x1234, 1, 16), DATA), "codec 0x1234, unknown"),
    "unknown sub-format": (patched(48, b"\xff"), "sub-format 00000001-00ff-"),
    "short extension": (riff(chunk(b"fmt ", struct.pack("<HHIIHH", 0xFFFE, 1, 8000, 16000, 2, 16)), DATA), "needs 40"),
    "40 bits": (riff(format_chunk(1, 2, 40), DATA), "unsupported encoding, 40 bits"),
    "floats of 16 bits": (riff(format_chunk(3, 2, 16), DATA), "unsupported encoding, 16 bits"),
    "NaN": (wav_bytes(np.array([[0, 0.5, np.nan]], dtype=np.float32).T), "NaN, infinite"),
    "infinity": (wav_bytes(np.array([[0, -np.inf]], dtype=np.float64).T), "NaN, infinite"),
    "beyond float32": (wav_bytes(np.array([[0, 1e300]], dtype=np.float64).T), "beyond 2.31"),
}


@pytest.mark.parametrize(("data", "message"), DAMAGED_FILES.values(), ids=DAMAGED_FILES.keys())
def test_damaged_file_is_refused_by_name_alike_on_disk_and_in_an_archive(tmp_path, data, message):
    path = tmp_path / "clip.wav"
    path.write_bytes(data)
    archive = write_zip(tmp_path / "6_dB_fan.zip", {"fan/clip.wav": data})
    member = ZipMember(archive, "fan/clip.wav", zlib.crc32(data), len(data))

    for source, name in ((WavFile(path), str(path)), (member, f"{archive}!fan/clip.wav")):
        refused = refusal(source)
        assert refused.startswith(f"{name}: ")
        assert re.search(message, refused), refused


@pytest.mark.parametrize("kind", ["FLAC", "OGG", "AIFF", "RF64"])
def test_other_sound_under_the_name_of_wav_is_refused(tmp_path, kind):
    path = tmp_path / "clip.wav"
    soundfile.write(path, np.zeros(1000), 16_000, format=kind)

    assert "no RIFF WAVE file, starts with b'" in refusal(WavFile(path))


@pytest.mark.parametrize("channel", [2, 99, -1, "left", 1.5])
def test_channel_that_is_not_there_is_refused_with_the_number_found(tmp_path, channel):
    refused = refusal(WavFile(write_wav(tmp_path / "clip.wav", noise(9, 2))), channel)

    assert f"channel {channel!r} asked for, found 2 channel(s); give 0..1 or 'mean'" in refused


def test_nan_on_another_channel_matters_to_the_mean_only(tmp_path):
    path = write_wav(tmp_path / "clip.wav", np.array([[0.5, np.nan], [0.25, np.inf]], dtype=np.float32))

    np.testing.assert_array_equal(WavFile(path).read(0)[0], np.float32([0.5, 0.25]))
    assert "NaN" in refusal(WavFile(path), "mean")


def test_missing_file_is_refused(tmp_path):
    for source in (WavFile(tmp_path / "clip.wav"), ZipMember(tmp_path / "a.zip", "clip.wav", 0, 0)):
        assert "no such file" in refusal(source)
    with pytest.raises(InputError, match="no such file"):
        _ = WavFile(tmp_path / "clip.wav").identity


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_folder_pipe_and_device_are_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "folder.wav").mkdir()
    os.symlink("/dev/zero", tmp_path / "device.wav")
    os.symlink("loop.wav", tmp_path / "loop.wav")

    for name in ("pipe", "folder", "device"):
        assert "no regular file" in refusal(WavFile(tmp_path / f"{name}.wav"))
    assert "no such file" in refusal(WavFile(tmp_path / "loop.wav"))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may read everything")
def test_forbidden_file_is_refused(tmp_path):
    path = write_wav(tmp_path / "clip.wav")
    path.chmod(0)

    assert "check its permissions" in refusal(WavFile(path))


def test_huge_file_is_refused_unread(tmp_path):
    path = tmp_path / "clip.wav"
    with open(path, "wb") as file:
        file.truncate(LARGEST_CLIP + 1)  # takes no room on disk

    assert f"at most {LARGEST_CLIP}" in refusal(WavFile(path))


# Offsets inside the directory entry and the local header of a zip member (APPNOTE 4.3.7, 4.3.12).
CENTRAL, LOCAL = b"PK\1\2", b"PK\3\4"


def zip_of(tmp_path: Path, data: bytes = GOOD, compression: int = zipfile.ZIP_DEFLATED) -> tuple[Path, ZipMember]:
    archive = write_zip(tmp_path / "0_dB_fan.zip", {"clip.wav": data}, compression)
    return archive, ZipMember(archive, "clip.wav", zlib.crc32(data), len(data))


def patch_entry(archive: Path, offset: int, layout: str, value: int) -> None:
    """Change one field of the directory entry, and of the local header where it has the field too."""
    data = bytearray(archive.read_bytes())
    struct.pack_into(layout, data, data.rindex(CENTRAL) + offset, value)
    if offset < 28:
        struct.pack_into(layout, data, data.index(LOCAL) + offset - 2, value)
    archive.write_bytes(data)


def test_encrypted_member_is_refused(tmp_path):
    archive, member = zip_of(tmp_path)
    patch_entry(archive, 8, "<H", 1)

    assert f"{archive}!clip.wav: encrypted; unpack" in refusal(member)


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compression_without_a_bound_is_refused(tmp_path, compression):
    _, member = zip_of(tmp_path, compression=compression)

    assert f"compression method {compression}, known are 0 (stored) and 8 (deflated)" in refusal(member)


def test_wrong_checksum_is_refused(tmp_path):
    archive, member = zip_of(tmp_path, compression=zipfile.ZIP_STORED)
    data = archive.read_bytes()
    at = data.index(GOOD[HEADER : HEADER + 20])
    archive.write_bytes(patched(at, b"\xff\xff", data))

    assert "0_dB_fan.zip!clip.wav: damaged archive (Bad CRC-32" in refusal(member)


def test_broken_deflate_stream_is_refused(tmp_path):
    archive, member = zip_of(tmp_path)
    data = archive.read_bytes()
    archive.write_bytes(patched(data.index(b"clip.wav") + 8, b"\xff" * 40, data))

    assert "damaged archive" in refusal(member)


def test_member_that_inflates_to_less_than_stated_is_refused(tmp_path):
    archive, member = zip_of(tmp_path)
    patch_entry(archive, 24, "<I", len(GOOD) + 50)

    assert "damaged archive" in refusal(ZipMember(archive, "clip.wav", member.crc, len(GOOD) + 50))


def test_bomb_is_refused_before_it_is_inflated(tmp_path):
    archive, member = zip_of(tmp_path)
    patch_entry(archive, 24, "<I", LARGEST_CLIP + 1)

    assert f"at most {LARGEST_CLIP}" in refusal(ZipMember(archive, "clip.wav", member.crc, LARGEST_CLIP + 1))


def test_bomb_that_states_a_small_size_is_inflated_no_further(tmp_path):
    archive, member = zip_of(tmp_path, data=b"\0" * 50_000_000)
    patch_entry(archive, 24, "<I", 1000)
    tracemalloc.start()
    try:
        refused = refusal(ZipMember(archive, "clip.wav", member.crc, 1000))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert "damaged archive" in refused
    assert peak < 5_000_000


def test_header_that_states_gigabytes_takes_no_memory(tmp_path):
    path = tmp_path / "clip.wav"
    path.write_bytes(patched(HEADER - 4, struct.pack("<I", 2**31), GOOD))
    tracemalloc.start()
    try:
        refused = refusal(WavFile(path))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert "200 samples found of the 134217728" in refused
    assert peak < 1_000_000


def test_archive_that_changed_since_it_was_listed_is_refused(tmp_path):
    archive, member = zip_of(tmp_path)
    write_zip(archive, {"clip.wav": wav_bytes(noise(50)), "more.wav": GOOD})
    assert "has changed since it was listed" in refusal(member)

    write_zip(archive, {"other.wav": GOOD})
    assert "holds no such member; list the dataset again" in refusal(member)


@pytest.mark.parametrize("keep", [0, 10, -1, -30], ids=lambda keep: f"cut at {keep}")
def test_archive_cut_short_is_refused(tmp_path, keep):
    archive, member = zip_of(tmp_path)
    archive.write_bytes(archive.read_bytes()[:keep])

    refused = refusal(member)
    assert refused.startswith(f"{archive}: cannot be read as a zip archive of ")
    assert "complete or repeat the download" in refused


def mutated(data: bytes, rng: np.random.Generator, n_head: int) -> bytes:
    """Change some bytes, mostly among the first `n_head`; cut, repeat or insert a piece now and then."""
    changed = bytearray(data)
    for _ in range(rng.integers(1, 6)):
        end = n_head if rng.random() < 0.8 else len(changed)
        changed[rng.integers(end)] = rng.choice([0, 1, 2, 3, 0x7F, 0x80, 0xFE, 0xFF, rng.integers(256)])
    start, stop = sorted(rng.integers(0, len(changed), 2))
    action = rng.random()
    if action < 0.1:
        del changed[start:stop]
    elif action < 0.2:
        changed[start:start] = changed[start:stop]
    elif action < 0.3:
        del changed[start:]
    return bytes(changed)


def sound_or_refusal(source: WavFile | ZipMember, channel: int | str) -> np.ndarray | str:
    """Read a channel, or return the message of `InputError`; any other exception fails the test."""
    try:
        return source.read(channel)[0]
    except InputError as error:
        return str(error)


def read_or_refused(source: WavFile | ZipMember, name: Path, n_bytes: int) -> bool:
    """Check what any channel of it gives; return whether there was sound."""
    results = [sound_or_refusal(source, channel) for channel in (0, 1, "mean")]
    sounds = [result for result in results if isinstance(result, np.ndarray)]
    for sound in sounds:
        assert sound.dtype == np.float32
        assert sound.ndim == 1
        assert 0 < len(sound) <= n_bytes
        assert np.isfinite(sound).all()
    assert all(result.startswith(str(name)) for result in results if isinstance(result, str))
    return bool(sounds)


SEEDS = {
    "mimii": GOOD,
    "mono": wav_bytes(noise(50, 1)),
    "24 bit": wav_bytes(noise(50).astype(np.int32), bits=24),
    "float32": wav_bytes(noise(50).astype(np.float32)),
    "float64": wav_bytes(noise(50).astype(np.float64), extensible=True),
    "more chunks": riff(chunk(b"LIST", b"odd"), format_chunk(1, 2, 16), chunk(b"fact", b"1234"), DATA),
}


@pytest.mark.parametrize("data", SEEDS.values(), ids=SEEDS.keys())
def test_mutated_files_are_read_or_refused(tmp_path, data):
    rng = np.random.default_rng(7)
    path = tmp_path / "clip.wav"
    n_read = 0
    for _ in range(400):
        changed = mutated(data, rng, min(HEADER, len(data)))
        path.write_bytes(changed)
        n_read += read_or_refused(WavFile(path), path, len(changed))

    assert 0 < n_read < 400  # both outcomes were met


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED], ids=["stored", "deflated"])
def test_mutated_archives_are_read_or_refused(tmp_path, compression):
    rng = np.random.default_rng(8)
    archive, member = zip_of(tmp_path, compression=compression)
    data = archive.read_bytes()
    n_read = 0
    for i in range(400):
        turned = mutated(data[::-1], rng, 120)[::-1] if i % 2 else mutated(data, rng, 60)  # directory or local header
        archive.write_bytes(turned)
        n_read += read_or_refused(member, archive, len(GOOD))
        archive.unlink()

    assert 0 < n_read < 400


@pytest.mark.filterwarnings("ignore:.* (left out|found twice)")
def test_mutated_directories_of_archives_are_listed_inside_the_corpus_or_refused(tmp_path):
    rng = np.random.default_rng(9)
    names = [f"fan/id_00/{kind}/{number:08d}.wav" for kind in ("normal", "abnormal") for number in range(3)]
    archive = write_zip(tmp_path / "6_dB_fan.zip", dict.fromkeys(names, GOOD))
    data = archive.read_bytes()
    refusals, n_listed = [], 0
    for _ in range(400):
        archive.write_bytes(mutated(data[::-1], rng, 600)[::-1])
        try:
            clips = Mimii(tmp_path).clips()
        except InputError as error:
            refusals.append(str(error))
            continue
        n_listed += 1
        for clip in clips:
            assert clip.path.split("/")[1] in MACHINES
            read_or_refused(clip.audio, archive, len(GOOD))

    assert all(str(tmp_path) in refusal for refusal in refusals)
    assert 0 < n_listed < 400
