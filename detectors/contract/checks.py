"""Conformance: what every detector owes to the benchmark, as plain functions for anybody's tests.

    from detectors.contract.checks import run_checks
    assert not [verdict for verdict in run_checks(MyDetector()) if not verdict.ok]

Each `check_...(detector)` returns None or raises `AssertionError` with what was found and what is expected. The clips are
made by `detectors.contract.check_sounds`: hums of one second at 16 kHz, passed through the detector's own `feature`.
Two fields are lowered where a detector has them, no other is touched. `check_direction` trains for at most 20 `epochs`
in a `batch_size` of at most 32, since so few clips give few batches; the other checks ask nothing of the quality of a
fit and train for one epoch.
"""

import dataclasses
import pickle
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import features
from detectors.contract.check_sounds import clips
from detectors.contract.detector import Clips, Detector
from detectors.contract.global_state import global_state, seeded_globally
from features import Feature

AUC_EXPECTED = 0.9  # on a fault that nobody could miss


@dataclass(frozen=True)
class Verdict:
    """The outcome of one check: `message` is empty where `ok`."""

    name: str
    ok: bool
    message: str


def run_checks(detector: Detector) -> list[Verdict]:
    """Run all of `CHECKS` on a detector, which is copied and never fitted itself; one verdict per check."""
    return [_verdict(name, check, detector) for name, check in CHECKS.items()]


def _verdict(name: str, check: Callable[[Detector], None], detector: Detector) -> Verdict:
    try:
        check(detector)
    except Exception as error:  # a stranger's detector may raise anything, and that is a verdict
        return Verdict(name, False, f"{type(error).__name__}: {error}")
    return Verdict(name, True, "")


def check_default_construction(detector: Detector) -> None:
    """It is a dataclass, every field has a default, `feature` is a hashable `Feature`, `scope` a known word."""
    _require(dataclasses.is_dataclass(detector), f"{type(detector).__name__} is no dataclass; decorate it")
    construct: Callable[[], Detector] = type(detector)
    default = construct()
    _require(isinstance(default.feature, Feature), f"feature is {default.feature!r}; make it a Feature, e.g. LogMel()")
    hash(default.feature)
    _require(default.scope in ("unit", "machine"), f"scope is {default.scope!r}; allowed: 'unit', 'machine'")


def check_repr(detector: Detector) -> None:
    """`repr` names the whole configuration: evaluated, it gives an equal detector."""
    names = vars(features) | vars(sys.modules[type(detector).__module__])
    names |= {type(value).__name__: type(value) for value in _fields(detector).values()}
    copy = eval(repr(detector), dict(names))
    _require(repr(copy) == repr(detector), f"{detector!r} evaluates to {copy!r}; keep the repr of @dataclass")


def check_source(detector: Detector) -> None:
    """The docstring of the class or of its module names a paper: a year in parentheses, `et al. 2008`, arXiv or DOI."""
    text = f"{type(detector).__doc__}\n{sys.modules[type(detector).__module__].__doc__}"
    source = re.search(r"\([^()]*\b(19|20)\d\d\b[^()]*\)|et al\.,? (19|20)\d\d|arXiv[: ]\d{4}\.\d+|\b10\.\d{4,}/", text)
    _require(detector.sanity or source, f"{type(detector).__name__}: name the paper in the docstring, e.g. (Liu, 2008)")


def check_fit_returns_self(detector: Detector) -> None:
    """`fit` returns the detector that it was called on."""
    copy = _quick(detector)
    returned = copy.fit(clips(detector, "train"))
    _require(returned is copy, f"fit returned {returned!r}; end it with `return self`")


def check_inputs_unchanged(detector: Detector) -> None:
    """`fit` and `score` leave clips and configuration as they were; the arrays are read-only, as in a real run."""
    train, configuration = clips(detector, "train"), repr(_quick(detector))
    features_before, units_before = [frames.copy() for frames in train.features], list(train.units)
    fitted = _fit(detector)
    fitted.score(train)
    for index, (before, after) in enumerate(zip(features_before, train.features, strict=True)):
        _require(np.array_equal(before, after), f"the feature of training clip {index} was changed")
    _require(units_before == list(train.units), "the units were changed")
    _require(repr(fitted) == configuration, f"fit turned {configuration} into {fitted!r}; results go to names in _")


def check_refit(detector: Detector) -> None:
    """A second `fit` forgets the first."""
    train = clips(detector, "train")
    refitted = _quick(detector).fit(train.take(range(len(train) // 2)))  # both units, where there are two
    again = refitted.fit(train).score(_test(detector))
    _require_equal(again, _scores(detector), "after a second fit", "after a fresh one")


def check_scores(detector: Detector) -> None:
    """One finite float per clip, `(n_clips,)`, for sounding and for silent clips."""
    fitted = _fit(detector)
    for heard in (_test(detector), clips(detector, "silence")):
        _require_scores(fitted.score(heard), len(heard))


def check_direction(detector: Detector) -> None:
    """Higher is more anomalous: an obvious fault gets AUC > 0.9, and no sign is guessed."""
    if detector.sanity:
        return
    fitted = _lowered(detector, epochs=20, batch_size=32).fit(clips(detector, "train"))
    normal, fault = fitted.score(clips(detector, "normal")), fitted.score(clips(detector, "fault"))
    pairs = fault[:, np.newaxis] - normal
    auc = np.mean(pairs > 0) + np.mean(pairs == 0) / 2
    hint = "the sign is wrong" if auc < 1 - AUC_EXPECTED else "it has learned too little"
    _require(auc > AUC_EXPECTED, f"AUC {auc:.3f} on an easy fault, expected is > {AUC_EXPECTED}; {hint}")


def check_alone(detector: Detector) -> None:
    """A clip scored alone gets the score that it gets in a batch."""
    fitted, test = _fit(detector), _test(detector)
    alone = np.concatenate([fitted.score(test.take([index])) for index in range(len(test))])
    _require_equal(alone, fitted.score(test), "clip by clip", "in one batch")


def check_order(detector: Detector) -> None:
    """The order of the scored clips does not matter."""
    fitted, test = _fit(detector), _test(detector)
    order = np.random.default_rng(0).permutation(len(test))
    _require_equal(fitted.score(test.take(order)), fitted.score(test)[order], "in another order", "in the first order")


def check_seed(detector: Detector) -> None:
    """Two fits with one seed score alike, whatever the state of the global generators."""
    first = _scores(detector)
    with seeded_globally(1):
        _require_equal(_scores(detector), first, "in a second run", "in the first run")


def check_global_random_state(detector: Detector) -> None:
    """`fit` and `score` leave the generators of random, numpy and torch where they found them."""
    with seeded_globally(1):
        before = global_state()
        _scores(detector)
        after = global_state()
    changed = [name for name, state in before.items() if pickle.dumps(state) != pickle.dumps(after[name])]
    _require(not changed, f"the global random state of {', '.join(changed)} was changed; draw from a seeded generator")


def check_lengths(detector: Detector) -> None:
    """Longer and shortest possible clips get a finite score, or a `ValueError` that says why not."""
    fitted = _fit(detector)
    for heard in (clips(detector, "longer"), clips(detector, "shortest")):
        try:
            scores = fitted.score(heard)
        except ValueError as refusal:
            shape = heard.features[0].shape
            _require(len(str(refusal)) > 20, f"clips of shape {shape} are refused without a reason: {refusal!r}")
        else:
            _require_scores(scores, len(heard))


def check_pickle(detector: Detector) -> None:
    """A fitted detector survives pickling with its scores."""
    fitted = _fit(detector)
    thawed = pickle.loads(pickle.dumps(fitted))
    _require_equal(thawed.score(_test(detector)), fitted.score(_test(detector)), "after pickling", "before")


def check_not_fitted(detector: Detector) -> None:
    """Before `fit`, and on a `dataclasses.replace` copy of a fitted detector, `score` says that `fit` is missing."""
    if detector.sanity:
        return
    for what, unfitted in (("new", _quick(detector)), ("copied", _copy(_fit(detector)))):
        try:
            unfitted.score(_test(detector))
        except Exception as error:
            _require("fit" in str(error), f"{what}, unfitted detector: the error does not mention fit: {error!r}")
        else:
            raise AssertionError(f"{what}, unfitted detector: score raised nothing; set in fit all that score needs")


CHECKS: dict[str, Callable[[Detector], None]] = {
    name.removeprefix("check_"): check for name, check in list(globals().items()) if name.startswith("check_")
}


def _require(condition: object, message: str) -> None:
    """Unlike `assert`, this stays under `python -O`."""
    if not condition:
        raise AssertionError(message)


def _fields(detector: Any) -> dict[str, Any]:
    return {field.name: getattr(detector, field.name) for field in dataclasses.fields(detector)}


def _quick(detector: Detector) -> Detector:
    return _lowered(detector, epochs=1)


def _lowered(detector: Detector, **limits: int) -> Detector:
    """A fresh copy in which those of these fields that it has are at most this."""
    fields = _fields(detector)
    return _copy(detector, **{name: min(fields[name], limit) for name, limit in limits.items() if name in fields})


def _copy(detector: Any, **changes: Any) -> Detector:
    """`Any` for the type checker, which cannot know that detectors are dataclasses."""
    return dataclasses.replace(detector, **changes)


def _fit(detector: Detector) -> Detector:
    return _quick(detector).fit(clips(detector, "train"))


def _scores(detector: Detector) -> np.ndarray:
    return _fit(detector).score(_test(detector))


def _test(detector: Detector) -> Clips:
    normal, fault = clips(detector, "normal"), clips(detector, "fault")
    return Clips([*normal.features, *fault.features], [*normal.units, *fault.units])


def _require_scores(scores: np.ndarray, n_clips: int) -> None:
    _require(isinstance(scores, np.ndarray), f"score returned {type(scores).__name__}, expected is a numpy array")
    _require(scores.shape == (n_clips,), f"scores have shape {scores.shape}, expected is ({n_clips},)")
    _require(np.issubdtype(scores.dtype, np.floating), f"scores are {scores.dtype}, expected is float")
    _require(np.isfinite(scores).all(), f"{np.sum(~np.isfinite(scores))} of {n_clips} scores are not finite")


def _require_equal(found: np.ndarray, expected: np.ndarray, this: str, that: str) -> None:
    """Equal up to 1e-6 of the largest score: sums in another order round differently."""
    gap, largest = np.max(np.abs(found - expected)), np.max(np.abs(expected))
    _require(gap <= 1e-6 * largest, f"scores differ by {gap:.3g} (largest score {largest:.3g}) {this} against {that}")
