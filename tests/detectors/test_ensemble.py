"""Ensembles and the bundles of features that they hear."""

import numpy as np
import pytest

from detectors import Clips
from detectors.contract.code_version import code_version
from detectors.contract.variants import create
from detectors.ensemble import Ensemble
from detectors.iforest import IsolationForest
from features import Bundle, InputError, Level, LogMel, PooledLogMel, Waveform

SAMPLE_RATE = 16_000
RNG = np.random.default_rng(0)


def heard(detector: Ensemble, waveforms: list[np.ndarray]) -> Clips:
    return Clips([detector.feature(waveform, SAMPLE_RATE) for waveform in waveforms], ["00"] * len(waveforms))


def noise(n_clips: int, scale: float = 0.1) -> list[np.ndarray]:
    return list((scale * RNG.standard_normal((n_clips, 4000))).astype(np.float32))


def constant(*levels: float) -> list[np.ndarray]:
    return [np.full(100, level, dtype=np.float32) for level in levels]


@pytest.mark.parametrize("n_samples", [600, 4000])
def test_bundle_gives_its_features_back(n_samples: int) -> None:
    bundle = Bundle((LogMel(), Level(), PooledLogMel(), Waveform()))
    waveform = RNG.standard_normal(n_samples).astype(np.float32)
    column = bundle(waveform, SAMPLE_RATE)
    column.flags.writeable = False
    assert column.dtype == np.float32
    assert column.shape[1] == 1
    parts = bundle.unpack(column)
    for part, feature in zip(parts, bundle.features, strict=True):
        assert np.array_equal(part, feature(waveform, SAMPLE_RATE))
        assert np.shares_memory(part, column)


def test_bundle_of_several_channels_gives_each_feature_with_its_channels_side_by_side() -> None:
    bundle = Bundle((LogMel(), Level(), PooledLogMel(), Waveform()))
    waveforms = RNG.standard_normal((3, 4000)).astype(np.float32)
    columns = np.concatenate([bundle(waveform, SAMPLE_RATE) for waveform in waveforms], axis=1)
    for part, feature in zip(bundle.unpack(columns), bundle.features, strict=True):
        each = [feature(waveform, SAMPLE_RATE) for waveform in waveforms]
        np.testing.assert_array_equal(part, np.concatenate(each, axis=1))


def test_ensemble_of_one_member_ranks_clips_of_several_channels_as_the_member_does() -> None:
    ensemble, member = Ensemble(members="loudness"), create("loudness")
    together = [np.concatenate([w, w / 3, w / 9]).reshape(3, -1) for w in constant(0.1, 0.2, 0.15, 0.3, 0.25)]
    bundles = [np.concatenate([ensemble.feature(w, SAMPLE_RATE) for w in clip], axis=1) for clip in together]
    levels = [np.concatenate([Level()(w, SAMPLE_RATE) for w in clip], axis=1) for clip in together]
    units = ["00"] * len(together)
    judged = ensemble.fit(Clips(bundles, units)).score(Clips(bundles, units))
    own = member.score(Clips(levels, units))
    np.testing.assert_allclose(np.diff(judged) / np.diff(own), 1 / ensemble.spreads_[0], rtol=1e-6)


def test_ensemble_with_a_member_that_hears_one_channel_says_which() -> None:
    assert Ensemble(members="knn+conv1d_ae").one_channel.startswith("its member conv1d_ae: its network takes")
    assert Ensemble(members="knn+gmm").one_channel == ""


def test_bundle_of_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="features is empty"):
        Bundle(())


def test_features_that_members_share_are_heard_once() -> None:
    assert Ensemble(members="knn+mahalanobis").feature == Bundle((PooledLogMel(),))
    assert Ensemble(members="knn+loudness+mahalanobis").feature == Bundle((PooledLogMel(), Level()))


def test_one_member_is_centred_on_its_held_out_clips() -> None:
    """Held-out clips all at -6.02 dB leave no spread, so the score is the excess in dB."""
    detector = Ensemble(members="loudness")
    detector.fit(heard(detector, constant(*[0.5] * 10)))
    assert detector.score(heard(detector, constant(1.0, 0.5, 0.05))) == pytest.approx([6.02, 0, -20], abs=0.01)


def test_scores_of_normal_clips_have_deviation_one() -> None:
    detector = Ensemble(members="loudness")
    levels = 10 ** (RNG.normal(-20, 5, size=1000) / 20)
    detector.fit(heard(detector, constant(*levels)))
    scores = detector.score(heard(detector, constant(*levels)))
    assert scores.std() == pytest.approx(1, abs=0.15)
    assert np.median(scores) == pytest.approx(0, abs=0.15)


def test_members_are_combined_as_asked() -> None:
    members = ("knn", "mahalanobis", "loudness")
    normal, test = noise(30), noise(4) + noise(4, scale=0.3)

    def scores(text: str, combine: str) -> np.ndarray:
        detector = Ensemble(members=text, combine=combine)  # type: ignore[arg-type]
        return detector.fit(heard(detector, normal)).score(heard(detector, test))

    alone = np.stack([scores(member, "mean") for member in members])
    for combine, function in (("mean", np.mean), ("maximum", np.max), ("minimum", np.min)):
        assert scores("+".join(members), combine) == pytest.approx(function(alone, axis=0), rel=1e-9)


def test_seeds_of_members_add_to_that_of_the_ensemble() -> None:
    detector = Ensemble(members="iforest+iforest[seed=4]+knn", seed=10)
    seeds = [member.seed for member in detector.unfitted if isinstance(member, IsolationForest)]
    assert seeds == [10, 14]


def test_members_written_on_a_command_line() -> None:
    assert create("ensemble[members=knn+mahalanobis,combine=maximum]") == Ensemble("knn+mahalanobis", "maximum")
    quoted = create('ensemble[members="knn[k=1,whiten=True]+gmm"]')
    assert [getattr(member, "k", None) for member in quoted.unfitted] == [1, None]


def test_members_that_cannot_be_are_named() -> None:
    with pytest.raises(InputError, match="no detector 'knm'; did you mean 'knn'"):
        Ensemble(members="mahalanobis+knm")
    detector = Ensemble(members="loudness")
    with pytest.raises(InputError, match="give 2 or more, not 1"):
        detector.fit(heard(detector, constant(1.0)))


def test_code_version_covers_the_members() -> None:
    assert code_version(Ensemble(members="knn")) != code_version(Ensemble(members="loudness"))
