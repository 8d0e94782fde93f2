"""What a result's detector would load from outside this program: only with the consent of who runs it.

A result may come from a stranger. Its row label can name a model, `embedding_knn[model='FILE.pt']` or
`[model='package.module:function']`, and loading a model runs its code. So a text in a label that can name a file or a
function is used only where the user names it again.
"""

import dataclasses
import os
import re
import shlex
from collections.abc import Collection, Iterator, Mapping

from detectors.contract.variants import parse
from features import InputError

_OUTSIDE = re.compile(r"[/\\:]|\.[^\W\d]")  # of a path, of package.module:function, before a suffix
_WORD = re.compile(r"[\w-]+")


def check_trusted(label: str, trusted: Collection[str]) -> None:
    """Raise `InputError` where a row label names a file or a function that is not among `trusted`.

    >>> check_trusted("ensemble[members='knn[k=3]+gmm']", ())
    >>> check_trusted("embedding_knn[model='net.pt']", ("net.pt",))
    >>> check_trusted("embedding_knn[model='net.pt']", ())
    Traceback (most recent call last):
        ...
    features.errors.InputError: its detector would load or run 'net.pt'; if you trust that, add --trust net.pt
    """
    for text in _texts(parse(label)[1]):
        if text not in trusted and (_OUTSIDE.search(text) or any(map(_is_file, [text, *_WORD.findall(text)]))):
            advice = f"if you trust that, add --trust {shlex.quote(text)}"
            raise InputError(f"its detector would load or run {text!r}; {advice}")


def _texts(value: object) -> Iterator[str]:
    """All texts in the values of a label."""
    if isinstance(value, bytes):
        yield os.fsdecode(value)
    elif isinstance(value, str):
        yield value
    elif dataclasses.is_dataclass(value):
        yield from _texts(vars(value))
    elif isinstance(value, Mapping):
        yield from _texts([*value, *value.values()])
    elif isinstance(value, Collection):
        for inner in value:
            yield from _texts(inner)


def _is_file(text: str) -> bool:
    return os.path.lexists(text) and not os.path.isdir(text)
