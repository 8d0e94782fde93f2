"""Variants of a detector as text: `dense_ae[epochs=10,latent=4]` names a detector and some of its fields.

Values are Python literals, bare words (taken as text) or features: `knn[feature=LogMel(n_mels=32)]`.
"""

import ast
import dataclasses
import difflib
import inspect
import typing
from typing import Any

import features
from detectors.contract.detector import Detector, features_of
from detectors.contract.registry import find
from features import Feature, InputError

_FEATURES = {n: c for n, c in vars(features).items() if isinstance(c, type) and issubclass(c, Feature)}


def split_names(text: str, separator: str = ",") -> list[str]:
    """Split at each separator outside brackets.

    >>> split_names("knn[k=3,whiten=False],iforest")
    ['knn[k=3,whiten=False]', 'iforest']
    """
    names, depth = [""], 0
    for character in text:
        depth += (character in "[(") - (character in "])")
        if character == separator and depth == 0:
            names.append("")
        else:
            names[-1] += character
    return [name.strip() for name in names if name.strip()]


def parse(text: str) -> tuple[str, dict[str, object]]:
    """Split `name[field=value,...]` into the name and the values of its fields.

    >>> parse("gmm[components=4,pools=held_out]")
    ('gmm', {'components': 4, 'pools': 'held_out'})
    """
    name, bracket, inside = text.strip().partition("[")
    if not bracket:
        return name, {}
    try:
        call = ast.parse(f"_({inside.removesuffix(']')})", mode="eval").body
    except SyntaxError as error:
        raise InputError(f"{text!r}: write {name}[field=value,field=value]; {error.msg}") from error
    if (
        not inside.endswith("]")
        or not isinstance(call, ast.Call)
        or call.args
        or any(k.arg is None for k in call.keywords)
    ):
        raise InputError(f"{text!r}: write {name}[field=value,field=value]")
    return name, {str(keyword.arg): _value(keyword.value) for keyword in call.keywords}


def create(text: str) -> Detector:
    """Make a new detector from `name`, `name[field=value,...]`, `name@cpu` or `name@cpu[field=value,...]`.

    `@cpu` sets the fields of the class's `cpu_budget` first. Raises `InputError` where the name, the budget, a field
    or a value is wrong, and says what is allowed.

    >>> create("knn[k=3]").k
    3
    >>> create("knn[k=-3]")
    Traceback (most recent call last):
        ...
    features.errors.InputError: knn[k=-3]: k is at least 1
    """
    label, values = parse(text)
    name, at, budget = label.partition("@")
    detector = find(name)
    if at and budget != "cpu":
        raise InputError(f"{text!r}: the only budget to name is @cpu; without it a detector trains as published")
    _check_names(name, detector, values)
    settings: dict[str, Any] = dict(detector.cpu_budget) if at else {}
    return detector(**settings | values)


def with_budget(text: str, budget: str) -> str:
    """Return the row label under a budget: "cpu" adds `@cpu` to a detector that has a reduced CPU budget.

    >>> with_budget("dcase_ae[latent=4]", "cpu"), with_budget("knn", "cpu")
    ('dcase_ae@cpu[latent=4]', 'knn')
    """
    if budget not in ("cpu", "full"):
        raise InputError(f"--budget {budget}: choose cpu or full")
    label, _ = parse(text)
    if budget == "full" or "@" in label or not find(label).cpu_budget:
        return text
    return f"{label}@cpu{text.strip().removeprefix(label)}"


def described(name: str) -> tuple[str, str, str]:
    """Describe a detector in a line: its input, its track, and the first line of its docstring."""
    detector = create(name)
    inputs = dict.fromkeys(type(feature).__name__ for feature in features_of(detector))
    across = "cross-unit track: learns across units" if detector.scope == "machine" else "one model per unit"
    idea = (inspect.getdoc(type(detector)) or "").partition("\n")[0]
    return " + ".join(inputs), "sanity row" if detector.sanity else across, idea


def configurable_fields(detector: type[Detector]) -> dict[str, dataclasses.Field]:
    """Return the fields that a variant may set, by name."""
    return {field.name: field for field in dataclasses.fields(typing.cast(type, detector)) if field.init}


def _value(node: ast.expr) -> object:
    if isinstance(node, ast.Tuple):
        return tuple(map(_value, node.elts))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _FEATURES and not node.args:
        values = {str(keyword.arg): _value(keyword.value) for keyword in node.keywords}
        try:
            return _FEATURES[node.func.id](**values)
        except TypeError as error:  # it has no such field, or cannot be made by name
            raise InputError(f"{ast.unparse(node)}: {error}; write FEATURE(field=value)") from error
    try:
        return ast.literal_eval(node)
    except ValueError:
        return ast.unparse(node).replace(" ", "")


def _check_names(name: str, detector: type[Detector], values: dict[str, object]) -> None:
    fields = configurable_fields(detector)
    for field in values:
        if field not in fields:
            close = difflib.get_close_matches(field, fields, n=1)
            hint = f"did you mean {close[0]!r}? " if close else ""
            raise InputError(f"{name} has no field {field!r}; {hint}It has: {', '.join(fields)}")
