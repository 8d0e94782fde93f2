"""Conformance checks: the rules that every detector follows, as plain functions for any test suite.

    from detectors.contract.checks import run_checks
    assert not [verdict for verdict in run_checks(MyDetector()) if not verdict.ok]

Each `check_...(detector)` returns None or raises `AssertionError` with what was found and what is expected. The clips
are hums of one second at 16 kHz, made by `detectors.contract.check_sounds`, with the detector's own features.
Only two fields are changed, where a detector has them. `check_direction` trains for at most 20 `epochs` with a
`batch_size` of at most 32, as a few clips give few batches. The other checks do not depend on the quality of a fit and
train for one epoch.
"""

import dataclasses
import inspect
import pickle
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cloudpickle
import numpy as np
import pandas as pd

import features
from detectors.contract.check_sounds import clips
from detectors.contract.detector import Clips, Detector, features_of, run_settings
from detectors.contract.expectations import require, require_equal, require_scores
from detectors.contract.global_state import global_state, seeded_globally
from features import Feature

AUC_EXPECTED = 0.9  # on a fault that is easy to detect


@dataclass(frozen=True)
class Verdict:
    """The outcome of one check: `message` is empty where `ok`."""

    name: str
    ok: bool
    message: str
    cause: str = ""  # the earlier check that failed with the same message

    @property
    def rule(self) -> str:
        """What is checked, in a sentence."""
        return (inspect.getdoc(CHECKS[self.name]) or "").partition("\n")[0]


def run_checks(detector: Detector) -> list[Verdict]:
    """Run all of `CHECKS` on copies of a detector, and return one verdict per check."""
    verdicts: list[Verdict] = []
    for name, check in CHECKS.items():
        verdict = _verdict(name, check, detector)
        same = [earlier.name for earlier in verdicts if not verdict.ok and earlier.message == verdict.message]
        verdicts.append(dataclasses.replace(verdict, cause=same[0]) if same else verdict)
    return verdicts


def _verdict(name: str, check: Callable[[Detector], None], detector: Detector) -> Verdict:
    try:
        check(detector)
    except AssertionError as error:
        return Verdict(name, False, str(error))
    except Exception as error:  # a detector of others may raise anything, and that is a verdict
        return Verdict(name, False, f"{type(error).__name__}: {error}")
    return Verdict(name, True, "")


def check_default_construction(detector: Detector) -> None:
    """It is a dataclass, every field has a default, `feature` is a `Feature` or a tuple of them, `scope` is known."""
    require(dataclasses.is_dataclass(detector), f"{type(detector).__name__} is no dataclass; decorate it")
    construct: Callable[[], Detector] = type(detector)
    default = construct()
    features_are = features_of(default) and all(isinstance(feature, Feature) for feature in features_of(default))
    require(features_are, f"feature is {default.feature!r}; make it a Feature, e.g. LogMel(), or a tuple of them")
    hash(default.feature)
    require(default.scope in ("unit", "machine"), f"scope is {default.scope!r}; allowed: 'unit', 'machine'")


def check_repr(detector: Detector) -> None:
    """`repr` names the whole configuration: evaluated, it gives an equal detector."""
    names = vars(features) | vars(sys.modules[type(detector).__module__])
    values = [*_fields(detector).values(), *features_of(detector)]
    names |= {type(value).__name__: type(value) for value in values}
    copy = eval(repr(detector), dict(names))
    require(repr(copy) == repr(detector), f"{detector!r} evaluates to {copy!r}; keep the repr of @dataclass")


def check_source(detector: Detector) -> None:
    """`papers` is a tuple of citation keys; it may be empty, as for a new method or a first draft.

    Detectors of this repository must have papers, and the bibliography must hold them: its own tests require that.
    """
    are_keys = isinstance(detector.papers, tuple) and all(isinstance(key, str) and key for key in detector.papers)
    require(are_keys, f'papers is {detector.papers!r}; make it a tuple of citation keys, e.g. ("liu2008iforest",)')


def check_fit_returns_self(detector: Detector) -> None:
    """`fit` returns the detector that it was called on."""
    _fit(detector)


def check_inputs_unchanged(detector: Detector) -> None:
    """`fit` and `score` leave clips and configuration as they were; the arrays are read-only, as in a real run."""
    train, configuration = clips(detector, "train"), repr(_quick(detector))
    arrays = [frames for position in range(len(features_of(detector))) for frames in train.of(position).features]
    features_before, units_before = [frames.copy() for frames in arrays], list(train.units)
    fitted = _fit(detector)
    fitted.score(train)
    for index, (before, after) in enumerate(zip(features_before, arrays, strict=True)):
        require(np.array_equal(before, after), f"the feature of training clip {index % len(train)} was changed")
    require(units_before == list(train.units), "the units were changed")
    require(repr(fitted) == configuration, f"fit turned {configuration} into {fitted!r}; results go to names in _")


def check_refit(detector: Detector) -> None:
    """A second `fit` forgets the first."""
    train = clips(detector, "train")
    refitted = _quick(detector).fit(train.take(range(len(train) // 2)))  # both units, where there are two
    again = refitted.fit(train).score(_test(detector))
    require_equal(again, _scores(detector), "after a second fit", "after a fresh one")


def check_scores(detector: Detector) -> None:
    """One finite float per clip, `(n_clips,)`, also for silent clips."""
    fitted = _fit(detector)
    for scored in (_test(detector), clips(detector, "silence")):
        require_scores(fitted.score(scored), len(scored))


def check_run(detector: Detector) -> None:
    """It works as in a run: in another process, with `seed` and `device="auto"` set, and its scores are not all equal.

    A detector that stores `history_` stores one row of numbers per epoch.
    """
    configured = _copy(_quick(detector), **run_settings(detector, seed=1, device="auto"))
    fitted = pickle.loads(cloudpickle.dumps(configured)).fit(clips(detector, "train"))
    scores = fitted.score(_test(detector))
    require(np.ptp(scores) > 0, f"all {len(scores)} scores are {scores[0]}; clips with equal scores cannot be ranked")
    pd.DataFrame(getattr(fitted, "history_", []))


def check_direction(detector: Detector) -> None:
    """Higher is more anomalous: the AUC of an easy fault is above 0.9; an AUC below 0.1 means a wrong sign."""
    if detector.sanity:
        return
    fitted = _lowered(detector, epochs=20, batch_size=32).fit(clips(detector, "train"))
    normal, fault = fitted.score(clips(detector, "normal")), fitted.score(clips(detector, "fault"))
    pairs = fault[:, np.newaxis] - normal
    auc = np.mean(pairs > 0) + np.mean(pairs == 0) / 2
    hint = "the sign is wrong" if auc < 1 - AUC_EXPECTED else "it has not learned enough"
    require(auc > AUC_EXPECTED, f"AUC {auc:.3f} on an easy fault, expected is > {AUC_EXPECTED}; {hint}")


def check_alone(detector: Detector) -> None:
    """A clip scored alone has the same score as in a batch."""
    fitted, test = _fit(detector), _test(detector)
    alone = np.concatenate([fitted.score(test.take([index])) for index in range(len(test))])
    require_equal(alone, fitted.score(test), "clip by clip", "in one batch")


def check_order(detector: Detector) -> None:
    """The order of the scored clips does not matter."""
    fitted, test = _fit(detector), _test(detector)
    order = np.random.default_rng(0).permutation(len(test))
    require_equal(fitted.score(test.take(order)), fitted.score(test)[order], "in another order", "in the first order")


def check_seed(detector: Detector) -> None:
    """Two fits with one seed give the same scores, whatever the state of the global generators."""
    first = _scores(detector)
    with seeded_globally(1):
        require_equal(_scores(detector), first, "in a second run", "in the first run")


def check_global_random_state(detector: Detector) -> None:
    """`fit` and `score` do not change the state of the global generators of random, numpy and torch."""
    with seeded_globally(1):
        before = global_state()
        _scores(detector)
        after = global_state()
    changed = [name for name, state in before.items() if pickle.dumps(state) != pickle.dumps(after[name])]
    require(not changed, f"the global random state of {', '.join(changed)} was changed; draw from a seeded generator")


def check_lengths(detector: Detector) -> None:
    """Longer and shortest possible clips get a finite score, or a `ValueError` with the reason."""
    fitted = _fit(detector)
    for scored in (clips(detector, "longer"), clips(detector, "shortest")):
        try:
            scores = fitted.score(scored)
        except ValueError as refusal:
            shape = scored.features[0].shape
            require(len(str(refusal)) > 20, f"clips of shape {shape} are refused without a reason: {refusal!r}")
        else:
            require_scores(scores, len(scored))


def check_pickle(detector: Detector) -> None:
    """A fitted detector has the same scores after pickling."""
    fitted = _fit(detector)
    unpickled = pickle.loads(pickle.dumps(fitted))
    require_equal(unpickled.score(_test(detector)), fitted.score(_test(detector)), "after pickling", "before")


def check_not_fitted(detector: Detector) -> None:
    """Before `fit`, and on a `dataclasses.replace` copy of a fitted detector, `score` says that `fit` is missing."""
    if detector.sanity:
        return
    for what, unfitted in (("new", _quick(detector)), ("copied", _copy(_fit(detector)))):
        try:
            unfitted.score(_test(detector))
        except Exception as error:
            require("fit" in str(error), f"{what}, unfitted detector: the error does not mention fit: {error!r}")
        else:
            raise AssertionError(f"{what}, unfitted detector: score raised nothing; let fit set what score needs")


CHECKS: dict[str, Callable[[Detector], None]] = {
    "default_construction": check_default_construction,
    "repr": check_repr,
    "source": check_source,
    "fit_returns_self": check_fit_returns_self,
    "inputs_unchanged": check_inputs_unchanged,
    "refit": check_refit,
    "scores": check_scores,
    "run": check_run,
    "direction": check_direction,
    "alone": check_alone,
    "order": check_order,
    "seed": check_seed,
    "global_random_state": check_global_random_state,
    "lengths": check_lengths,
    "pickle": check_pickle,
    "not_fitted": check_not_fitted,
}


def _fields(detector: Any) -> dict[str, Any]:
    return {field.name: getattr(detector, field.name) for field in dataclasses.fields(detector)}


def _quick(detector: Detector) -> Detector:
    return _lowered(detector, epochs=1)


def _lowered(detector: Detector, **limits: int) -> Detector:
    """Return a fresh copy in which these fields, where it has them, are at most these numbers."""
    fields = _fields(detector)
    return _copy(detector, **{name: min(fields[name], limit) for name, limit in limits.items() if name in fields})


def _copy(detector: Any, **changes: Any) -> Detector:
    """`Any` for the type checker, which cannot know that detectors are dataclasses."""
    return dataclasses.replace(detector, **changes)


def _fit(detector: Detector) -> Detector:
    copy = _quick(detector)
    returned = copy.fit(clips(detector, "train"))
    require(returned is copy, f"fit returned {returned!r}; end it with `return self`")
    return copy


def _scores(detector: Detector) -> np.ndarray:
    return _fit(detector).score(_test(detector))


def _test(detector: Detector) -> Clips:
    return Clips.joined([clips(detector, "normal"), clips(detector, "fault")])
