"""Precomputed vectors: a table with one row per clip, for detectors that work on one vector per clip."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np

from benchmarks.datasets.dataset import Clip, Dataset
from benchmarks.datasets.label_csv import SPLITS
from benchmarks.datasets.label_leaks import refuse_copied_labels, warn_of_separating_columns
from benchmarks.datasets.own_corpus import hash_of, short_name
from benchmarks.datasets.table_file import TableFile, read_table
from features import Channel, ChannelSelection, Feature, InputError

_NAMES_SHOWN = 3


@dataclass(frozen=True)
class Vector(Feature):
    """The row of a table, `(1, n_values) float32`, in place of a pooled feature."""

    pooled: ClassVar[bool] = True

    def __call__(self, waveform: np.ndarray, sample_rate: int) -> np.ndarray:
        return waveform[np.newaxis, :]


@dataclass(frozen=True, eq=False)
class TableRow:
    """The vector of one clip, `(n_values,) float32`, in place of its sound."""

    name: str  # the clip's file
    vector: np.ndarray

    @property
    def identity(self) -> str:
        return f"{self.name!a} {hashlib.sha256(self.vector.tobytes()).hexdigest()[:32]}"

    def read(self, channel: Channel) -> tuple[np.ndarray, int]:
        """Return the vector, and the sample rate of the class, which has no meaning here."""
        if channel != 0:
            raise self._no_channels(channel)
        return self.vector, FeatureTable.sample_rate

    def read_all(self) -> tuple[np.ndarray, int]:
        """Raise `InputError`: a vector has no channels."""
        raise self._no_channels("all")

    def _no_channels(self, wanted: ChannelSelection) -> InputError:
        return InputError(f"{self.name}: channel {wanted!r} was chosen, but a table has no channels; use --channel 0")


@dataclass(frozen=True)
class FeatureTable(Dataset):
    """A file .csv or .parquet, or .npy `(n_clips, n_values)` with a .csv of the same name and order beside it.

    The key columns are `machine`, `unit`, `label` (0, 1, empty where secret), `file` (the clip's name, no two alike)
    and, if there are any, `snr_db`, `split` (train, valid, validation, test) and `domain`. All other columns must be
    numbers: they are the vector. Detectors whose feature is pooled get it as `(1, n_values) float32`.

    A column that is named nearly like a key column, or that is a copy of the label, is refused. A column that separates
    the classes without error is named in a warning.
    """

    path: Path

    name: ClassVar[str] = "table"
    title: ClassVar[str] = "Feature table"
    licence: ClassVar[str] = "that of the recordings"
    citation: ClassVar[str] = "@misc{feature_table,\n  title = {Feature table},\n  note  = {not published}\n}"

    @property
    def official_split(self) -> str:  # type: ignore[override]
        """`labels` where the table has a column split, else `code`."""
        return "labels" if any(clip.split for clip in self._clips) else "code"

    @cached_property
    def identity(self) -> str:
        """The hash of the table's bytes."""
        files = [self.path, self.path.with_suffix(".csv")] if self.path.suffix == ".npy" else [self.path]
        return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]

    @cached_property
    def folder(self) -> str:
        """The name of the file and the start of its hash: `table-vectors-1f0c93aa`. Another table has another hash."""
        return f"{self.name}-{self._short}"

    @cached_property
    def _short(self) -> str:
        return f"{short_name(self.path)}-{hash_of([self.identity])}"

    @property
    def full_title(self) -> str:
        """The title, the name and hash of the file, the length of the vectors and the first names of their values.

        Raises `InputError` as `clips`.
        """
        _, vectors, names = self._file
        more = f", and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
        shown = f": {', '.join(names[:_NAMES_SHOWN])}{more}" if names else ""
        return f"{self.title} {self._short}, vectors of {vectors.shape[1]} values{shown}"

    def feature_for(self, feature: Feature) -> Feature:
        """Return `Vector()` in place of a pooled feature. Raises `InputError` for any other, which needs sound."""
        if feature.pooled:
            return Vector()
        raise InputError(
            f"{type(feature).__name__} is computed from sound, and a table holds one vector per clip; "
            "choose a detector with a pooled feature, such as knn or mahalanobis, or a corpus of recordings"
        )

    def clips(self) -> list[Clip]:
        """List all clips in order of their paths.

        Raises `InputError` where the table is missing or wrong, or a column would show the label. Warns of columns that
        separate the classes without error.
        """
        return list(self._clips)

    @cached_property
    def _file(self) -> TableFile:
        return read_table(self.path)

    @cached_property
    def _clips(self) -> tuple[Clip, ...]:
        keys, vectors, _ = self._file
        twice = keys["file"].duplicated()
        if twice.any():
            raise InputError(
                f"{self.path}: file {keys['file'][twice].iloc[0]!r} occurs twice; name each clip differently"
            )
        rows = [dict(zip(keys.columns, values, strict=True)) for values in keys.to_numpy(str).tolist()]
        clips = [_clip(f"{self.path} row {i + 1}", row, vectors[i]) for i, row in enumerate(rows)]
        self._check_for_leaks(clips)
        return tuple(sorted(clips, key=lambda clip: clip.path))

    def _check_for_leaks(self, clips: Sequence[Clip]) -> None:
        """Refuse and warn of columns that show the label; clips in the order of the rows."""
        _, vectors, names = self._file
        names = names or tuple(map(str, range(vectors.shape[1])))
        labels = np.array([np.nan if clip.label is None else clip.label for clip in clips])
        number = {key: i for i, key in enumerate({_group(clip) for clip in clips})}
        refuse_copied_labels(self.path, vectors, names, labels)
        warn_of_separating_columns(self.path, vectors, names, labels, np.array([number[_group(c)] for c in clips]))


def _group(clip: Clip) -> tuple[str, str, float | None]:
    return clip.machine, clip.unit, clip.snr_db


def _clip(where: str, row: Mapping[str, str], vector: np.ndarray) -> Clip:
    """Make a clip of a row; `where` names the row in errors."""
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
