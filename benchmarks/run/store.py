"""The store: one folder per cell, written once and atomically; present and complete means done.

<results>/<dataset>/<protocol>/cells/<detector>/<machine>/<unit>-<snr>-seed<n>/
    result.json   status, message, times, identity, provenance, checksums of the files
    scores.csv    part, path, label, score (domain): one row per clip (only where status is ok)
    history.csv   one row per epoch (only where the detector keeps a history)
"""

import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import psutil

from benchmarks.cell import Cell
from benchmarks.run.checksums import sealed_text
from features import InputError

SCHEMA_VERSION = 2


@dataclass(frozen=True)
class Store:
    """The results of one corpus under one protocol, in one folder."""

    root: Path

    def is_done(self, cell: Cell, identity: str) -> bool:
        """Whether this cell ran to the end with exactly this configuration, code, split and corpus."""
        result = self._result(self.root / cell.folder)
        return result is not None and result["status"] == "ok" and result["identity"] == identity

    def write(
        self, cell: Cell, result: Mapping[str, object], scores: pd.DataFrame | None, history: pd.DataFrame | None
    ) -> None:
        """Write a cell whole, in place of what was there. Raises `InputError` where the disk cannot be written."""
        final = self.root / cell.folder
        partial = self.root / "cells" / f".partial-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        try:
            partial.mkdir(parents=True)
            if scores is not None:
                scores.to_csv(partial / "scores.csv", index=False)
            if history is not None:
                history.to_csv(partial / "history.csv", index=False)
            (partial / "result.json").write_text(sealed_text(result, partial), encoding="utf-8")
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

    def results(self) -> Iterator[tuple[Path, dict]]:
        """Every complete cell: its folder and its result, in order of the folders' names."""
        for file in sorted(self.root.glob("cells/*/*/*/result.json")):
            result = self._result(file.parent)
            if result is not None:
                yield file.parent, result

    @staticmethod
    def scores(folder: Path) -> pd.DataFrame:
        """The score table of a cell: `part, path, label, score`. Floats are read back exactly (pandas >= 3.1)."""
        return pd.read_csv(folder / "scores.csv", dtype={"path": str})

    @staticmethod
    def _result(folder: Path) -> dict | None:
        """The result of a cell, or None where it is missing, unreadable or not whole."""
        try:
            result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        whole = {"status", "identity"} <= result.keys() and (
            result["status"] != "ok" or (folder / "scores.csv").is_file()
        )
        return result if whole else None

    def sweep(self) -> None:
        """Remove what killed runs left half-written; a run that is alive keeps its own."""
        for partial in self.root.glob("cells/.partial-*"):
            if not psutil.pid_exists(int(partial.name.split("-")[1])):
                shutil.rmtree(partial, ignore_errors=True)
