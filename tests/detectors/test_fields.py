"""Fields of detectors: what is refused when a detector is made, in which words, and what is left unchecked."""

import dataclasses
import typing
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, Protocol, TypeVar

import numpy as np
import pytest

from detectors import Detector
from detectors.contract.checks import run_checks
from detectors.contract.fields import Above, AtLeast, AtMost, Below, Count, allowed, annotation_of, fits
from detectors.contract.registry import detectors, find
from detectors.contract.variants import configurable_fields, create
from detectors.knn import NearestNeighbours
from detectors.pyod import PyodHbos
from features import Feature, InputError, Level, LogMel, PooledLogMel
from tests.detectors import plugin_with_text_annotations

REGISTERED = {name: find(name) for name in [*detectors()[0], "embedding_knn"]}
T = TypeVar("T")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("knn[k=-3]", "knn[k=-3]: k is at least 1"),
        ("knn[k=0]", "knn[k=0]: k is at least 1"),
        ("knn[k=many]", "knn[k=many]: k is a whole number, at least 1"),
        ("knn[k='3']", "knn[k='3']: k is a whole number, at least 1"),
        ("knn[k=True]", "knn[k=True]: k is a whole number, at least 1"),
        ("knn[k=1.0]", "knn[k=1.0]: k is a whole number, at least 1"),
        ("knn[k=None]", "knn[k=None]: k is a whole number, at least 1"),
        ("knn[whiten=1]", "knn[whiten=1]: whiten is True or False"),
        ("knn[feature=mel]", "knn[feature=mel]: feature is a feature"),
        ("knn_local[density=-1]", "knn_local[density=-1]: density is at least 0"),
        ("gmm[components=0]", "gmm[components=0]: components is at least 1"),
        ("gmm[pools=foo]", "gmm[pools=foo]: choose pools=all or pools=held_out"),
        ("gmm[regularisation=-1]", "gmm[regularisation=-1]: regularisation is at least 0"),
        (
            "ensemble[combine=median]",
            "ensemble[combine=median]: choose combine=mean, combine=maximum or combine=minimum",
        ),
        ("dense_ae[epochs=0]", "dense_ae[epochs=0]: epochs is at least 1"),
        ("dense_ae[latent=0]", "dense_ae[latent=0]: latent is at least 1"),
        ("dense_ae[scoring=mae]", "dense_ae[scoring=mae]: choose scoring=mse or scoring=mahalanobis"),
        ("dense_ae[learning_rate=0]", "dense_ae[learning_rate=0]: learning_rate is above 0"),
        ("dense_ae[learning_rate=1e999]", "dense_ae[learning_rate=inf]: learning_rate is above 0"),
        (
            "dense_ae[validation_fraction=1]",
            "dense_ae[validation_fraction=1]: validation_fraction is at least 0 and below 1",
        ),
        (
            "dense_ae[hidden=(64,0)]",
            "dense_ae[hidden=(64, 0)]: hidden is a tuple of values, each: a whole number, at least 1",
        ),
        ("dense_ae[hidden=64]", "dense_ae[hidden=64]: hidden is a tuple of values, each: a whole number, at least 1"),
        ("dense_ae[seed=-1]", "dense_ae[seed=-1]: seed is at least 0 and below 4294967296"),
        ("ocsvm[nu=0]", "ocsvm[nu=0]: nu is above 0 and at most 1"),
        ("ocsvm[nu=1.5]", "ocsvm[nu=1.5]: nu is above 0 and at most 1"),
        ("ocsvm[gamma=big]", "ocsvm[gamma=big]: gamma is a number, above 0, or scale or auto"),
        ("ocsvm[gamma=-1]", "ocsvm[gamma=-1]: gamma is a number, above 0, or scale or auto"),
        (
            "conv1d_ae[crop_samples=100]",
            "conv1d_ae[crop_samples=100]: crop_samples is a whole number, at least 166, or None",
        ),
        ("conv2d_ae[patience=0]", "conv2d_ae[patience=0]: patience is a whole number, at least 1, or None"),
        ("pyod_pca[variance=1]", "pyod_pca[variance=1]: variance is above 0 and below 1"),
        ("pyod_hbos[bins=0]", "pyod_hbos[bins=0]: bins is at least 1"),
        ("stgram[feature=Level()]", "stgram[feature=Level()]: feature is a tuple of: a Waveform; a LogMel"),
        ("vae@cpu[latent=0]", "vae[latent=0]: latent is at least 1"),
    ],
)
def test_a_value_that_is_not_allowed_is_named_with_those_that_are(text: str, message: str) -> None:
    with pytest.raises(InputError) as refusal:
        create(text)
    assert str(refusal.value) == message


def test_a_detector_made_in_python_is_checked_alike() -> None:
    with pytest.raises(InputError, match=r"^knn\[k=-3\]: k is at least 1$"):
        NearestNeighbours(k=-3)
    with pytest.raises(InputError, match=r"^knn\[k=nan\]: k is a whole number"):
        dataclasses.replace(NearestNeighbours(), k=float("nan"))
    with pytest.raises(InputError, match=r"^pyod_hbos\[bins=auto\]: bins is a whole number"):
        PyodHbos(bins="auto")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", REGISTERED)
def test_every_field_of_ours_says_what_it_may_be(name: str) -> None:
    """A number has a range, any field has words for its values, and the defaults are among them."""
    cls = REGISTERED[name]
    for field_name, its in configurable_fields(cls).items():
        annotation = annotation_of(cls, field_name)
        assert allowed(annotation), field_name
        assert not has_number_without_range(annotation), f"{field_name} has no range"
        assert fits(its.default, annotation), field_name
    budget = cls(**cls.cpu_budget)
    assert all(fits(getattr(budget, field_name), annotation_of(cls, field_name)) for field_name in cls.cpu_budget)


def has_number_without_range(annotation: object) -> bool:
    if typing.get_origin(annotation) is Annotated:
        return False
    return annotation in (int, float) or any(map(has_number_without_range, typing.get_args(annotation)))


@pytest.mark.parametrize("name", REGISTERED)
def test_numbers_beyond_a_range_are_refused(name: str) -> None:
    cls = REGISTERED[name]
    for field_name in configurable_fields(cls):
        annotation = annotation_of(cls, field_name)
        ranges = [note for note in getattr(annotation, "__metadata__", ()) if isinstance(note, AtLeast | Above)]
        for limit in ranges:
            with pytest.raises(InputError, match=rf"{name}\[{field_name}="):
                cls(**{field_name: -1 if isinstance(limit, AtLeast) else 0})


def test_equal_configurations_have_equal_reprs() -> None:
    """Whole numbers and those of numpy become what the field declares."""
    assert repr(create("dense_ae[learning_rate=1]")) == repr(create("dense_ae[learning_rate=1.0]"))
    assert repr(NearestNeighbours(k=np.int64(3))) == repr(NearestNeighbours(k=3))
    assert repr(create("ocsvm[gamma=1]")) == repr(create("ocsvm[gamma=1.0]"))
    assert type(find("ocsvm")(nu=np.float32(0.5)).nu) is float


def test_ranges() -> None:
    assert [AtLeast(1).allows(value) for value in (0, 1, 2)] == [False, True, True]
    assert [Above(1).allows(value) for value in (0, 1, 2)] == [False, False, True]
    assert [AtMost(1).allows(value) for value in (0, 1, 2)] == [True, True, False]
    assert [Below(1).allows(value) for value in (0, 1, 2)] == [True, False, False]


class Named(Protocol):
    name: str


class Quiet(Detector):
    """A detector's two methods, for the classes below."""

    def fit(self, clips):  # type: ignore[no-untyped-def]
        return self

    def score(self, clips):  # type: ignore[no-untyped-def]
        return np.array([frames.mean() for frames in clips.features])


@dataclass
class Unusual(Quiet):
    """Annotations that cannot be checked, next to one that can."""

    anything: Any = 1
    named: Named = "text"  # type: ignore[assignment]
    generic: T = 1  # type: ignore[valid-type]
    nowhere: "NoSuchClass" = 1  # type: ignore[name-defined]  # noqa: F821
    sentence: "one of three" = 1  # type: ignore[valid-type]  # noqa: F722
    number: 5 = 1  # type: ignore[valid-type]
    absent: int = None  # type: ignore[assignment]  # its author allows what the default is
    items: list[int] = field(default_factory=list)
    noted: Annotated[str, "a note of its own"] = "x"
    k: "Annotated[int, AtLeast(1)]" = 1
    derived: int = field(init=False)
    shared: ClassVar[int] = 1
    feature: Feature = Level()


def test_unusual_annotations_are_left_unchecked() -> None:
    detector = Unusual(anything=object(), named=3, generic="x", nowhere="y", sentence=[], number="z")  # type: ignore[arg-type]
    assert detector.absent is None
    with pytest.raises(InputError, match=r"^Unusual\[k=0\]: k is at least 1$"):
        Unusual(k=0)
    with pytest.raises(InputError, match=r"^Unusual\[noted=3\]: noted is text$"):
        Unusual(noted=3)  # type: ignore[arg-type]


def test_annotations_as_text_are_resolved_where_they_can_be() -> None:
    with pytest.raises(InputError, match=r"^TextAnnotations\[k=0\]: k is at least 1$"):
        plugin_with_text_annotations.TextAnnotations(k=0)
    plugin_with_text_annotations.TextAnnotations(known_to_type_checkers_only=object())


def test_a_detector_without_ranges_conforms() -> None:
    @dataclass
    class Plain(Quiet):
        """Mean of the feature."""

        k: int = -3
        feature: Feature = PooledLogMel(mel=LogMel(n_mels=32))

        def fit(self, clips):  # type: ignore[no-untyped-def]
            self.mean_ = np.mean([frames.mean() for frames in clips.features])
            return self

        def score(self, clips):  # type: ignore[no-untyped-def]
            return np.array([abs(frames.mean() - self.mean_) for frames in clips.features], dtype=np.float64)

    assert Plain(k=-5).k == -5
    failed = {verdict.name for verdict in run_checks(Plain()) if not verdict.ok}
    assert failed <= {"repr", "pickle"}, "a class inside a function has no importable name"


def test_words_for_values() -> None:
    assert allowed(Literal["a", "b", "c"]) == "a, b or c"
    assert allowed(Count | None) == "a whole number, at least 1, or None"
    assert allowed(Annotated[float, AtLeast(0), Below(1)]) == "a number, at least 0 and below 1"
    assert allowed(Feature | tuple[Feature, ...]) == "a feature, or a tuple of values, each: a feature"
    assert allowed(list[int]) == "a list"
    assert allowed(Any) == allowed(T) == allowed("text") == ""
