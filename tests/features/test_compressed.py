"""FLAC, Ogg and MP3: the samples of the WAV file, and one clear error for what is damaged."""

import numpy as np
import pytest
import soundfile

from features import InputError, WavFile, ZipMember
from features.audio import open_archive
from features.formats.compressed import CompressedSound
from tests.support.wav_files import write_zip

RATE = 16_000
CHIRP = np.sin(np.linspace(0, 60, RATE)[:, None] ** 2 * [1.0, 0.5]) * 0.5  # (n_samples, 2)


def written(path, subtype=None, sound=CHIRP):
    """Write a file; of whole numbers, the upper 16 or 24 bits are kept as they are."""
    soundfile.write(path, sound, RATE, subtype=subtype)
    return path


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24"])
@pytest.mark.parametrize("channel", [0, 1, "mean"])
def test_flac_gives_the_bits_of_its_wav(tmp_path, subtype, channel):
    whole = (CHIRP * 2**23).astype(np.int32) << 8
    flac, wav = (written(tmp_path / f"a{ending}", subtype, whole) for ending in (".flac", ".wav"))
    sound, rate = CompressedSound(WavFile(flac)).read(channel)
    expected, _ = WavFile(wav).read(channel)
    assert rate == RATE
    np.testing.assert_array_equal(sound, expected)


@pytest.mark.parametrize("name", ["a.ogg", "a.mp3", "A.OGG"])
def test_lossy_sound_is_near_the_original(tmp_path, name):
    sounds, rate = CompressedSound(WavFile(written(tmp_path / name))).read_all()
    assert (rate, sounds.dtype, sounds.shape) == (RATE, np.float32, (2, RATE))
    assert np.corrcoef(sounds[1][2000:-2000], CHIRP[2000:-2000, 1])[0, 1] > 0.9


def test_a_member_of_an_archive_is_the_file(tmp_path):
    flac = written(tmp_path / "a.flac")
    archive = write_zip(tmp_path / "a.zip", {"x/a.flac": flac.read_bytes()})
    entry = open_archive(archive).getinfo("x/a.flac")
    member = CompressedSound(ZipMember(archive, entry.filename, entry.CRC, entry.file_size))
    np.testing.assert_array_equal(member.read(0)[0], CompressedSound(WavFile(flac)).read(0)[0])
    assert member.identity.startswith("'x/a.flac'")


def spoilt(path, change):
    path.write_bytes(change(path.read_bytes()))
    return CompressedSound(WavFile(path))


@pytest.mark.parametrize("ending", [".flac", ".ogg"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_file_that_was_cut_short_is_an_error(tmp_path, ending, share):
    cut = spoilt(written(tmp_path / f"a{ending}"), lambda data: data[: int(share * len(data))])
    with pytest.raises(InputError, match=rf"a\{ending}: (cut short|cannot be decoded)"):
        cut.read(0)


@pytest.mark.parametrize("ending", [".flac", ".ogg", ".mp3"])
@pytest.mark.parametrize("content", [b"", b"no sound at all" * 100, b"RIFF", bytes(5000)])
def test_what_is_no_sound_is_one_error(tmp_path, ending, content):
    with pytest.raises(InputError, match=rf"a\{ending}: (empty|cannot be decoded|holds)"):
        spoilt(written(tmp_path / f"a{ending}"), lambda _: content).read(0)


def test_another_format_under_the_name_is_said(tmp_path):
    wav = written(tmp_path / "a.wav")
    with pytest.raises(InputError, match=r"b\.flac: holds WAV, not FLAC"):
        CompressedSound(WavFile(wav.rename(tmp_path / "b.flac"))).read(0)


def test_a_missing_file_and_a_missing_channel_are_said(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        CompressedSound(WavFile(tmp_path / "a.flac")).read(0)
    with pytest.raises(InputError, match="channel 2 asked for, found 2"):
        CompressedSound(WavFile(written(tmp_path / "a.flac"))).read(2)
