"""Reading the file of a feature table: the columns that say what each clip is, and the vectors."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from benchmarks.datasets.label_leaks import refuse_near_names
from features import InputError

NEEDED = ("machine", "unit", "label", "file")
ALLOWED = (*NEEDED, "snr_db", "split", "domain")
_SUFFIXES = (".csv", ".parquet", ".npy")


class TableFile(NamedTuple):
    """What a table holds, a row per clip."""

    keys: pd.DataFrame  # the columns that say what a clip is, as stripped text, "" where empty
    vectors: np.ndarray  # (n_clips, n_values) float32
    names: tuple[str, ...]  # of the values; empty for an array, whose columns have none


def read_table(path: Path) -> TableFile:
    """Read a .csv, a .parquet, or a .npy with a .csv beside it. Raises `InputError` where it is missing or wrong."""
    if path.suffix not in _SUFFIXES:
        raise InputError(f"{path}: give a table that ends in {', '.join(_SUFFIXES)}")
    keys_file = path.with_suffix(".csv") if path.suffix == ".npy" else path
    frame = _frame(keys_file)
    refuse_near_names(keys_file, [str(name) for name in frame.columns], ALLOWED)
    keys = _keys(keys_file, frame)
    values = frame.drop(columns=keys.columns)
    if path.suffix != ".npy":
        names = tuple(str(name) for name in values.columns)
        return TableFile(keys, _finite(path, _numbers(path, values), names), names)
    if len(values.columns):
        raise InputError(f"{keys_file}: column {values.columns[0]!r} is none of {', '.join(ALLOWED)}; take it out")
    return TableFile(keys, _array(path, len(keys)), ())


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


def _keys(file: Path, frame: pd.DataFrame) -> pd.DataFrame:
    if missing := [name for name in NEEDED if name not in frame]:
        raise InputError(f"{file}: no column {', '.join(missing)}; found {', '.join(map(str, frame.columns[:12]))}")
    if not len(frame):
        raise InputError(f"{file}: no rows; give one per clip")
    keys = frame[[name for name in ALLOWED if name in frame]]
    return keys.astype("string").fillna("").apply(lambda column: column.str.strip())


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


def _finite(path: Path, vectors: np.ndarray, names: Sequence[str]) -> np.ndarray:
    with np.errstate(over="ignore"):  # what overflows is refused next
        vectors = vectors.astype(np.float32)
    broken = np.argwhere(~np.isfinite(vectors))
    if len(broken):
        row, column = broken[0]
        raise InputError(
            f"{path} row {row + 1}: {names[column]} is {vectors[row, column]}; a vector must be of finite 32-bit floats"
        )
    return vectors
