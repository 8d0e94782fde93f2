"""Fields of a detector: which values each may have. They are checked whenever a detector is made.

The annotation of a field states its type, and `Annotated` adds its range:

    k: Annotated[int, AtLeast(1)] = 5                              # or, shorter, k: Count = 5
    nu: Annotated[float, Above(0), AtMost(1)] = 0.1
    scoring: Literal["mse", "mahalanobis"] = "mse"
    crop_frames: Count | None = None
    hidden: tuple[Count, ...] = (64, 64)

Annotations that cannot be resolved, or that no value can be tested against, are not checked.
"""

import dataclasses
import inspect
import math
import numbers
import sys
import types
import typing
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Literal

from features import Feature, InputError


@dataclass(frozen=True)
class AtLeast:
    """The value is this number or more."""

    limit: float

    def allows(self, value: float) -> bool:
        return value >= self.limit

    def __str__(self) -> str:
        return f"at least {self.limit}"


@dataclass(frozen=True)
class Above:
    """The value is more than this number."""

    limit: float

    def allows(self, value: float) -> bool:
        return value > self.limit

    def __str__(self) -> str:
        return f"above {self.limit}"


@dataclass(frozen=True)
class AtMost:
    """The value is this number or less."""

    limit: float

    def allows(self, value: float) -> bool:
        return value <= self.limit

    def __str__(self) -> str:
        return f"at most {self.limit}"


@dataclass(frozen=True)
class Below:
    """The value is less than this number."""

    limit: float

    def allows(self, value: float) -> bool:
        return value < self.limit

    def __str__(self) -> str:
        return f"below {self.limit}"


Range = AtLeast | Above | AtMost | Below

Count = Annotated[int, AtLeast(1)]
CountOrZero = Annotated[int, AtLeast(0)]
Positive = Annotated[float, Above(0)]
NotNegative = Annotated[float, AtLeast(0)]
HeldOutShare = Annotated[float, AtLeast(0), Below(1)]  # something is left to learn from
Seed = Annotated[int, AtLeast(0), Below(2**32)]  # numpy and scikit-learn take no other

LARGEST = 2**63

TYPES: dict[type, str] = {
    int: "a whole number",
    float: "a number",
    bool: "True or False",
    str: "text",
    types.NoneType: "None",
    Feature: "a feature",
}


def check_fields(detector: Any) -> None:
    """Raise `InputError` where a field has a value that its annotation does not allow.

    A default is always allowed. Whole numbers become floats where a float is expected, and numbers of numpy become
    Python's, so that equal configurations have equal reprs.
    """
    cls: Any = type(detector)
    for field in dataclasses.fields(detector):
        value = getattr(detector, field.name, field.default)
        if not field.init or value is field.default:
            continue
        annotation = annotation_of(cls, field.name)
        if not fits(value, annotation):
            name = vars(cls).get("registered_as") or cls.__name__
            raise InputError(f"{name}[{field.name}={typed(value)}]: {_advice(field.name, value, annotation)}")
        setattr(detector, field.name, _plain_number(value, annotation))


@lru_cache(maxsize=1024)
def annotation_of(cls: Any, field: str) -> Any:
    """Return the annotation of a field with its ranges; `Any` where it names something that cannot be found."""
    try:
        owner = next(base for base in cls.__mro__ if field in inspect.get_annotations(base))
        one = types.SimpleNamespace(__annotations__={field: inspect.get_annotations(owner)[field]})
        names = vars(sys.modules[owner.__module__])
        return typing.get_type_hints(one, names, dict(vars(owner)), include_extras=True)[field]
    except Exception:  # an annotation may be any text or object
        return Any


def fits(value: Any, annotation: Any) -> bool:
    """Return whether an annotation allows a value.

    >>> fits(3, Count), fits(0, Count), fits(True, Count), fits(None, Count | None)
    (True, False, False, True)
    """
    kind, ranges = _parts(annotation)
    if ranges:
        return fits(value, kind) and abs(value) < math.inf and all(limit.allows(value) for limit in ranges)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, option) for option in arguments)
    if origin is Literal:
        return any(type(value) is type(choice) and value == choice for choice in arguments)
    if origin is tuple and isinstance(value, tuple):
        each = arguments[:1] * len(value) if arguments[1:] == (Ellipsis,) else arguments
        return len(value) == len(each) and all(map(fits, value, each))
    if kind in (int, float):
        number = numbers.Integral if kind is int else numbers.Real
        return isinstance(value, number) and not isinstance(value, bool) and not _is_huge(value)
    try:
        return isinstance(value, origin or kind)
    except TypeError:  # such as Any, or a protocol that cannot be tested
        return True


def allowed(annotation: Any) -> str:
    """Say in words which values an annotation allows; "" where any is allowed.

    >>> allowed(Annotated[float, Above(0), AtMost(1)])
    'a number, above 0 and at most 1'
    >>> allowed(Literal["all", "held_out"])
    'all or held_out'
    >>> allowed(tuple[Count, ...])
    'a tuple of values, each: a whole number, at least 1'
    """
    kind, ranges = _parts(annotation)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if ranges:
        return f"{allowed(kind)}, {' and '.join(map(str, ranges))}"
    if origin is Literal:
        return _either([typed(choice) for choice in arguments])
    if origin in (typing.Union, types.UnionType):
        return ", or ".join(filter(None, map(allowed, arguments)))
    if origin is tuple and arguments[1:] == (Ellipsis,):
        return f"a tuple of values, each: {allowed(arguments[0])}"
    if origin is tuple:
        return f"a tuple of: {'; '.join(map(allowed, arguments))}"
    if kind is Any or not isinstance(origin or kind, type):
        return ""
    return TYPES.get(kind) or f"a {(origin or kind).__name__}"


def typed(value: object) -> str:
    """Return a value as a user writes it in `name[field=value]`.

    >>> typed("held_out"), typed("two words"), typed((64, 32))
    ('held_out', "'two words'", '(64, 32)')
    """
    is_word = isinstance(value, str) and value.isidentifier() and value not in ("True", "False", "None")
    return str(value) if is_word else repr(value)


def _is_huge(value: Any) -> bool:
    """Whether a whole number exceeds what arrays and loops can count; infinite floats are refused by ranges."""
    return isinstance(value, numbers.Integral) and abs(int(value)) >= LARGEST


def _advice(field: str, value: object, annotation: Any) -> str:
    """Say what to write instead."""
    kind, ranges = _parts(annotation)
    if _is_huge(value):
        return f"{field} is below 2^63"
    if isinstance(value, list) and fits(tuple(value), annotation):
        return f"{field} is a tuple; write {field}={tuple(value)}"
    if isinstance(value, list | tuple) and value and all(fits(each, annotation) for each in value):
        return f"{field} is one value; for a detector with each of these write {field}={'|'.join(map(typed, value))}"
    if typing.get_origin(kind) is Literal:
        return "choose " + _either([f"{field}={typed(choice)}" for choice in typing.get_args(kind)])
    if ranges and fits(value, kind):
        return f"{field} is {' and '.join(map(str, ranges))}"
    return f"{field} is {allowed(annotation)}"


def _either(choices: list[str]) -> str:
    return " or ".join(filter(None, [", ".join(choices[:-1]), choices[-1]]))


def _parts(annotation: Any) -> tuple[Any, list[Range]]:
    """Split an annotation into its type and its ranges."""
    if typing.get_origin(annotation) is not Annotated:
        return annotation, []
    kind, *notes = typing.get_args(annotation)
    return kind, [note for note in notes if isinstance(note, Range)]


def _plain_number(value: Any, annotation: Any) -> Any:
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        options = [_parts(option)[0] for option in (annotation, *typing.get_args(annotation))]
        if int in options and isinstance(value, numbers.Integral):
            return int(value)
        if float in options:
            return float(value)
    return value
