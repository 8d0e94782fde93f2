"""Precomputed clip vectors: a table with a row per clip, for detectors that work on one vector per clip."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd

from benchmarks.datasets.dataset import Clip, Dataset
from benchmarks.datasets.label_csv import SPLITS
from features import Channel, ChannelSelection, Feature, InputError

NEEDED = ("machine", "unit", "label", "file")
ALLOWED = (*NEEDED, "snr_db", "split", "domain")
_SUFFIXES = (".csv", ".parquet", ".npy")


@dataclass(frozen=True)
class Vector(Feature):
    """The row of a table, `(1, n_values) float32`, in place of a pooled feature."""

    pooled: ClassVar[bool] = True

    def __call__(self, waveform: np.ndarray, sample_rate: int) -> np.ndarray:
        return waveform[np.newaxis, :]


@dataclass(frozen=True)
class NeedsSound(Feature):
    """A feature that no row of a table can stand in for; computing it says so."""

    feature: Feature

    def __call__(self, waveform: np.ndarray, sample_rate: int) -> np.ndarray:
        raise InputError(
            f"{type(self.feature).__name__} is computed from sound, of which a table holds one vector a clip; "
            "choose detectors of pooled features, such as knn or mahalanobis, or a corpus of recordings"
        )


@dataclass(frozen=True, eq=False)
class TableRow:
    """One clip's vector, `(n_values,) float32`, where other corpora have its sound."""

    name: str  # the clip's file
    vector: np.ndarray

    @property
    def identity(self) -> str:
        return f"{self.name!a} {hashlib.sha256(self.vector.tobytes()).hexdigest()[:32]}"

    def read(self, channel: Channel) -> tuple[np.ndarray, int]:
        """Return the vector, and the rate of its corpus for form's sake."""
        if channel != 0:
            raise self._no_channels(channel)
        return self.vector, FeatureTable.sample_rate

    def read_all(self) -> tuple[np.ndarray, int]:
        """Raise `InputError`: a vector is of no microphone."""
        raise self._no_channels("all")

    def _no_channels(self, wanted: ChannelSelection) -> InputError:
        return InputError(f"{self.name}: channel {wanted!r} asked for, but a table has no channels; leave it at 0")


@dataclass(frozen=True)
class FeatureTable(Dataset):
    """A file .csv or .parquet, or .npy `(n_clips, n_values)` with a .csv of the same name and order beside it.

    Columns `machine`, `unit`, `label` (0, 1, empty where secret) and `file` (the clip's name, no two alike), and if you
    like `snr_db`, `split` (train, valid, validation, test) and `domain`; all others, which must be numbers, are the
    vector. Detectors whose feature is pooled get it as `(1, n_values) float32`; the others fail and say why.
    """

    path: Path

    name: ClassVar[str] = "table"
    title: ClassVar[str] = "Feature table"
    licence: ClassVar[str] = "that of the recordings"
    citation: ClassVar[str] = "@misc{feature_table,\n  title = {Feature table},\n  note  = {not published}\n}"

    @property
    def official_split(self) -> str:  # type: ignore[override]
        """`labels` where the table has a column split, else `code`."""
        return "labels" if any(clip.split for clip in self._listed) else "code"

    @cached_property
    def identity(self) -> str:
        """The hash of the table's bytes."""
        files = [self.path, self.path.with_suffix(".csv")] if self.path.suffix == ".npy" else [self.path]
        return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]

    def feature_for(self, feature: Feature) -> Feature:
        return Vector() if feature.pooled else NeedsSound(feature)

    def clips(self) -> list[Clip]:
        """List all clips in order of their paths. Raises `InputError` where the table is missing or wrong."""
        return list(self._listed)

    @cached_property
    def _listed(self) -> tuple[Clip, ...]:
        keys, vectors = _read(self.path)
        twice = keys["file"].duplicated()
        if twice.any():
            raise InputError(
                f"{self.path}: file {keys['file'][twice].iloc[0]!r} occurs twice; name each clip differently"
            )
        rows = [dict(zip(keys.columns, values, strict=True)) for values in keys.to_numpy(str).tolist()]
        clips = [_clip(f"{self.path} row {i + 1}", row, vectors[i]) for i, row in enumerate(rows)]
        return tuple(sorted(clips, key=lambda clip: clip.path))


def _read(path: Path) -> tuple[pd.DataFrame, np.ndarray]:
    """The columns that say what each clip is, as text, and its vectors `(n_clips, n_values) float32`."""
    if path.suffix not in _SUFFIXES:
        raise InputError(f"{path}: give a table that ends in {', '.join(_SUFFIXES)}")
    keys_file = path.with_suffix(".csv") if path.suffix == ".npy" else path
    frame = _frame(keys_file)
    missing = [name for name in NEEDED if name not in frame]
    if missing:
        raise InputError(
            f"{keys_file}: no column {', '.join(missing)}; found {', '.join(map(str, frame.columns[:12]))}"
        )
    if not len(frame):
        raise InputError(f"{keys_file}: no rows; give one per clip")
    keys = frame[[name for name in ALLOWED if name in frame]].astype("string").fillna("").apply(lambda c: c.str.strip())
    values = frame.drop(columns=keys.columns)
    if path.suffix != ".npy":
        return keys, _finite(path, _numbers(path, values), [str(name) for name in values.columns])
    if len(values.columns):
        raise InputError(f"{keys_file}: column {values.columns[0]!r} is none of {', '.join(ALLOWED)}; take it out")
    return keys, _array(path, len(keys))


def _frame(file: Path) -> pd.DataFrame:
    try:
        if file.suffix == ".parquet":
            return pd.read_parquet(file, engine="pyarrow")
        text: Mapping[str, type[str]] = dict.fromkeys(ALLOWED, str)
        return pd.read_csv(file, dtype=text, encoding="utf-8-sig")
    except ImportError as error:
        raise InputError(f"{file}: reading Parquet needs pyarrow; pip install pyarrow, or save it as CSV") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: cannot be read as a table ({error})") from error


def _numbers(path: Path, values: pd.DataFrame) -> np.ndarray:
    if not len(values.columns):
        raise InputError(f"{path}: no column beside {', '.join(ALLOWED)}; the others are the vector")
    for name, column in values.items():
        if not pd.api.types.is_numeric_dtype(column):
            wrong = pd.to_numeric(column, errors="coerce").isna()
            row = int(np.argmax(wrong.to_numpy()))
            raise InputError(f"{path} row {row + 1}: {name} is {column.iloc[row]!r}; all of a vector must be numbers")
    return values.to_numpy(np.float64, na_value=np.nan)


def _array(path: Path, n_clips: int) -> np.ndarray:
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path}: cannot be read as an array ({error})") from error
    if (
        not isinstance(array, np.ndarray)
        or array.ndim != 2
        or array.shape[0] != n_clips
        or array.dtype.kind not in "fiu"
    ):
        found = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
        raise InputError(f"{path}: found {found}; give numbers ({n_clips}, n_values), a row for each of its CSV")
    return _finite(path, array, [str(column) for column in range(array.shape[1])])


def _finite(path: Path, vectors: np.ndarray, names: list[str]) -> np.ndarray:
    with np.errstate(over="ignore"):  # what overflows is refused next
        vectors = vectors.astype(np.float32)
    broken = np.argwhere(~np.isfinite(vectors))
    if len(broken):
        row, column = broken[0]
        raise InputError(
            f"{path} row {row + 1}: {names[column]} is {vectors[row, column]}; a vector must be of finite 32-bit floats"
        )
    return vectors


def _clip(where: str, row: Mapping[str, str], vector: np.ndarray) -> Clip:
    """Make a clip of a row; `where` is told to who must fix it."""
    file = row["file"]
    if not file or not file.isprintable():
        raise InputError(f"{where}: file {file!a}; name each clip in printable characters")
    return Clip(
        row["machine"],
        row["unit"],
        _snr_db(where, row.get("snr_db", "")),
        _label(where, row["label"]),
        file,
        TableRow(file, vector),
        _split(where, row.get("split", "")),
        row.get("domain") or None,
    )


def _label(where: str, text: str) -> int | None:
    allowed = {"": None, "0": 0, "1": 1, "0.0": 0, "1.0": 1, "False": 0, "True": 1}
    if text not in allowed:
        raise InputError(f"{where}: label {text!r}; allowed are 0 (normal), 1 (abnormal) and empty (secret)")
    return allowed[text]


def _snr_db(where: str, text: str) -> float | None:
    try:
        snr_db = float(text) if text else None
    except ValueError:
        snr_db = np.nan
    if snr_db is not None and not np.isfinite(snr_db):
        raise InputError(f"{where}: snr_db {text!r}; give a number in dB, or leave it empty")
    return snr_db


def _split(where: str, text: str) -> str | None:
    if text and text.lower() not in SPLITS:
        raise InputError(f"{where}: split {text!r}; allowed are train, valid (or validation) and test")
    return SPLITS.get(text.lower())
