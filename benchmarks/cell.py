"""The cell: the unit of work, of failure and of resumption; its name and the folder of its result."""

import re
from dataclasses import dataclass
from pathlib import Path

_FOLDER_NAME = re.compile(r"(?P<unit>.+?)-(?P<snr>any-snr|(?P<snr_db>-?\d+(\.\d+)?(e[+-]\d+)?)dB)-seed(?P<seed>\d+)")


@dataclass(frozen=True)
class Cell:
    """The unit of work, of failure and of resumption: one detector on one unit at one noise level with one seed."""

    detector: str  # the row's label: `knn`, `dense_ae[epochs=10]`
    dataset: str
    machine: str
    unit: str
    snr_db: float | None
    seed: int

    @property
    def folder(self) -> str:
        """Where its result lies, below the folder of the protocol. A `/` in the label, of a model's path, is `%2F`."""
        label = self.detector.replace("/", "%2F")
        return f"cells/{label}/{self.machine}/{self.unit}-{snr_text(self.snr_db)}-seed{self.seed}"

    @classmethod
    def of_folder(cls, folder: Path, dataset: str) -> "Cell | None":
        """The cell whose result lies in `folder`, the reverse of `Cell.folder`; None where its name is another.

        >>> Cell.of_folder(Path("cells/knn[k=3]/fan/id_00--6dB-seed0"), "mimii")
        Cell(detector='knn[k=3]', dataset='mimii', machine='fan', unit='id_00', snr_db=-6.0, seed=0)
        """
        label, machine, name = folder.absolute().parts[-3:]
        if (match := _FOLDER_NAME.fullmatch(name)) is None:
            return None
        snr_db = None if match["snr"] == "any-snr" else float(match["snr_db"])
        return cls(label.replace("%2F", "/"), dataset, machine, match["unit"], snr_db, int(match["seed"]))

    def __str__(self) -> str:
        return f"{self.detector} on {self.machine} {self.unit} at {snr_text(self.snr_db)}, seed {self.seed}"


def snr_text(snr_db: float | None) -> str:
    """`6.0 -> "6dB"`, `None -> "any-snr"`."""
    return "any-snr" if snr_db is None else f"{snr_db:g}dB"
