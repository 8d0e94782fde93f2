"""The channel rule `all`: each channel as it is alone, side by side, from the file to the ranked table."""

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from benchmarks.datasets.folder import RecordingFolder
from benchmarks.datasets.synthetic import Synthetic
from benchmarks.run.plan import make_plan
from benchmarks.run.protocols import Protocol
from detectors.contract.checks import run_checks
from detectors.contract.variants import create
from features import Feature, InputError, Level, LogMel, PooledLogMel, Waveform, WavFile, ZipMember
from features.cache import FeatureCache
from tests.support.cached_features import cached
from tests.support.end_to_end import run
from tests.support.wav_files import noise, wav_bytes, write_wav, write_zip

N_CHANNELS = 8
MEL = LogMel(n_fft=256, hop_length=128, n_mels=16)
FEATURES = (MEL, Waveform(), Level(), PooledLogMel(mel=MEL))


@pytest.fixture
def cache(tmp_path):
    return FeatureCache(tmp_path / "cache")


def wavs(folder: Path, n_channels: int = N_CHANNELS) -> list[WavFile]:
    """Clips of two lengths."""
    sounds = [noise(n_samples, n_channels, seed) for seed, n_samples in enumerate((1600, 2000, 1600))]
    return [WavFile(write_wav(folder / f"{i}.wav", sound)) for i, sound in enumerate(sounds)]


@pytest.mark.parametrize("kind", ["uint8", "int16", "int32", "float32", "float64"])
def test_all_channels_of_a_file_and_of_an_archive_are_each_channel_bit_for_bit(tmp_path, kind):
    sound = noise(500, 3)
    scaled = sound / 2.0**15 if kind.startswith("float") else sound.astype(np.int64) % 256
    data = wav_bytes(scaled.astype(kind))
    (tmp_path / "a.wav").write_bytes(data)
    file = WavFile(tmp_path / "a.wav")
    with zipfile.ZipFile(write_zip(tmp_path / "a.zip", {"a.wav": data})) as archive:
        entry = archive.getinfo("a.wav")
    member = ZipMember(tmp_path / "a.zip", "a.wav", entry.CRC, entry.file_size)
    for source in (file, member):
        together, rate = source.read_all()
        assert (together.dtype, together.shape, rate) == (np.float32, (3, 500), 16_000)
        np.testing.assert_array_equal(together, [file.read(channel)[0] for channel in range(3)])


def test_one_broken_channel_is_refused_with_all_channels(tmp_path):
    sound = np.zeros((100, 2), np.float32)
    sound[50, 1] = np.nan
    source = WavFile(write_wav(tmp_path / "a.wav", sound))
    source.read(0)
    with pytest.raises(InputError, match=r"a\.wav: holds samples that are NaN"):
        source.read_all()


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: type(feature).__name__)
def test_features_of_all_channels_are_those_of_each_side_by_side(tmp_path, cache, feature):
    sources = wavs(tmp_path)
    together = cached(cache, sources, "all", feature, 16_000).arrays
    each = [cached(cache, sources, channel, feature, 16_000).arrays for channel in range(N_CHANNELS)]
    for clip, of_channels in zip(together, zip(*each, strict=True), strict=True):
        np.testing.assert_array_equal(clip, np.concatenate(of_channels, axis=1))


def test_all_channels_of_a_file_that_has_one_are_channel_0(tmp_path, cache):
    sources = wavs(tmp_path, n_channels=1)
    for feature in FEATURES:
        pairs = (cached(cache, sources, channel, feature, 16_000).arrays for channel in ("all", 0))
        for together, alone in zip(*pairs, strict=True):
            np.testing.assert_array_equal(together, alone)


def test_a_clip_of_another_number_of_channels_is_named_and_leaves_nothing_behind(tmp_path, cache):
    sources = [*wavs(tmp_path), WavFile(write_wav(tmp_path / "stereo.wav", noise(1600, 2)))]
    with pytest.raises(InputError, match=r"stereo\.wav: found 2 channel\(s\), the clips before it have 8; choose one"):
        cached(cache, sources, "all", MEL, 16_000)
    assert [path for path in cache.root.iterdir() if path.is_dir()] == []
    cached(cache, sources, 1, MEL, 16_000)


@dataclass(frozen=True)
class Loud(Feature):
    """As many frames as there are loud samples."""

    def __call__(self, waveform, sample_rate):
        return waveform[waveform > 0.5, np.newaxis]


def test_a_feature_whose_channels_differ_in_frames_is_refused_with_the_clip(tmp_path, cache):
    sound = np.array([[2**15 - 1, 0], [2**15 - 1, 2**15 - 1]], dtype=np.int16)
    with pytest.raises(InputError, match=r"a\.wav: Loud\(\) gave 2, 1 frames, not as many for each channel"):
        cached(cache, [WavFile(write_wav(tmp_path / "a.wav", sound))], "all", Loud(), 16_000)


def recordings(folder: Path) -> dict[str, bytes]:
    """WAV files of 8 channels; anomalies whistle at the microphone 5 alone."""
    files = {}
    whistle = 4000 * np.sin(2 * np.pi * 3000 * np.arange(1600) / 16_000)
    for seed in range(30):
        sound = noise(1600, N_CHANNELS, seed) // 16
        abnormal = seed >= 20
        sound[:, 5] += (abnormal * whistle).astype(np.int16)
        files[f"fan/id_00/{'abnormal' if abnormal else 'normal'}/{seed:03d}.wav"] = wav_bytes(sound)
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return files


def test_a_fault_at_one_microphone_is_found_with_all_channels(tmp_path):
    mixed = "ensemble[members='knn+loudness+iforest[frames=500,feature=LogMel(n_mels=16)]']"
    names = ("conv2d_ae[channels=8,epochs=2]", "knn", "ensemble[members=knn+mahalanobis]", mixed, "loudness", "random")
    files = recordings(tmp_path / "tree")
    corpora = [
        RecordingFolder(tmp_path / "tree"),
        RecordingFolder(write_zip(tmp_path / "zip/corpus.zip", files).parent),
    ]
    tables = []
    for number, (corpus, chosen) in enumerate(zip(corpora, (names, names[:2]), strict=True)):
        results, table = run(corpus, tmp_path / str(number), *chosen, channel="all")
        assert results.name == "code-all"
        assert (table["status"] == "ok").all(), table["message"].tolist()
        assert "Channel: all." in (results / "leaderboard.md").read_text()
        tables.append(table.set_index("detector")["auc"])
    np.testing.assert_array_equal(tables[0][tables[1].index], tables[1])
    assert tables[0]["knn"] == tables[0]["ensemble[members=knn+mahalanobis]"] == 1
    _, single = run(corpora[0], tmp_path / "single", "knn")
    assert single["auc"].item() < 0.8, "the fault is not in the sound of microphone 0"


def test_detectors_of_one_channel_are_left_out_of_a_run_of_all_with_their_reason():
    names = ("conv1d_ae", "conv2d_ae", "conv2d_ae[channels=8]", "ensemble[members=conv1d_ae+knn]", "knn", "stgram")
    detectors = {name: create(name) for name in names}
    corpus = Synthetic(machines=("fan",), n_channels=8)
    plan = make_plan(corpus, Protocol(channel="all"), detectors)
    assert {cell.detector for cell in plan.cells} == {"conv2d_ae[channels=8]", "knn"}
    one, several = "under --channel all, its network takes", "name it conv2d_ae[channels=8] for 8 microphones"
    assert plan.left_out == (
        f"conv1d_ae is left out: {one} the samples of one microphone",
        f"conv2d_ae is left out: under --channel all, it has channels=1; {several}",
        (
            "ensemble[members=conv1d_ae+knn] is left out: under --channel all, its member conv1d_ae: "
            "its network takes the samples of one microphone"
        ),
        f"stgram is left out: {one} the samples and the spectrogram of one microphone",
    )
    assert {cell.detector for cell in make_plan(corpus, Protocol(channel="0"), detectors).cells} == set(names)
    with pytest.raises(InputError, match="stgram is left out: under --channel all"):
        make_plan(corpus, Protocol(channel="all"), {"stgram": detectors["stgram"]})


def test_a_detector_of_several_channels_conforms():
    verdicts = list(run_checks(create("conv2d_ae[channels=2]")))
    assert [verdict for verdict in verdicts if not verdict.ok] == []
