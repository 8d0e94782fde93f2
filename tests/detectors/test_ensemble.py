"""Ensembles: the features of their members, how scores are combined, and what is refused."""

import dataclasses

import numpy as np
import pytest

from detectors import Clips, Detector
from detectors.contract.code_version import code_version
from detectors.contract.detector import features_of
from detectors.contract.variants import create
from detectors.ensemble import Ensemble
from detectors.iforest import IsolationForest
from features import Feature, InputError, Level, LogMel, PooledLogMel

SAMPLE_RATE = 16_000
RNG = np.random.default_rng(0)


def clips_of(detector: Detector, sounds: list[np.ndarray]) -> Clips:
    """The clips of waveforms `(n_samples,)`, or of several channels `(n_channels, n_samples)`."""

    def table(feature: Feature, sound: np.ndarray) -> np.ndarray:
        return np.concatenate([feature(waveform, SAMPLE_RATE) for waveform in np.atleast_2d(sound)], axis=1)

    first, *further = [[table(feature, sound) for sound in sounds] for feature in features_of(detector)]
    return Clips(first, ["00"] * len(sounds), further)


def noise(n_clips: int, scale: float = 0.1) -> list[np.ndarray]:
    return list((scale * RNG.standard_normal((n_clips, 4000))).astype(np.float32))


def constant(*levels: float) -> list[np.ndarray]:
    return [np.full(100, level, dtype=np.float32) for level in levels]


def test_ensemble_of_one_member_ranks_clips_of_several_channels_as_the_member_does() -> None:
    ensemble, member = Ensemble(members="loudness"), create("loudness")
    together = [np.concatenate([w, w / 3, w / 9]).reshape(3, -1) for w in constant(0.1, 0.2, 0.15, 0.3, 0.25)]
    several = clips_of(ensemble, together)
    combined = ensemble.fit(several).score(several)
    own = member.score(clips_of(member, together))
    np.testing.assert_allclose(np.diff(combined) / np.diff(own), 1 / ensemble.spreads_[0], rtol=1e-6)


def test_ensemble_names_its_member_that_takes_one_channel() -> None:
    assert Ensemble(members="knn+conv1d_ae").one_channel.startswith("its member conv1d_ae: its network takes")
    assert Ensemble(members="knn+gmm").one_channel == ""


def test_each_member_has_its_own_feature() -> None:
    assert Ensemble(members="knn+loudness+mahalanobis").feature == (PooledLogMel(), Level(), PooledLogMel())
    assert [member.feature for member in Ensemble(members="knn+loudness").inner_detectors] == [PooledLogMel(), Level()]


def test_features_of_members_can_be_replaced() -> None:
    detector = Ensemble(members="knn+loudness")
    other = dataclasses.replace(detector, feature=(LogMel(), Level()))
    assert [member.feature for member in other.inner_detectors] == [LogMel(), Level()]
    assert repr(other) != repr(detector)
    assert dataclasses.replace(other, seed=3).feature == (LogMel(), Level())
    one_for_all = create("ensemble[members=knn+mahalanobis,feature=PooledLogMel(statistics=('max',))]")
    assert one_for_all.feature == (PooledLogMel(statistics=("max",)),) * 2
    with pytest.raises(InputError, match=r"feature has 1 features for 2 members; give one for each, or feature=\(\)"):
        dataclasses.replace(detector, feature=(LogMel(),))


def test_each_member_gets_the_arrays_of_its_feature() -> None:
    """With one feature replaced, that member scores as it does alone, and the other as before."""
    detector = Ensemble(members="loudness+knn", feature=(LogMel(n_mels=32), Level()))
    sounds = noise(12)
    clips = clips_of(detector, sounds)
    detector.fit(clips)
    level = create("loudness[feature=LogMel(n_mels=32)]")
    assert np.array_equal(detector.members_[0].score(clips.of(0)), level.score(clips_of(level, sounds)))
    assert clips.of(1).features[0].shape == (1, 1)


def test_one_member_is_centred_on_its_held_out_clips() -> None:
    """All held-out clips are at -6.02 dB, so the spread is 0 and the score is the excess in dB."""
    detector = Ensemble(members="loudness")
    detector.fit(clips_of(detector, constant(*[0.5] * 10)))
    assert detector.score(clips_of(detector, constant(1.0, 0.5, 0.05))) == pytest.approx([6.02, 0, -20], abs=0.01)


def test_scores_of_normal_clips_have_deviation_one() -> None:
    detector = Ensemble(members="loudness")
    levels = 10 ** (RNG.normal(-20, 5, size=1000) / 20)
    detector.fit(clips_of(detector, constant(*levels)))
    scores = detector.score(clips_of(detector, constant(*levels)))
    assert scores.std() == pytest.approx(1, abs=0.15)
    assert np.median(scores) == pytest.approx(0, abs=0.15)


def test_members_are_combined_as_asked() -> None:
    members = ("knn", "mahalanobis", "loudness")
    normal, test = noise(30), noise(4) + noise(4, scale=0.3)

    def scores(text: str, combine: str) -> np.ndarray:
        detector = Ensemble(members=text, combine=combine)  # type: ignore[arg-type]
        return detector.fit(clips_of(detector, normal)).score(clips_of(detector, test))

    alone = np.stack([scores(member, "mean") for member in members])
    for combine, function in (("mean", np.mean), ("maximum", np.max), ("minimum", np.min)):
        assert scores("+".join(members), combine) == pytest.approx(function(alone, axis=0), rel=1e-9)


def test_seeds_of_members_add_to_that_of_the_ensemble() -> None:
    detector = Ensemble(members="iforest+iforest[seed=4]+knn", seed=10)
    seeds = [member.seed for member in detector.unfitted if isinstance(member, IsolationForest)]
    assert seeds == [10, 14]


def test_members_written_on_a_command_line() -> None:
    assert create("ensemble[members=knn+mahalanobis,combine=maximum]") == Ensemble(
        members="knn+mahalanobis", combine="maximum"
    )
    quoted = create('ensemble[members="knn[k=1,whiten=True]+gmm"]')
    assert [getattr(member, "k", None) for member in quoted.unfitted] == [1, None]


def test_members_that_cannot_be_are_named() -> None:
    with pytest.raises(InputError, match="no detector 'knm'; did you mean 'knn'"):
        Ensemble(members="mahalanobis+knm")
    with pytest.raises(InputError, match=r"members=knn\+stgram\]: stgram learns from several units; leave it out"):
        Ensemble(members="knn+stgram")
    with pytest.raises(InputError, match=r"ensemble needs several features, a member has one; leave it out"):
        Ensemble(members="knn+ensemble")
    with pytest.raises(InputError, match="name at least one detector"):
        Ensemble(members="")
    detector = Ensemble(members="loudness")
    with pytest.raises(InputError, match="give 2 or more, not 1"):
        detector.fit(clips_of(detector, constant(1.0)))


def test_code_version_covers_the_members() -> None:
    assert code_version(Ensemble(members="knn")) != code_version(Ensemble(members="loudness"))
