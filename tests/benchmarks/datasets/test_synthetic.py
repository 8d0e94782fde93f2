"""The synthetic corpus: the same samples everywhere, the stated SNR, the physics that its pages promise."""

import hashlib
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy.signal import welch
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

from benchmarks.datasets.synthesis import NORMAL, Fault, SyntheticAudio, faults_of, units_of
from benchmarks.datasets.synthesis import fan as fans
from benchmarks.datasets.synthesis import pump as pumps
from benchmarks.datasets.synthesis import slider as sliders
from benchmarks.datasets.synthesis import valve as valves
from benchmarks.datasets.synthesis.source import LEVEL, REFERENCE_CLIPS, unit_power
from benchmarks.datasets.synthetic import Synthetic, export_corpus
from benchmarks.datasets.synthetic_pictures import draw
from features import InputError, PooledLogMel, WavFile
from tests.support.command_line import ROOT

MACHINES = ("fan", "pump", "slider", "valve")
SMALL = Synthetic(machines=("fan", "valve"), units=("id_00",), snrs_db=(6.0, -6.0), normals=3, anomalies=2, seconds=1.0)
GOLDEN = "046077ed2efd"  # changed only on purpose: `python -m tests.benchmarks.datasets.test_synthetic` prints it


def source(machine="fan", unit="id_00", snr_db=0.0, anomalous=False, index=0, seconds=1.0, n_channels=1, seed=0):
    return SyntheticAudio(seed, machine, unit, snr_db, anomalous, index, seconds, n_channels)


def rng(seed=0):
    return np.random.Generator(np.random.PCG64(seed))


def golden_hash():
    """Hash the int16 samples of a normal and an abnormal clip per machine, and of one array recording."""
    digest = hashlib.sha256()
    clips = [source(machine, "id_02", -6.0, anomalous, 7) for machine in MACHINES for anomalous in (False, True)]
    for clip in [*clips, source("pump", n_channels=8)]:
        digest.update(clip.frames().astype("<i2").tobytes())
    return digest.hexdigest()[:12]


def band_power(sound, low, high):
    frequencies, power = welch(sound, 16_000, nperseg=2048)
    return power[(frequencies >= low) & (frequencies < high)].mean()


def test_samples_are_those_of_the_golden_hash():
    assert golden_hash() == GOLDEN


def test_another_process_makes_the_same_samples():
    environment = os.environ | {"PYTHONHASHSEED": "7"}
    command = [sys.executable, "-m", __spec__.name]
    run = subprocess.run(command, capture_output=True, text=True, env=environment, check=True, cwd=ROOT)
    assert run.stdout.strip() == GOLDEN


def test_the_default_corpus_is_laid_out_like_mimii():
    clips = Synthetic().clips()
    assert len(clips) == 4 * 2 * 3 * 260
    paths = [clip.path for clip in clips]
    assert paths == sorted(paths)
    assert len(set(paths)) == len(paths)
    first = next(clip for clip in clips if clip.path == "-6_dB_slider/slider/id_02/abnormal/00000059.wav")
    assert (first.machine, first.unit, first.snr_db, first.label, first.split) == ("slider", "id_02", -6.0, 1, None)
    assert "6_dB_fan/fan/id_00/normal/00000199.wav" in paths


def test_listing_generates_nothing():
    generated = unit_power.cache_info().misses
    clips = Synthetic(seed=99, normals=5000, seconds=60.0).clips()
    assert len(clips) == 4 * 2 * 3 * 5060
    assert unit_power.cache_info().misses == generated


def test_a_smaller_corpus_is_the_beginning_of_a_larger_one():
    larger = {clip.path: clip.audio for clip in Synthetic(seconds=1.0).clips()}
    for clip in SMALL.clips():
        assert larger[clip.path] == clip.audio


def test_a_source_is_small_and_survives_pickling():
    pickled = pickle.dumps(source())
    assert len(pickled) < 400
    assert np.array_equal(pickle.loads(pickled).read(0)[0], source().read(0)[0])


def test_each_recipe_has_an_identity_of_its_own():
    one = source()
    others = [source(seed=1), source(index=1), source(anomalous=True), source(snr_db=6.0), source(n_channels=8)]
    assert len({one.identity, *(other.identity for other in others)}) == 6
    corpora = [Synthetic(), Synthetic(seed=1), Synthetic(normals=100), Synthetic(seconds=2.0)]
    assert len({corpus.identity for corpus in corpora}) == 4


@pytest.mark.parametrize("machine", MACHINES)
def test_each_level_holds_the_same_machine_sound_in_other_noise(machine):
    levels = [source(machine, snr_db=snr_db, index=4) for snr_db in (6.0, 0.0, -6.0)]
    left = [clip.read(0)[0] - clip.noise() for clip in levels]
    for sound in left:
        assert np.abs(sound - levels[0].machine_sound()).max() <= 0.51 / 32768  # the rounding to 16 bits
    loud, soft = levels[2].noise(), levels[1].noise()
    assert abs(np.corrcoef(loud, soft)[0, 1]) < 0.3


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("snr_db", [6.0, -6.0])
def test_noise_is_set_against_the_mean_power_of_the_unit(machine, snr_db):
    clips = [source(machine, "id_02", snr_db, index=index) for index in range(REFERENCE_CLIPS)]
    powers = np.array([np.mean(clip.machine_sound() ** 2) for clip in clips])
    assert np.mean(powers) == pytest.approx(LEVEL**2, rel=1e-9)
    assert 10 * np.log10(np.mean(powers) / np.mean(clips[0].noise() ** 2)) == pytest.approx(snr_db, abs=1e-6)
    assert np.std(10 * np.log10(powers)) > 0.5  # so the SNR of single clips scatters


@pytest.mark.parametrize("machine", MACHINES)
def test_nothing_clips(machine):
    for unit in units_of(machine):
        for index in range(8):
            assert np.abs(source(machine, unit, -6.0, True, index, seconds=2.0).frames().astype(int)).max() < 30_000


@pytest.mark.parametrize("unit", ["id_00", "id_02", "id_04", "id_06"])
def test_blade_pass_tone_lies_where_the_geometry_puts_it(unit):
    fan = fans.UNITS[unit]
    assert fan.blade_pass == pytest.approx(fan.blades * fan.rpm / 60)
    sound = np.concatenate([source("fan", unit, index=index, seconds=2.0).machine_sound() for index in range(8)])
    frequencies, power = welch(sound, 16_000, nperseg=16_384)
    power[frequencies < 1.5 * 2 * fans.MAINS if fan.blade_pass > 160 else frequencies < 1.05 * 2 * fans.MAINS] = 0.0
    assert frequencies[np.argmax(power)] == pytest.approx(fan.blade_pass, rel=0.02)


def test_valve_opens_and_closes_at_other_times_in_each_clip():
    valve = valves.UNITS["id_00"]
    drawn = [valves.events(valve, rng(seed), 4.0) for seed in range(20)]
    counts = [np.sum(opened > 0) for opened, _ in drawn]
    assert min(counts) >= 2
    assert len(set(counts)) >= 4
    for opened, closed in drawn:
        assert np.all(opened < closed)
        assert np.all(closed[:-1] < opened[1:])
        assert np.ptp(np.diff(opened)) > 0.05


def test_slider_goes_back_and_forth_over_its_stroke():
    slide = sliders.UNITS["id_00"]
    velocity, starts = sliders.motion(slide, rng(), 64_000)
    position = np.cumsum(velocity) / 16_000
    assert np.ptp(position) == pytest.approx(slide.stroke, rel=0.01)
    tops = [np.abs(sliders.motion(slide, rng(seed), 64_000)[0]).max() for seed in range(10)]
    assert np.ptp(tops) > 0.1 * slide.speed
    assert np.all(np.diff(starts) > slide.stroke / max(tops))


@pytest.mark.parametrize("machine", MACHINES)
def test_every_kind_of_fault_comes_at_graded_severity(machine):
    faults = [source(machine, anomalous=True, index=index).fault for index in range(60)]
    for kind in faults_of(machine):
        severities = sorted(fault.severity for fault in faults if fault.kind == kind)
        assert len(severities) == 60 // len(faults_of(machine))
        assert 0.3 <= severities[0] < 0.4
        assert 0.9 < severities[-1] <= 1.0
        assert np.diff(severities).max() < 0.12
    assert source(machine).fault == NORMAL


@pytest.mark.parametrize(
    ("size", "folder"),
    [
        ({}, "synthetic"),
        ({"units": ("id_04",), "snrs_db": (3.0,)}, "synthetic"),
        ({"normals": 40, "anomalies": 12, "seconds": 2}, "synthetic-40+12-2s"),
        ({"n_channels": 8, "seconds": 1.1, "seed": 3}, "synthetic-1.1s-8ch-seed3"),
    ],
)
def test_a_corpus_of_another_size_has_a_folder_of_its_own_and_is_made_again_from_its_identity(size, folder):
    corpus = Synthetic(**size)
    assert corpus.folder == folder
    again = Synthetic.of_identity(corpus.identity, units=corpus.units, snrs_db=corpus.snrs_db)
    assert again == corpus
    assert (corpus.full_title == Synthetic.title) == (folder == "synthetic")
    assert not corpus.full_title.endswith("1 channels")
    for text in ("something else", corpus.identity.replace("seed", "sown"), corpus.identity.replace(".", ".0.")):
        assert Synthetic.of_identity(text) == Synthetic()


def test_an_abnormal_clip_states_its_fault_and_a_normal_one_none():
    for clip in Synthetic(normals=5, anomalies=4).clips():
        assert (clip.fault, clip.severity) == (clip.audio.fault if clip.label else ("", None))


@pytest.mark.parametrize(
    ("sound", "kind", "low", "high"),
    [
        (fans.sound, "clogging", 30, 100),
        (fans.sound, "voltage", 95, 105),
        (fans.sound, "unbalance", 1600, 2200),
        (pumps.sound, "leakage", 3000, 4500),
        (pumps.sound, "contamination", 3300, 3900),
        (pumps.sound, "clogging", 60, 200),
        (pumps.sound, "cavitation", 5000, 6200),
        (sliders.sound, "rail", 1600, 1800),
        (sliders.sound, "belt", 800, 1000),
        (sliders.sound, "grease", 3000, 6000),
        (valves.sound, "grit", 5500, 7500),
        (valves.sound, "oil", 90, 110),
        (valves.sound, "seat", 4200, 5400),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_worse_fault_is_louder_where_the_physics_puts_it(sound, kind, low, high):
    def power(severity):
        clips = [sound("id_00", Fault(kind, severity), rng(seed), 32_000) for seed in range(20)]
        return np.median([band_power(clip, low, high) for clip in clips])

    healthy, slight, bad = power(0.0), power(0.4), power(1.0)
    assert healthy < slight < bad
    assert bad > 1.3 * healthy


def test_a_clogged_outlet_hisses_longer():
    def audible(kind):
        clips = [valves.sound("id_02", Fault(kind, 1.0), rng(seed), 32_000) for seed in range(6)]
        return np.mean(np.abs(clips) > 0.02)

    assert audible("dust") > 1.3 * audible("normal")


@pytest.mark.parametrize("machine", MACHINES)
def test_eight_microphones_hear_the_machine_best_where_they_face_it(machine):
    corpus = Synthetic(n_channels=8)
    facing = corpus.nearest_channel[machine]
    clip = source(machine, n_channels=8)
    powers = [np.mean(clip.machine_sound(channel) ** 2) for channel in range(8)]
    assert np.argmax(powers) == facing
    assert powers[(facing + 4) % 8] < 0.5 * powers[facing]  # shaded by the array, and farther away
    assert np.array_equal(clip.machine_sound(facing), source(machine).machine_sound())


def test_the_mean_of_eight_microphones_averages_noise_out():
    clip = source("fan", snr_db=-6.0, n_channels=8, seconds=2.0)
    machine = np.mean([clip.machine_sound(channel) for channel in range(8)], axis=0)
    mixed = clip.read("mean")[0]
    single = clip.read(4)[0] - clip.machine_sound(4)
    assert np.var(mixed - machine) < 0.8 * np.var(single)


@pytest.mark.parametrize("n_channels", [1, 8])
def test_all_microphones_are_each_of_them(n_channels):
    clip = source("fan", n_channels=n_channels)
    together, rate = clip.read_all()
    assert rate == 16_000
    np.testing.assert_array_equal(together, [clip.read(channel)[0] for channel in range(n_channels)])


def test_nearest_channel_is_for_arrays_only():
    assert dict(Synthetic(n_channels=8).nearest_channel) == {"valve": 0, "pump": 2, "fan": 4, "slider": 6}
    assert not Synthetic().nearest_channel


@pytest.mark.parametrize(("n_channels", "channel"), [(1, 1), (1, -1), (8, 8), (1, "left")])
def test_a_channel_that_is_not_there_is_refused(n_channels, channel):
    with pytest.raises(InputError, match=rf"channel {channel!r} asked for, found {n_channels}"):
        source(n_channels=n_channels).read(channel)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"machines": ("fan", "gearbox")}, "unknown machine 'gearbox'"),
        ({"machines": ()}, "at least one"),
        ({"units": ("id_01",)}, "no unit 'id_01'; its units are id_00"),
        ({"units": ("id_00", "id_00")}, "each once"),
        ({"snrs_db": (float("nan"),)}, "levels"),
        ({"normals": 0}, "normals=0"),
        ({"seed": -1}, "seed=-1"),
        ({"seconds": 0.1}, "seconds=0.1"),
        ({"n_channels": 2}, "give 1 or 8"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_a_corpus_that_cannot_be_made_is_refused(wrong, message):
    with pytest.raises(InputError, match=message):
        Synthetic(**wrong)


@pytest.mark.parametrize("n_channels", [1, 8])
def test_export_holds_exactly_what_is_read(tmp_path, n_channels):
    corpus = Synthetic(
        machines=("pump",), units=("id_00",), snrs_db=(0.0,), normals=2, anomalies=2, seconds=1.0, n_channels=n_channels
    )
    steps = []
    export_corpus(corpus, tmp_path / "corpus", lambda: steps.append(1))
    clips = corpus.clips()
    assert len(steps) == len(clips) == len(list(tmp_path.rglob("*.wav")))
    for clip in clips:
        path = tmp_path / "corpus" / clip.path
        frames, sample_rate = soundfile.read(path, dtype="float32", always_2d=True)
        assert soundfile.info(path).subtype == "PCM_16"
        assert sample_rate == 16_000
        for channel in range(n_channels):
            assert np.array_equal(frames[:, channel], clip.audio.read(channel)[0])
        assert np.array_equal(WavFile(path).read("mean")[0], clip.audio.read("mean")[0])


def test_export_says_that_it_is_synthetic_and_lists_the_faults(tmp_path):
    export_corpus(SMALL, tmp_path)
    readme = (tmp_path / "README.txt").read_text(encoding="utf-8")
    assert "SYNTHETIC" in readme
    assert SMALL.identity in readme
    rows = (tmp_path / "faults.csv").read_text(encoding="utf-8").splitlines()
    assert rows[0] == "path,kind,severity"
    assert len(rows) == 1 + 2 * 2 * 2
    path, kind, severity = rows[1].split(",")
    assert (tmp_path / path).is_file()
    (clip,) = [clip for clip in SMALL.clips() if clip.path == path]
    assert (clip.fault, clip.severity) == (kind, pytest.approx(float(severity), abs=1e-4))


def test_export_overwrites_nothing(tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(InputError, match="not empty"):
        export_corpus(SMALL, tmp_path)
    with pytest.raises(InputError, match="not empty"):
        export_corpus(SMALL, tmp_path / "mine.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_plain_detector_finds_faults_that_loudness_does_not():
    corpus = Synthetic(machines=("pump",), units=("id_00",), snrs_db=(6.0,), normals=70, anomalies=24, seconds=2.0)
    labels = np.array([clip.label for clip in corpus.clips()])
    sounds = [clip.audio.read(0)[0] for clip in corpus.clips()]
    pooled = np.stack([PooledLogMel()(sound, 16_000).ravel() for sound in sounds])
    normal = np.flatnonzero(labels == 0)
    train, test = normal[24:], np.concatenate([normal[:24], np.flatnonzero(labels == 1)])
    distances, _ = NearestNeighbors(n_neighbors=5).fit(pooled[train]).kneighbors(pooled[test])
    loudness = np.array([np.mean(sounds[i] ** 2) for i in test])
    assert roc_auc_score(labels[test], distances.mean(axis=1)) > 0.7
    assert 0.3 < roc_auc_score(labels[test], loudness) < 0.7


def test_pictures_can_be_drawn_again(tmp_path):
    written = draw(tmp_path)
    assert [path.name for path in written] == ["fan.png", "pump.png", "slider.png", "valve.png", "noise.png"]
    for path in written:
        assert path.read_bytes().startswith(b"\x89PNG")
        assert path.stat().st_size < 150_000
        assert (Path(__file__).parents[3] / "docs" / "synthetic" / path.name).is_file()


if __name__ == "__main__":
    print(golden_hash())
