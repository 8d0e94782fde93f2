"""The corpora, one per file. All follow the contract in `dataset.py`."""

import os
from collections.abc import Callable
from pathlib import Path

from benchmarks.datasets.dataset import Clip, Dataset
from benchmarks.datasets.dcase_editions import EDITIONS, open_dcase
from benchmarks.datasets.folder import RecordingFolder
from benchmarks.datasets.mimii import Mimii
from benchmarks.datasets.synthetic import Synthetic
from benchmarks.datasets.table import FeatureTable
from features import InputError

__all__ = [
    "DATASETS",
    "Clip",
    "Dataset",
    "FeatureTable",
    "Mimii",
    "RecordingFolder",
    "Synthetic",
    "find_data",
    "open_dataset",
    "open_dcase",
]

_CORPORA: tuple[type[Dataset], ...] = (Mimii, *EDITIONS.values(), RecordingFolder, FeatureTable, Synthetic)
DATASETS: dict[str, type[Dataset]] = {corpus.name: corpus for corpus in _CORPORA}

_FROM_DATA: dict[str, Callable[[Path], Dataset]] = {
    "mimii": Mimii,
    "dcase": open_dcase,  # the edition is found from the names in the folder
    **EDITIONS,
    "folder": RecordingFolder,
    "table": FeatureTable,
}


def find_data(data: Path | None) -> Path | None:
    """Return the folder of the recordings: `data` if given, else `ASDBENCH_DATA`, else `data/mimii` if it exists."""
    if data is not None:
        return data
    if variable := os.environ.get("ASDBENCH_DATA"):
        return Path(variable)
    return Path("data/mimii") if Path("data/mimii").is_dir() else None


def open_dataset(name: str | None, data: Path | None) -> Dataset:
    """Open a corpus by name. Without a name, open MIMII where `find_data` finds it, else the synthetic corpus.

    Raises `InputError` where the name is unknown or its recordings are missing.

    >>> open_dataset("synthetic", None).title
    'Synthetic machines (generated)'
    """
    if name not in (None, "synthetic", *_FROM_DATA):
        raise InputError(f"--dataset {name}: unknown; there are {', '.join(_FROM_DATA)}, synthetic")
    folder = find_data(data)
    if name == "synthetic" or (name is None and folder is None):
        return Synthetic()
    if folder is None:
        raise InputError(f"--dataset {name}: no recordings; give their folder with --data DIR or in ASDBENCH_DATA")
    return _FROM_DATA[name or "mimii"](folder)
