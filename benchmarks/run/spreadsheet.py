"""Texts in CSV files: a spreadsheet runs a text that begins like a formula, and such a text may be a stranger's."""

import re
from collections.abc import Callable
from typing import Any

import pandas as pd

_FORMULA = re.compile(r"'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")  # the start of one, plain and full-width


def without_formulas(frame: pd.DataFrame) -> pd.DataFrame:
    """Put `'` before each text, names of columns included, that a spreadsheet would run as a formula.

    Numbers stay numbers, also those in text such as "-6". `with_formulas` takes the marks away again. A carriage return
    becomes the two characters `\\r`.

    >>> without_formulas(pd.DataFrame({"a": ["=1+1", "-6", "knn"]}))["a"].tolist()
    ["'=1+1", '-6', 'knn']
    """
    return _changed(frame, _without_formula)


def _without_formula(text: str) -> str:
    marked = f"'{text}" if _FORMULA.match(text) and not _is_number(text) else text
    return marked.replace("\r", r"\r")  # written as it is, it would end the row for pandas


def with_formulas(frame: pd.DataFrame) -> pd.DataFrame:
    """The exact reverse of `without_formulas`, for a frame that was read back.

    >>> with_formulas(pd.DataFrame({"a": ["'=1+1", "-6", "'quoted'"]}))["a"].tolist()
    ['=1+1', '-6', "'quoted'"]
    """
    return _changed(frame, lambda text: text[1:] if text.startswith("'") and _FORMULA.match(text) else text)


def _changed(frame: pd.DataFrame, change: Callable[[str], str]) -> pd.DataFrame:
    def of(value: Any) -> Any:
        return change(value) if isinstance(value, str) else value

    texts = [name for name, kind in frame.dtypes.items() if not pd.api.types.is_numeric_dtype(kind)]
    return frame.assign(**{str(name): frame[name].map(of) for name in texts}).rename(columns=of)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
