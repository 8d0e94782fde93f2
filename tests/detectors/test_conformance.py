"""Every registered detector against every check, and every check against a detector that breaks it."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal, Self

import numpy as np
import pytest

from detectors import Clips, Detector
from detectors.contract.checks import CHECKS, run_checks
from detectors.contract.registry import detectors
from detectors.contract.variants import create
from features import Feature, LogMel

REGISTERED, UNAVAILABLE = detectors()


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("name", REGISTERED)
def test_detector_conforms(name: str, check: str) -> None:
    """Networks are checked with their CPU budget, except for `epochs`, which the checks lower themselves."""
    budget = {field: value for field, value in REGISTERED[name].cpu_budget.items() if field != "epochs"}
    CHECKS[check](REGISTERED[name](**budget))


@pytest.mark.parametrize(
    "text",
    [
        "iforest[frames=500,trees=50,feature=LogMel()]",
        "ocsvm[frames=500,feature=LogMel()]",
        "knn[k=3,density=4]",
        "gmm[pools=held_out,components=1]",
        'ensemble[members="mahalanobis+dense_ae[epochs=2]",combine=maximum]',
    ],
)
def test_variant_conforms(text: str) -> None:
    assert [verdict for verdict in run_checks(create(text)) if not verdict.ok] == []


def test_every_detector_of_ours_is_available() -> None:
    assert [entry.name for entry in UNAVAILABLE] == ["embedding_knn"], "checked with a model in its own tests"


@dataclass
class Sound(Detector):
    """Distance of the mean spectrum to the mean of all."""

    sign: float = 1.0
    feature: Feature = LogMel()

    def fit(self, clips: Clips) -> Self:
        self.centre_ = np.mean([frames.mean(axis=0) for frames in clips.features], axis=0)
        return self

    def score(self, clips: Clips) -> np.ndarray:
        means = np.array([frames.mean(axis=0) for frames in clips.features])
        return self.sign * np.linalg.norm(means - self.centre_, axis=1)


@dataclass
class Inverted(Sound):
    sign: float = -1.0


@dataclass
class Sourceless(Sound):
    """Its papers are no tuple of keys."""

    papers: ClassVar[tuple[str, ...]] = "(Nobody, 2000)"  # type: ignore[assignment]


@dataclass
class Needy(Sound):
    """A field without a default."""

    feature: Feature = field(kw_only=True)


@dataclass
class Selfless(Sound):
    def fit(self, clips: Clips) -> Self:
        super().fit(clips)
        return None  # type: ignore[return-value]


@dataclass
class Accumulating(Sound):
    def fit(self, clips: Clips) -> Self:
        seen = getattr(self, "seen_", [])
        self.seen_ = [*seen, *clips.features]
        return super().fit(Clips(self.seen_, ["00"] * len(self.seen_)))


@dataclass
class InPlace(Sound):
    def fit(self, clips: Clips) -> Self:
        for frames in clips.features:
            frames -= 1.0
        return super().fit(clips)


@dataclass
class Configured(Sound):
    def fit(self, clips: Clips) -> Self:
        self.sign = 2.0
        return super().fit(clips)


@dataclass
class Misshapen(Sound):
    def score(self, clips: Clips) -> np.ndarray:
        return super().score(clips)[:, np.newaxis]


@dataclass
class Masked(Sound):
    def score(self, clips: Clips) -> np.ndarray:
        return np.ma.masked_greater(super().score(clips), 3.0)


@dataclass
class Infinite(Sound):
    def score(self, clips: Clips) -> np.ndarray:
        silent = [frames.max() < -100 for frames in clips.features]
        return np.where(silent, np.inf, super().score(clips))


@dataclass
class Relative(Sound):
    def score(self, clips: Clips) -> np.ndarray:
        scores = super().score(clips)
        return scores - scores.min()


@dataclass
class Remembering(Sound):
    def score(self, clips: Clips) -> np.ndarray:
        return super().score(clips) + np.arange(len(clips))


@dataclass
class Unseeded(Sound):
    def fit(self, clips: Clips) -> Self:
        super().fit(clips)
        self.centre_ += np.random.standard_normal(len(self.centre_))  # noqa: NPY002 - the mistake under test
        return self


@dataclass
class Seeding(Sound):
    def fit(self, clips: Clips) -> Self:
        np.random.seed(0)  # noqa: NPY002 - the mistake under test
        return super().fit(clips)


@dataclass
class Taciturn(Sound):
    def score(self, clips: Clips) -> np.ndarray:
        if len(clips.features[0]) < 10:
            raise ValueError("too short")
        return super().score(clips)


@dataclass
class Unpicklable(Sound):
    def fit(self, clips: Clips) -> Self:
        self.norm_ = lambda table: np.linalg.norm(table, axis=1)
        return super().fit(clips)


@dataclass
class Unfitted(Sound):
    def score(self, clips: Clips) -> np.ndarray:
        return np.array([frames.max() for frames in clips.features], dtype=np.float64)


@dataclass
class CpuOnly(Sound):
    """A run sets `device="auto"`."""

    device: Literal["cpu"] = field(default="cpu", repr=False)


@dataclass
class Constant(Sound):
    def score(self, clips: Clips) -> np.ndarray:
        return 0 * super().score(clips)


@dataclass
class Anonymous(Sound):
    def __repr__(self) -> str:
        return "Sound()"


BREACHES = {
    Inverted: {"direction"},
    Sourceless: {"source"},
    Needy: {"default_construction"},
    Selfless: {"fit_returns_self"},
    Accumulating: {"refit"},
    InPlace: {"inputs_unchanged"},
    Configured: {"inputs_unchanged"},
    Misshapen: {"scores"},
    Masked: {"scores"},
    Infinite: {"scores"},
    Relative: {"alone"},
    Remembering: {"order", "alone"},
    Unseeded: {"seed", "global_random_state"},
    Seeding: {"global_random_state"},
    Taciturn: {"lengths"},
    Unpicklable: {"pickle"},
    Unfitted: {"not_fitted"},
    Anonymous: {"repr"},
    CpuOnly: {"run"},
    Constant: {"run", "direction"},
}


def test_a_sound_detector_passes_all() -> None:
    assert [verdict for verdict in run_checks(Sound()) if not verdict.ok] == []


@pytest.mark.parametrize("broken", BREACHES, ids=lambda broken: broken.__name__)
def test_checks_catch(broken: type[Sound]) -> None:
    verdicts = {verdict.name: verdict for verdict in run_checks(broken(feature=LogMel()))}
    failed = {name for name, verdict in verdicts.items() if not verdict.ok}
    assert BREACHES[broken] <= failed
    assert all(verdicts[name].message for name in failed)


def test_every_check_catches_something() -> None:
    assert set(CHECKS) == set().union(*BREACHES.values())


def test_missing_fitted_attribute_asks_for_fit() -> None:
    with pytest.raises(AttributeError, match=r"Sound is not fitted \(centre_ is missing\); call fit"):
        Sound().score(Clips([np.zeros((3, 64), dtype=np.float32)], ["00"]))
    assert not hasattr(Sound(), "centre")
