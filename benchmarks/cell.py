"""The cell: the unit of work, of failure and of resumption; its name and the folder of its result."""

from dataclasses import dataclass


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

    def __str__(self) -> str:
        return f"{self.detector} on {self.machine} {self.unit} at {snr_text(self.snr_db)}, seed {self.seed}"


def snr_text(snr_db: float | None) -> str:
    """`6.0 -> "6dB"`, `None -> "any-snr"`."""
    return "any-snr" if snr_db is None else f"{snr_db:g}dB"
