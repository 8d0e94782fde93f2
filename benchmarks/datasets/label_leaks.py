"""Columns of a feature table that would show the answer to a detector.

Every column that is not a key column becomes part of the vector, so a key column under a slightly different name, or
a copy of the label, would be learned from. Both are refused. A column that separates the classes without error may be
a very good feature or a leak; only its author can know, so it is named in a warning.
"""

import difflib
import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from features import InputError

_SYNONYMS = {  # key column -> other words for it, without spaces and underscores
    "machine": ("machinetype", "machinename"),
    "unit": ("unitid", "machineid", "modelid", "section", "sectionid"),
    "label": ("y", "ytrue", "target", "class", "groundtruth", "severity", "abnormal", "anomaly", "anomalous")
    + ("isabnormal", "isanomaly", "isanomalous", "outlier", "isoutlier", "normal", "isnormal", "fault", "isfault"),
    "file": ("filename", "fileid", "filepath", "path", "name", "id", "clip", "clipid", "index", "unnamed0"),
    "snr_db": ("snr",),
    "split": ("fold", "part", "subset", "partition", "istrain", "istest"),
}
_SYNONYM_OF = {word: key for key, words in _SYNONYMS.items() for word in words}
_SIMILAR = 0.8  # of difflib: "lable" for "label" is 0.8, "tile" for "file" is 0.75
_ADDED = re.compile(r"(?<=.)(\.\d+|_[xy])$")  # what pandas adds to a name that occurs twice: label.1, label_x
_SHOWN = 3


def near_name(column: str, keys: Sequence[str]) -> str | None:
    """Return the key column that a column is probably meant to be; None where its name is far from all of them.

    Case, spaces, underscores and small misspellings do not count. A name that ends in a digit is never taken for a
    misspelling, since values of a vector are often numbered.

    >>> keys = ("machine", "unit", "label", "file", "snr_db")
    >>> [near_name(column, keys) for column in ("snr", "SNR dB", "Label", "lable", "is_anomaly", "label.1")]
    ['snr_db', 'snr_db', 'label', 'label', 'label', 'label']
    >>> [near_name(column, keys) for column in ("label", "unit_17", "mfcc1_mean")]
    [None, None, None]
    """
    if column in keys:
        return None
    words = [_plain(column), _plain(_ADDED.sub("", column))]
    plain_keys = {_plain(key): key for key in keys}
    for word in words:
        if key := plain_keys.get(word, _SYNONYM_OF.get(word)):
            return key
    return None if column[-1:].isdigit() else _misspelt(words[0], plain_keys)


def _misspelt(word: str, plain_keys: Mapping[str, str]) -> str | None:
    of_like_length = [plain for plain in plain_keys if abs(len(plain) - len(word)) <= 1]
    similar = difflib.get_close_matches(word, of_like_length, 1, _SIMILAR)
    return plain_keys[similar[0]] if similar else None


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())


def refuse_near_names(file: Path, columns: Sequence[str], keys: Sequence[str]) -> None:
    """Raise `InputError` where the name of a column is nearly that of a key column."""
    for column in columns:
        if key := near_name(column, keys):
            rename = f"rename it to {key!r} if it is that, else remove it"
            advice = "remove one of the two" if key in columns else rename
            raise InputError(
                f"{file}: column {column!r} looks like the key column {key!r}; {advice}, "
                "since every column that is not a key column becomes part of the vector"
            )


def refuse_copied_labels(path: Path, vectors: np.ndarray, names: Sequence[str], labels: np.ndarray) -> None:
    """Raise `InputError` where a column is the label, or the label inverted or written as -1 and 1.

    vectors: `(n_clips, n_values)`. labels: `(n_clips,) float`, 0 normal, 1 abnormal, NaN where secret.
    """
    classes = vectors[labels == 0], vectors[labels == 1]
    if min(map(len, classes)) == 0:
        return
    normal, abnormal = (np.where(np.ptp(rows, axis=0) == 0, rows[0], np.nan) for rows in classes)
    copied = np.isin(normal, (-1, 0, 1)) & np.isin(abnormal, (-1, 0, 1)) & (normal != abnormal)
    if copied.any():
        column = int(np.argmax(copied))
        raise InputError(
            f"{path}: column {names[column]!r} is a copy of the label, {normal[column]:g} for each normal clip and "
            f"{abnormal[column]:g} for each abnormal one; remove it"
        )


def warn_of_separating_columns(
    path: Path, vectors: np.ndarray, names: Sequence[str], labels: np.ndarray, groups: np.ndarray
) -> None:
    """Warn of columns that separate the classes without error by one threshold, over all clips or in every group.

    Shapes as in `refuse_copied_labels`; groups: `(n_clips,)`, equal for the clips of one unit at one noise level.
    """
    in_groups = [_separating(vectors[groups == group], labels[groups == group]) for group in np.unique(groups)]
    found = [columns for columns in in_groups if columns is not None]  # what separates all clips separates each group
    found = found or [columns for columns in (_separating(vectors, labels),) if columns is not None]
    separating = [int(column) for column in np.flatnonzero(np.logical_and.reduce(found))] if found else []
    if separating:
        warnings.warn(
            f"{path}: {_shown([names[column] for column in separating])} separates normal from abnormal clips "
            "without error; check that it was computed from sound alone, not from the label or the order of the clips",
            UserWarning,
            stacklevel=2,
        )


def _separating(vectors: np.ndarray, labels: np.ndarray) -> np.ndarray | None:
    """Whether each column separates the classes, `(n_values,) bool`; None where one of the classes is missing."""
    normal, abnormal = vectors[labels == 0], vectors[labels == 1]
    if not len(normal) or not len(abnormal):
        return None
    return (normal.max(axis=0) < abnormal.min(axis=0)) | (normal.min(axis=0) > abnormal.max(axis=0))


def _shown(names: Sequence[str]) -> str:
    shown = ", ".join(map(repr, names[:_SHOWN]))
    return f"column {shown}" if len(names) == 1 else f"each of the columns {shown}{_more(len(names))}"


def _more(n: int) -> str:
    return f" and {n - _SHOWN} more" if n > _SHOWN else ""
