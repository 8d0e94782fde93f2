"""Who trains, who validates, who tests."""

from dataclasses import replace

import pytest

from benchmarks.datasets.dataset import Clip
from benchmarks.datasets.synthetic import Synthetic
from benchmarks.run.protocols import Protocol, Split
from features import InputError, WavFile


def clip(name, label, snr_db=6.0, split=None):
    folder = "abnormal" if label else "normal"
    path = f"{snr_db:g}_dB_fan/fan/id_00/{folder}/{name:08d}.wav"
    return Clip("fan", "id_00", snr_db, label, path, WavFile(path), split)


def unit(n_normal, n_abnormal, snr_db=6.0):
    return [clip(i, 0, snr_db) for i in range(n_normal)] + [clip(i, 1, snr_db) for i in range(n_abnormal)]


def numbers(clips):
    return [(c.label, int(c.path[-12:-4])) for c in clips]


def test_code_tests_the_first_normals_in_name_order_and_every_anomaly():
    split = Protocol("code").apply(list(reversed(unit(5, 2))))
    assert numbers(split.test) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert numbers(split.train) == [(0, 2), (0, 3), (0, 4)]
    assert split.validation == ()


def test_paper_has_the_sizes_of_code_but_draws():
    split = Protocol("paper").apply(unit(40, 10))
    assert (len(split.train), len(split.test)) == (30, 20)
    assert split.manifest_hash != Protocol("code").apply(unit(40, 10)).manifest_hash
    assert split.manifest_hash == Protocol("paper").apply(unit(40, 10)).manifest_hash
    assert split.manifest_hash != Protocol("paper", seed=1).apply(unit(40, 10)).manifest_hash


def test_holdout_tests_a_fifth_and_validates_a_tenth_of_the_rest():
    split = Protocol("holdout").apply(unit(100, 7))
    assert (len(split.train), len(split.validation), len(split.test)) == (72, 8, 27)


def test_labels_follows_the_corpus():
    clips = [
        clip(0, 0, split="train"),
        clip(1, 0, split="validation"),
        clip(2, 0, split="test"),
        clip(3, 1, split="test"),
    ]
    split = Protocol("labels").apply(clips)
    assert [numbers(part) for part in split.parts().values()] == [[(0, 0)], [(0, 1)], [(1, 3), (0, 2)]]


def test_labels_names_the_clip_that_the_corpus_leaves_out():
    with pytest.raises(InputError, match=r"00000001\.wav: the corpus assigns it to None"):
        Protocol("labels").apply([clip(0, 0, split="train"), clip(1, 0)])


@pytest.mark.parametrize("rule", ["paper", "holdout"])
def test_a_clip_is_in_the_same_part_at_every_snr(rule):
    parts = [{p: numbers(c) for p, c in Protocol(rule).apply(unit(30, 5, snr)).parts().items()} for snr in (6.0, -6.0)]
    assert parts[0] == parts[1]


def test_units_are_drawn_apart():
    fan, pump = (
        Protocol("paper").apply(list(Synthetic(machines=(m,), units=("id_00",), snrs_db=(6.0,)).clips()))
        for m in ("fan", "pump")
    )
    assert numbers(fan.test) != numbers(pump.test)


DRAWS = {  # rule -> unit -> the normal clips that are drawn; results rest on these draws, so they may never change
    "paper": {"id_00": [12, 18, 23, 16, 9], "id_02": [3, 2, 4, 29, 17]},
    "holdout": {"id_00": [14, 15, 3, 2, 10, 11], "id_02": [29, 9, 6, 10, 5, 4]},
}


@pytest.mark.parametrize("name", ["id_00", "id_02"])
@pytest.mark.parametrize("rule", DRAWS)
def test_the_draws_are_frozen_and_each_unit_has_its_own(rule, name):
    split = Protocol(rule).apply([replace(clip, unit=name) for clip in unit(30, 5)])
    assert [number for label, number in numbers(split.test) if label == 0] == DRAWS[rule][name]


def test_the_clips_that_calibrate_holds_out_are_frozen_too():
    held_out = Protocol(calibrate=0.3).apply(unit(12, 3)).validation
    assert numbers(held_out) == [(0, 8), (0, 9), (0, 10)]


def test_the_hash_of_a_manifest_is_frozen_and_names_its_parts():
    split = Protocol("paper").apply(unit(30, 5))
    assert split.manifest_hash == "3723fc24f994133c"
    assert {part: len(clips) for part, clips in split.parts().items()} == {"train": 25, "validation": 0, "test": 10}


@pytest.mark.parametrize("rule", ["code", "paper"])
def test_as_many_anomalies_as_normals_leave_nothing_to_train_on_and_it_says_what_would_work(rule):
    with pytest.raises(InputError, match=f"20 normal and 20 abnormal clips.*--split {rule}.*--split holdout trains"):
        Protocol(rule).apply(unit(20, 20))


@pytest.mark.parametrize(("n_normal", "n_abnormal"), [(0, 3), (3, 0)])
def test_an_empty_class_is_named(n_normal, n_abnormal):
    with pytest.raises(InputError, match=f"6_dB_fan/fan/id_00: {n_normal} normal and {n_abnormal} abnormal clips"):
        Protocol("code").apply(unit(n_normal, n_abnormal))


@pytest.mark.parametrize(("rule", "n_normal", "reason"), [("holdout", 1, "under --split holdout; add normal clips")])
def test_too_few_normal_clips_say_what_would_help(rule, n_normal, reason):
    with pytest.raises(InputError, match=f"6_dB_fan/fan/id_00: 1 normal and 1 abnormal clips .*{reason}"):
        Protocol(rule).apply(unit(n_normal, 1))


def test_a_corpus_that_assigns_nothing_to_train_is_told_of_other_splits():
    clips = [clip(0, 0, split="test"), clip(1, 1, split="test")]
    with pytest.raises(InputError, match="the corpus assigns no clip to train; choose --split code, paper or holdout"):
        Protocol("labels").apply(clips)


@pytest.mark.parametrize("part", ["train", "validation"])
def test_a_split_refuses_an_anomaly_outside_test(part):
    with pytest.raises(InputError, match=rf"00000000\.wav: labelled 1, but only normal clips \(0\) may {part}"):
        Split(**{"train": (), "validation": (), "test": (), part: (clip(0, 1),)})


def test_a_split_refuses_a_clip_in_two_parts():
    with pytest.raises(InputError, match=r"00000000\.wav.*twice"):
        Split(train=(clip(0, 0),), validation=(), test=(clip(1, 0), clip(0, 0), clip(1, 1)))


@pytest.mark.parametrize("split", ["random", ""])
def test_an_unknown_split_lists_the_known_ones(split):
    with pytest.raises(InputError, match="code, paper, holdout, labels"):
        Protocol(split)


@pytest.mark.parametrize("channel", ["-1", "left", "1.5"])
def test_an_unknown_channel_says_what_is_allowed(channel):
    with pytest.raises(InputError, match="index from 0 to 9999, or one of nearest, mean, all"):
        Protocol(channel=channel)


def test_channel_rules():
    array = Synthetic(n_channels=8)
    assert Protocol(channel="3").channel_of(array, "fan") == 3
    assert Protocol(channel="mean").channel_of(array, "fan") == "mean"
    assert Protocol(channel="all").channel_of(array, "fan") == "all"
    assert Protocol("holdout", "all").name == "holdout-all"
    assert Protocol(channel="nearest").channel_of(array, "fan") == 4
    with pytest.raises(InputError, match=r"microphone faces 'fan'.*--n-channels 8"):
        Protocol(channel="nearest").channel_of(Synthetic(), "fan")


@pytest.mark.parametrize("rule", ["code", "paper", "holdout", "labels"])
def test_calibrate_moves_a_share_of_the_training_clips_to_validation_and_nothing_else(rule):
    clips = (
        unit(100, 10) if rule != "labels" else [clip(i, 0, split="train") for i in range(50)] + [clip(0, 1, 6, "test")]
    )
    before, after = Protocol(rule).apply(clips), Protocol(rule, calibrate=0.2).apply(clips)
    assert after.test == before.test
    assert set(after.train) | set(after.validation) == set(before.train) | set(before.validation)
    assert len(before.train) - len(after.train) == round(0.2 * len(before.train))
    assert set(before.validation) < set(after.validation) or not before.validation
    assert after == Protocol(rule, calibrate=0.2).apply(list(reversed(clips)))
    assert after.manifest_hash != before.manifest_hash
    assert numbers(after.validation) != numbers(Protocol(rule, seed=1, calibrate=0.2).apply(clips).validation)


def test_calibrate_holds_out_the_same_clips_at_every_snr_and_names_its_folder():
    parts = [numbers(Protocol(calibrate=0.3).apply(unit(30, 5, snr)).validation) for snr in (6.0, -6.0)]
    assert parts[0] == parts[1]
    assert Protocol(calibrate=0.2).name == "code-ch0-cal0.2"
    assert Protocol("paper", "mean", 1, 0.25).name == "paper-mean-seed1-cal0.25"


@pytest.mark.parametrize("share", [0.01, 0.9])
def test_the_ends_of_the_range_of_shares_are_allowed(share):
    assert Protocol(calibrate=share).calibrate == share


@pytest.mark.parametrize("share", [-0.1, 0.001, 0.95, 1, 20])
def test_a_share_that_is_none_says_what_is_allowed(share):
    with pytest.raises(InputError, match=r"calibrate .*from 0\.01 to 0\.9"):
        Protocol(calibrate=share)


def test_too_few_training_clips_to_share_are_named():
    with pytest.raises(
        InputError, match=r"6_dB_fan/fan/id_00: 1 training clip cannot be shared .*leave out --calibrate"
    ):
        Protocol(calibrate=0.5).apply(unit(6, 5))
