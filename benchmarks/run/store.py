"""The store: one folder per cell, written whole; a cell is done if its files are there, unchanged and valid.

<results>/<dataset>/<protocol>/cells/<detector>/<machine>/<unit>-<snr>-seed<n>/
    result.json   status, message, times, versions, configuration: see result_fields.py
    scores.csv    part, path, label, score (domain): one row per clip (only where status is ok)
    history.csv   one row per epoch (only where the detector keeps a history)
    SHA256SUMS    the checksums of these files, in the format of sha256sum

Several processes may write and read at the same time: `folder_swap.py` replaces the folder of a cell as a whole, and a
reader whose folder is replaced while it reads starts again.
"""

import io
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.cell import Cell
from benchmarks.run.checksums import CHECKSUM_FILE, changes_in, checksum_text, contents
from benchmarks.run.folder_swap import make_partial, names_in, place_of, swap, sweep_old, sweep_partial
from benchmarks.run.result import RESULT_FILE, RUN_AGAIN, Result
from benchmarks.run.result_fields import Status
from benchmarks.run.writing import sync, try_writing, write_bytes
from features import InputError

_SCORES = "scores.csv"
_SCORE_COLUMNS = ("part", "path", "label", "score")
_LABELS = (0, 1)  # or empty


@dataclass(frozen=True)
class Store:
    """The results of one corpus under one protocol, in one folder.

    >>> Store(Path("results/mimii/code-ch0")).folders()  # nothing was run yet
    []
    """

    root: Path

    def is_done(self, cell: Cell, identity: str) -> bool:
        """Whether this cell ran to the end with exactly this configuration, code, split and corpus.

        A result that is broken, changed, incomplete or of another version of the format counts as not done.
        """
        try:
            found, _ = self.read(self.root / cell.folder)
        except InputError:
            return False
        return found.status is Status.OK and found.identity == identity

    def check_writable(self) -> None:
        """Raise `InputError` where results cannot be written, before a run spends hours on computing them."""
        try:
            for folder in (self.root, self.root / "cells"):
                try_writing(folder)
        except OSError as error:
            raise _refused(self.root, error) from error

    def write(self, written: Result, scores: pd.DataFrame | None = None, history: pd.DataFrame | None = None) -> None:
        """Write all files of a cell at once in place of the old ones, if there are any.

        Raises `InputError` if the disk refuses; the old files are then still there.
        """
        final, partial = self.root / written.cell.folder, None
        try:
            partial = make_partial(self.root / "cells")
            _write_files(partial, written, scores, history)
            swap(partial, final)
        except OSError as error:
            raise _refused(final, error) from error
        finally:
            if partial is not None:
                shutil.rmtree(partial, ignore_errors=True)

    def folders(self) -> list[Path]:
        """The folder of every cell, in order of their names."""
        return sorted(folder for machine in self._machines() for folder in names_in(machine))

    def results(self) -> Iterator[tuple[Path, Result]]:
        """Every cell: its folder and its result. Raises `InputError` at the first that `result` refuses."""
        for folder in self.folders():
            yield folder, self.result(folder)

    @staticmethod
    def read(folder: Path) -> tuple[Result, pd.DataFrame | None]:
        """The result in the folder of a cell and its score table, None where the cell failed.

        Raises `InputError` as `result` and `scores` do.
        """
        found = _read_files(folder)
        result = _result(folder, found)
        return result, _scores(folder, found) if result.status is Status.OK else None

    @staticmethod
    def result(folder: Path) -> Result:
        """The result in the folder of a cell.

        Raises `InputError` that names the file where one is broken, was changed, is missing, is of another version of
        the format, or is that of another cell.
        """
        return _result(folder, _read_files(folder))

    @staticmethod
    def scores(folder: Path) -> pd.DataFrame:
        """The score table of a cell: `part, path, label, score`. Floats are read back exactly (pandas >= 3.1).

        Raises `InputError` where scores.csv was changed, cannot be read, lacks one of these columns, or holds a label
        other than 0, 1 and empty or a score that is no finite number.
        """
        found = _read_files(folder)
        _check_unchanged(folder, found)
        return _scores(folder, found)

    def sweep(self) -> None:
        """Clear what killed runs left: unfinished folders are removed, an old result whose swap was cut off returns.

        The folders of running processes stay.
        """
        sweep_partial(self.root / "cells")
        for machine in self._machines():
            sweep_old(machine)

    def _machines(self) -> list[Path]:
        """The folders that hold those of cells; `glob` would fail where another process removes a folder."""
        return [machine for detector in names_in(self.root / "cells") for machine in names_in(detector)]


def _write_files(folder: Path, written: Result, scores: pd.DataFrame | None, history: pd.DataFrame | None) -> None:
    for name, table in ((_SCORES, scores), ("history.csv", history)):
        if table is not None:
            write_bytes(folder / name, table.to_csv(index=False, lineterminator="\n").encode("utf-8"))
    write_bytes(folder / RESULT_FILE, written.text().encode("utf-8"))
    write_bytes(folder / CHECKSUM_FILE, checksum_text(folder).encode("utf-8"))
    sync(folder)


def _refused(place: Path, error: OSError) -> InputError:
    return InputError(
        f"results {place}: {error.strerror or error}; free space or permission, or name another folder with "
        "--results, and run the same command again"
    )


def _read_files(folder: Path) -> dict[str, bytes]:
    """The files of a cell, all of one writing: read again if another process replaced the folder meanwhile."""
    while True:
        place = place_of(folder)
        before = _version(place)
        try:
            found, trouble = contents(place), None
        except OSError as error:
            found, trouble = {}, error
        if (found and not changes_in(found)) or (place, before) == (place_of(folder), _version(place)):
            break
    if trouble is not None:
        raise InputError(f"{folder}: cannot be read ({trouble}); {RUN_AGAIN}") from trouble
    return found


def _version(place: Path) -> tuple[int, int] | None:
    """What differs after a folder was replaced; None where it is gone."""
    try:
        status = place.stat()
    except OSError:
        return None
    return status.st_ino, status.st_ctime_ns


def _result(folder: Path, found: Mapping[str, bytes]) -> Result:
    file = folder / RESULT_FILE
    if RESULT_FILE not in found:
        raise InputError(f"{file}: cannot be read (no such file); {RUN_AGAIN}")
    result = Result.parse(found[RESULT_FILE], file)
    needed = [CHECKSUM_FILE, *[_SCORES] * (result.status is Status.OK)]
    if missing := [name for name in needed if name not in found]:
        raise InputError(f"{folder}: incomplete, {' and '.join(missing)} missing; {RUN_AGAIN}")
    _check_unchanged(folder, found)
    _check_place(folder, result.cell)
    return result


def _check_unchanged(folder: Path, found: Mapping[str, bytes]) -> None:
    if changed := changes_in(found):
        name, what = next(iter(changed.items()))
        raise InputError(f"{folder / name}: {what}; the file was changed; {RUN_AGAIN}")


def _check_place(folder: Path, cell: Cell) -> None:
    expected, there = Path(cell.folder).parts[-3:], folder.absolute().parts[-3:]
    if there != expected:
        raise InputError(f"{folder / RESULT_FILE}: describes {'/'.join(expected)}; the folder was copied; {RUN_AGAIN}")


def _scores(folder: Path, found: Mapping[str, bytes]) -> pd.DataFrame:
    file = folder / _SCORES
    try:
        table = pd.read_csv(io.BytesIO(found[_SCORES]), dtype={"path": str})
    except KeyError:
        raise InputError(f"{file}: missing; {RUN_AGAIN}") from None
    except ValueError as error:
        reason = " ".join(str(error).split())  # pandas ends some with a line break
        raise InputError(f"{file}: cannot be read ({reason}); {RUN_AGAIN}") from error
    if lacking := [name for name in _SCORE_COLUMNS if name not in table]:
        raise InputError(f"{file}: no column {', '.join(lacking)}; the file was changed; {RUN_AGAIN}")
    _check_values(file, table)
    return table


def _check_values(file: Path, table: pd.DataFrame) -> None:
    """Raise `InputError` that names the first line whose label or score cannot be."""
    labels, scores = (_numbers(table[name]) for name in ("label", "score"))
    wrong_labels = ~np.isin(labels, _LABELS) & table["label"].notna().to_numpy()
    wrong = wrong_labels | ~np.isfinite(scores)
    if wrong.any():
        row = int(np.argmax(wrong))
        name, allowed = ("label", "0, 1 or nothing") if wrong_labels[row] else ("score", "a finite number")
        found = f"line {row + 2}: {name} {table[name].iloc[row]}"
        raise InputError(f"{file}: {found}; allowed is {allowed}; {RUN_AGAIN}")


def _numbers(values: pd.Series) -> np.ndarray:
    return pd.to_numeric(values, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
