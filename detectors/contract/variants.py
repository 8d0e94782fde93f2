"""Variants of a detector as text: `dense_ae[epochs=10,latent=4]` names a detector and some of its fields.

Values are Python literals, bare words (taken as text) or features: `knn[feature=LogMel(n_mels=32)]`.
"""

import ast
import dataclasses
import difflib
import inspect
import re
import types
import typing
from typing import Any

import features
from detectors.contract.detector import Detector
from detectors.contract.registry import find
from features import Feature, InputError

_FEATURES = {n: c for n, c in vars(features).items() if isinstance(c, type) and issubclass(c, Feature)}


def split_names(text: str, separator: str = ",") -> list[str]:
    """Split at each separator outside brackets: `"knn[k=3,whiten=False],iforest"` -> two names."""
    names, depth = [""], 0
    for character in text:
        depth += (character in "[(") - (character in "])")
        if character == separator and depth == 0:
            names.append("")
        else:
            names[-1] += character
    return [name.strip() for name in names if name.strip()]


def parse(text: str) -> tuple[str, dict[str, object]]:
    """Split `name[field=value,...]` into the name and the values of its fields."""
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
    """Make a fresh detector from `name`, `name[field=value,...]`, `name@cpu` or `name@cpu[field=value,...]`.

    `@cpu` sets the fields of the class's `cpu_budget` first. Raises `InputError` where the name, the budget, a field
    or a value is unknown, and says what there is.
    """
    label, values = parse(text)
    name, at, budget = label.partition("@")
    detector = find(name)
    if at and budget != "cpu":
        raise InputError(f"{text!r}: the only budget to name is @cpu; without it a detector trains as published")
    settings: dict[str, Any] = dict(detector.cpu_budget) if at else {}
    settings |= {field: _checked(name, detector, field, value) for field, value in values.items()}
    return detector(**settings)


def with_budget(text: str, budget: str) -> str:
    """The row label under a budget: "cpu" adds `@cpu` to the name of a detector that has a reduced CPU budget."""
    if budget not in ("cpu", "full"):
        raise InputError(f"--budget {budget}: choose cpu or full")
    label, _ = parse(text)
    if budget == "full" or "@" in label or not find(label).cpu_budget:
        return text
    return f"{label}@cpu{text.strip().removeprefix(label)}"


def described(name: str) -> tuple[str, str, str]:
    """A detector in a line: its input, its track, and its idea with the paper (from the class, else from its file)."""
    detector = find(name)
    texts = [inspect.getdoc(detector) or "", inspect.getdoc(inspect.getmodule(detector)) or ""]
    lines = [text.partition("\n")[0] for text in texts]
    line = next((line for line in lines if re.search(r"\b(19|20)\d\d\b|arXiv", line)), lines[-1])
    across = "cross-unit track: learns across units" if detector.scope == "machine" else "one model per unit"
    return type(create(name).feature).__name__, "sanity row" if detector.sanity else across, line


def configurable_fields(detector: type[Detector]) -> dict[str, dataclasses.Field]:
    """The fields that a variant may set, by name."""
    return {field.name: field for field in dataclasses.fields(typing.cast(type, detector)) if field.init}


def _value(node: ast.expr) -> object:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _FEATURES and not node.args:
        return _FEATURES[node.func.id](**{str(keyword.arg): _value(keyword.value) for keyword in node.keywords})
    try:
        return ast.literal_eval(node)
    except ValueError:
        return ast.unparse(node).replace(" ", "")


def _checked(name: str, detector: type[Detector], field: str, value: object) -> object:
    """Return the value in the type that the field declares, or say why it cannot be."""
    fields = configurable_fields(detector)
    if field not in fields:
        close = difflib.get_close_matches(field, fields, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise InputError(f"{name} has no field {field!r}; {hint}It has: {', '.join(fields)}")
    annotation = typing.get_type_hints(detector)[field]
    if not _fits(value, annotation):
        wanted = getattr(annotation, "__name__", None) if isinstance(annotation, type) else None
        raise InputError(f"{name}[{field}={value}]: wants {wanted or annotation}, found {type(value).__name__}")
    return float(value) if annotation is float and isinstance(value, int) else value


def _fits(value: object, annotation: Any) -> bool:
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, option) for option in typing.get_args(annotation))
    if origin is typing.Literal:
        return value in typing.get_args(annotation)
    if annotation is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if annotation is int:
        return isinstance(value, int) and not isinstance(value, bool)
    kind = origin or annotation
    return isinstance(value, kind) if isinstance(kind, type) else True
