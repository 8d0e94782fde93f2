"""The feature cache: computed once, whole or not at all, shared between processes, small in memory."""

import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from features import Feature, InputError, LogMel, PooledLogMel, Waveform
from features.cache import FeatureCache
from tests.support.cached_features import cached


@dataclass(frozen=True)
class Tone:
    """A source of `n_samples` samples of one frequency; `broken` cannot be read."""

    hertz: float
    n_samples: int = 4000
    rate: int = 16_000
    broken: bool = False

    @property
    def identity(self):
        return f"tone {self.hertz} {self.n_samples}"

    @property
    def name(self):
        return self.identity

    def read(self, channel):
        if self.broken:
            raise InputError(f"{self.identity}: cannot be read")
        return np.sin(2 * np.pi * self.hertz * np.arange(self.n_samples) / self.rate).astype(np.float32), self.rate


TONES = [Tone(400.0), Tone(500.0, n_samples=6000), Tone(600.0)]
MEL = LogMel(n_mels=32)


@pytest.fixture
def cache(tmp_path):
    return FeatureCache(tmp_path / "cache")


def test_gives_what_the_feature_gives_for_clips_of_any_length(cache):
    arrays = cached(cache, TONES, 0, MEL, 16_000).arrays
    assert [a.shape for a in arrays] == [(8, 32), (12, 32), (8, 32)]
    for array, tone in zip(arrays, TONES, strict=True):
        np.testing.assert_array_equal(array, MEL(*tone.read(0)))


def test_computes_each_feature_once(cache):
    assert cache.ensure(TONES, 0, [MEL, Waveform()], 16_000) == 2
    assert cache.ensure(TONES, 0, [MEL, Waveform(), PooledLogMel()], 16_000) == 1
    assert cache.ensure(TONES, 0, [MEL, Waveform(), PooledLogMel()], 16_000) == 0


@pytest.mark.parametrize(
    "other",
    [
        lambda c: c.ensure(TONES, "mean", [MEL], 16_000),
        lambda c: c.ensure(TONES, 0, [replace(MEL, hop_length=256)], 16_000),
        lambda c: c.ensure([*TONES[:2], Tone(601.0)], 0, [MEL], 16_000),
        lambda c: c.ensure(TONES[::-1], 0, [MEL], 16_000),
    ],
    ids=["channel", "configuration", "sound", "order"],
)
def test_another_key_is_another_entry(cache, other):
    cache.ensure(TONES, 0, [MEL], 16_000)
    assert other(cache) == 1


def test_arrays_are_read_only_views_of_one_file(cache):
    arrays = cached(cache, TONES, 0, MEL, 16_000).arrays
    with pytest.raises(ValueError, match="read-only"):
        arrays[0][0, 0] = 1.0
    assert all(not array.flags.owndata for array in arrays)


def test_a_source_that_fails_leaves_nothing_behind(cache):
    with pytest.raises(InputError, match=r"tone 500.0 4000: cannot be read"):
        cache.ensure([Tone(400.0), Tone(500.0, broken=True)], 0, [MEL, Waveform()], 16_000)
    assert [path.name for path in cache.root.iterdir() if path.is_dir()] == []


def test_another_sample_rate_is_named(cache):
    with pytest.raises(InputError, match=r"tone 500.0 4000: sampled at 48000 Hz, the corpus at 16000 Hz"):
        cache.ensure([Tone(400.0), Tone(500.0, rate=48_000)], 0, [MEL], 16_000)


@dataclass(frozen=True)
class NotFinite(Feature):
    def __call__(self, waveform, sample_rate):
        return np.full((2, 2), np.nan, dtype=np.float32)


def test_a_feature_that_is_not_finite_is_refused_with_the_clip(cache):
    with pytest.raises(InputError, match=r"tone 400.0 4000: NotFinite\(\) must give finite float32"):
        cache.ensure(TONES, 0, [NotFinite()], 16_000)


def test_a_damaged_entry_is_computed_again(cache):
    before = [array.copy() for array in cached(cache, TONES, 0, MEL, 16_000).arrays]
    (frames,) = cache.root.glob("*/frames.f32")
    frames.write_bytes(frames.read_bytes()[:-4])
    assert cache.ensure(TONES, 0, [MEL], 16_000) == 1
    for array, earlier in zip(cached(cache, TONES, 0, MEL, 16_000).arrays, before, strict=True):
        np.testing.assert_array_equal(array, earlier)


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"feature cache .*file.cache: Not a directory.*--cache"):
        FeatureCache(tmp_path / "file" / "cache").ensure(TONES, 0, [MEL], 16_000)


IN_ANOTHER_PROCESS = """
import sys, resource
from pathlib import Path
from tests.features.test_cache import FeatureCache, MEL, Tone
if len(sys.argv) > 3: resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
print(FeatureCache(Path(sys.argv[1])).ensure([Tone(400.0 + i) for i in range(int(sys.argv[2]))], 0, [MEL], 16_000))
"""


def start(cache, n_clips, *largest_file):
    command = [sys.executable, "-c", IN_ANOTHER_PROCESS, str(cache.root), str(n_clips), *largest_file]
    here = Path(__file__).parents[2]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=here)


def test_two_processes_that_want_the_same_compute_it_once(cache):
    processes = [start(cache, 300) for _ in range(2)]
    assert sorted(process.communicate()[0].strip() for process in processes) == ["0", "1"]


def test_a_full_disk_is_named_and_leaves_nothing_behind(cache):
    _, error = start(cache, 300, "20000").communicate()
    assert f"InputError: feature cache {cache.root}: File too large; free space" in error
    assert [path.name for path in cache.root.iterdir() if path.is_dir()] == []
