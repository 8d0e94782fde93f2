"""The store: one folder per cell, written once and atomically; a cell is done if its folder is there and complete.

<results>/<dataset>/<protocol>/cells/<detector>/<machine>/<unit>-<snr>-seed<n>/
    result.json   status, message, times, versions, configuration: see result_fields.py
    scores.csv    part, path, label, score (domain): one row per clip (only where status is ok)
    history.csv   one row per epoch (only where the detector keeps a history)
    SHA256SUMS    the checksums of these files, in the format of sha256sum
"""

import os
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import psutil

from benchmarks.cell import Cell
from benchmarks.run.checksums import CHECKSUM_FILE, checksum_text
from benchmarks.run.result import RESULT_FILE, RUN_AGAIN, Result
from benchmarks.run.result_fields import Status
from features import InputError

_SCORE_COLUMNS = ("part", "path", "label", "score")


@dataclass(frozen=True)
class Store:
    """The results of one corpus under one protocol, in one folder.

    >>> Store(Path("results/mimii/code-ch0")).folders()  # nothing was run yet
    []
    """

    root: Path

    def is_done(self, cell: Cell, identity: str) -> bool:
        """Whether this cell ran to the end with exactly this configuration, code, split and corpus.

        A result that is broken, incomplete or of another version of the format counts as not done.
        """
        try:
            found = self.result(self.root / cell.folder)
        except InputError:
            return False
        return found.status is Status.OK and found.identity == identity

    def write(self, written: Result, scores: pd.DataFrame | None = None, history: pd.DataFrame | None = None) -> None:
        """Write all files of a cell at once and replace its old folder. Raises `InputError` if the disk refuses."""
        final = self.root / written.cell.folder
        partial = self.root / "cells" / f".partial-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        try:
            partial.mkdir(parents=True)
            _write_files(partial, written, scores, history)
            final.parent.mkdir(parents=True, exist_ok=True)
            if final.exists():
                shutil.rmtree(final)
            os.rename(partial, final)
        except OSError as error:
            raise InputError(
                f"results {final}: {error.strerror or error}; free space or permission, or name another folder with "
                "--results, and run the same command again"
            ) from error
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def folders(self) -> list[Path]:
        """The folder of every cell, in order of their names."""
        return sorted(folder for folder in self.root.glob("cells/*/*/*") if folder.is_dir())

    def results(self) -> Iterator[tuple[Path, Result]]:
        """Every cell: its folder and its result. Raises `InputError` at the first that `result` refuses."""
        for folder in self.folders():
            yield folder, self.result(folder)

    @staticmethod
    def result(folder: Path) -> Result:
        """The result in the folder of a cell.

        Raises `InputError` that names the file where it is broken, of another version, or lacks a file beside it.
        """
        found = Result.read(folder / RESULT_FILE)
        needed = [CHECKSUM_FILE, *["scores.csv"] * (found.status is Status.OK)]
        if missing := [name for name in needed if not (folder / name).is_file()]:
            raise InputError(f"{folder}: incomplete, {' and '.join(missing)} missing; {RUN_AGAIN}")
        return found

    @staticmethod
    def scores(folder: Path) -> pd.DataFrame:
        """The score table of a cell: `part, path, label, score`. Floats are read back exactly (pandas >= 3.1).

        Raises `InputError` where scores.csv cannot be read or lacks one of these columns.
        """
        file = folder / "scores.csv"
        try:
            table = pd.read_csv(file, dtype={"path": str})
        except (OSError, ValueError) as error:
            raise InputError(f"{file}: cannot be read ({error}); {RUN_AGAIN}") from error
        if lacking := [name for name in _SCORE_COLUMNS if name not in table]:
            raise InputError(f"{file}: no column {', '.join(lacking)}; the file was changed; {RUN_AGAIN}")
        return table

    def sweep(self) -> None:
        """Remove the unfinished folders of runs that were killed; those of running processes stay."""
        for partial in self.root.glob("cells/.partial-*"):
            if not psutil.pid_exists(int(partial.name.split("-")[1])):
                shutil.rmtree(partial, ignore_errors=True)


def _write_files(folder: Path, written: Result, scores: pd.DataFrame | None, history: pd.DataFrame | None) -> None:
    if scores is not None:
        scores.to_csv(folder / "scores.csv", index=False)
    if history is not None:
        history.to_csv(folder / "history.csv", index=False)
    (folder / RESULT_FILE).write_text(written.text(), encoding="utf-8")
    (folder / CHECKSUM_FILE).write_text(checksum_text(folder), encoding="utf-8")
