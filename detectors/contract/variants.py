"""Variants of a detector as text: `dense_ae[epochs=10,latent=4]` names a detector and some of its fields.

Values are Python literals, bare words (taken as text) or features: `knn[feature=LogMel(n_mels=32)]`. A grid,
`knn[k=1|3|5,whiten=True|False]`, stands for one variant of each combination. Whatever the text, the result is a
detector or an `InputError` of one line.
"""

import ast
import dataclasses
import difflib
import inspect
import itertools
import math
import re
import typing
import warnings
from typing import Any

import features
from detectors.contract.detector import Detector, features_of
from detectors.contract.fields import allowed, annotation_of, fits, typed
from detectors.contract.registry import find
from features import Feature, InputError

LONGEST = 1000  # characters of a variant
MOST_OF_A_GRID = 1000  # variants
_FEATURES = {n: c for n, c in vars(features).items() if isinstance(c, type) and issubclass(c, Feature)}
_UNREADABLE = (SyntaxError, ValueError, TypeError, RecursionError, MemoryError)  # of Python's parser


def split_names(text: str, separator: str = ",") -> list[str]:
    """Split at each separator outside brackets and quotes; empty names are left out.

    >>> split_names("knn[k=3,whiten=False],iforest")
    ['knn[k=3,whiten=False]', 'iforest']
    """
    return [name for name in _split(text, separator) if name]


def _split(text: str, separator: str) -> list[str]:
    parts, depth, quote = [""], 0, ""
    for piece in re.findall(rf"""[^][(){{}}'"{re.escape(separator)}]+|.""", text):
        if quote:
            quote = "" if piece == quote else quote
        elif piece in ("'", '"'):
            quote = piece
        else:
            depth = max(0, depth + (piece in "[({") - (piece in "])}"))
        if piece == separator and depth == 0 and not quote:
            parts.append("")
        else:
            parts[-1] += piece
    return [part.strip() for part in parts]


def expand(text: str) -> list[str]:
    """Return the variants that a list of names stands for, with each grid as one variant per combination.

    Raises `InputError` for more than 1000 of them.

    >>> expand("iforest, knn[k=1|3,whiten=True]")
    ['iforest', 'knn[k=1,whiten=True]', 'knn[k=3,whiten=True]']
    """
    grids = [_axes(name) for name in split_names(text)]
    if sum(math.prod(map(len, axes)) for _, axes in grids) > MOST_OF_A_GRID:
        raise InputError(f"{_shown(text)}: more than {MOST_OF_A_GRID} detectors; give fewer values of fewer fields")
    variants = [
        f"{name}[{','.join(fields)}]" if fields else name for name, axes in grids for fields in itertools.product(*axes)
    ]
    return list(dict.fromkeys(variants))


def _axes(text: str) -> tuple[str, list[list[str]]]:
    """Split a grid: `knn[k=1|3,n=2]` -> `("knn", [["k=1", "k=3"], ["n=2"]])`; what is no grid stays one name."""
    name, _, inside = text.partition("[")
    if "|" not in inside or not inside.endswith("]"):
        return text, []
    axes = []
    for field in _split(inside[:-1], ","):
        key, equals, values = field.partition("=")
        axes.append([f"{key}{equals}{value}" for value in _split(values, "|")])
    return name, axes


def parse(text: str) -> tuple[str, dict[str, object]]:
    """Split `name[field=value,...]` into the name and the values of its fields.

    >>> parse("gmm[components=4,pools=held_out]")
    ('gmm', {'components': 4, 'pools': 'held_out'})
    """
    if len(text) > LONGEST or not text.isprintable():
        raise InputError(f"detector {_shown(text)}: give at most {LONGEST} printable characters")
    name, bracket, inside = text.strip().partition("[")
    if not bracket:
        return name, {}
    keywords = _keywords(name, text, inside)
    names = [str(keyword.arg) for keyword in keywords]
    if len(set(names)) < len(names):
        raise InputError(f"{text!r}: gives a field twice; for one detector with each value write {name}[field=1|2]")
    try:
        return name, {field: _value(keyword.value) for field, keyword in zip(names, keywords, strict=True)}
    except (RecursionError, MemoryError):
        raise InputError(f"{text!r}: a value is nested too deeply; write {name}[field=value,field=value]") from None


def _keywords(name: str, text: str, inside: str) -> list[ast.keyword]:
    """Parse what stands in the brackets, `field=value,field=value]`, as the arguments of a call."""
    source, why = f"_({inside.removesuffix(']')})", ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # such as "invalid escape sequence"
            call = ast.parse(source, mode="eval").body
        whole = call.end_col_offset == len(source.encode())  # else a comment follows
        if inside.endswith("]") and whole and isinstance(call, ast.Call) and _has_only_fields(call):
            return call.keywords
    except (*_UNREADABLE, Warning) as error:
        why = f"; {error.msg}" if isinstance(error, SyntaxError) else ""
    raise InputError(f"{text!r}: write {name}[field=value,field=value]{why}")


def _has_only_fields(call: ast.Call) -> bool:
    named = bool(call.keywords) and all(keyword.arg for keyword in call.keywords)
    return named and isinstance(call.func, ast.Name) and not call.args


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
    detector = _find(name)
    if at and budget != "cpu":
        raise InputError(f"{text!r}: the only budget to name is @cpu; without it a detector trains as published")
    _check_names(name, detector, values)
    settings: dict[str, Any] = dict(detector.cpu_budget) if at else {}
    try:
        return detector(**settings | values)
    except InputError:
        raise
    except Exception as error:  # its own code may raise anything
        raise InputError(f"{text}: cannot be made: {type(error).__name__}: {error}") from error


def _find(name: str) -> type[Detector]:
    """Return the class of this name, and refuse what can be no name before a file of that name is looked for."""
    called, parenthesis, fields = name.partition("(")
    if parenthesis:
        raise InputError(f"{name!r}: write {called}[{fields.removesuffix(')')}], in brackets")
    if not re.fullmatch(r"[A-Za-z]\w{0,99}", name, re.ASCII):
        raise InputError(f"no detector {_shown(name)}; python run_all.py list shows the names")
    return find(name)


def _shown(text: str) -> str:
    """A text as it may stand in a message: on one line, and short.

    >>> _shown("a" * 5000)[-24:]
    "aaaa'... 5000 characters"
    """
    return ascii(text) if len(text) <= 80 else f"{text[:60]!a}... {len(text)} characters"


def with_budget(text: str, budget: str) -> str:
    """Return the row label under a budget: "cpu" adds `@cpu` to a detector that has a reduced CPU budget.

    >>> with_budget("dcase_ae[latent=4]", "cpu"), with_budget("knn", "cpu")
    ('dcase_ae@cpu[latent=4]', 'knn')
    """
    if budget not in ("cpu", "full"):
        raise InputError(f"--budget {budget}: choose cpu or full")
    label, _ = parse(text)
    if budget == "full" or "@" in label or not _find(label).cpu_budget:
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
        return _feature(node, _FEATURES[node.func.id])
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        return ast.unparse(node).replace(" ", "")


def _feature(node: ast.Call, cls: type[Feature]) -> Feature:
    """Make a feature; its fields have the types that they are annotated with, and its numbers are not negative."""
    values = {str(keyword.arg): _value(keyword.value) for keyword in node.keywords}
    where = ast.unparse(node)
    try:
        made = cls(**values)
    except InputError:
        raise
    except Exception as error:  # it has no such field, or a value of a kind that it does not expect
        raise InputError(f"{where}: {error}; write {cls.__name__}(field=value)") from error
    for field, value in values.items():
        annotation = annotation_of(cls, field)
        if not fits(value, annotation):
            raise InputError(f"{where}: {field}={typed(value)}; {field} is {allowed(annotation)}")
        if isinstance(value, int | float) and not 0 <= value < math.inf:
            raise InputError(f"{where}: {field}={value}; {field} is at least 0")
    return made


def _check_names(name: str, detector: type[Detector], values: dict[str, object]) -> None:
    fields = configurable_fields(detector)
    for field in values:
        if field not in fields:
            close = difflib.get_close_matches(field, fields, n=1)
            hint = f"did you mean {close[0]!r}? " if close else ""
            raise InputError(f"{name} has no field {field!r}; {hint}It has: {', '.join(fields)}")
