"""Captions: what a reader must know of a table to cite it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.run.protocols import split_text


@dataclass(frozen=True)
class Caption:
    """What was measured, and how. `cells`: the number of cells of each ranked detector."""

    corpus: str
    split: str
    channel: str
    seeds: Sequence[int]
    cells: int
    budget: str
    versions: Mapping[str, str]
    synthetic: bool = False
    quick: bool = False
    level: float = 0.95
    calibrate: float = 0.0  # share of the training clips that was held out for thresholds

    def __str__(self) -> str:
        parts = [
            *self.warnings,
            f"{self.corpus}. AUC, the mean over {self._cells}.",
            f"Interval: {100 * self.level:g} %, over the sampling of test clips (DeLong).",
            self._conditions,
        ]
        return " ".join(parts)

    @property
    def title(self) -> str:
        """The title of a page."""
        return f"{'SYNTHETIC: ' * self.synthetic}asdbench on {self.corpus}"

    @property
    def setting(self) -> str:
        """What the values were measured on and how, without what they are."""
        return " ".join([*self.warnings, f"{self.corpus}, {self._cells}.", self._conditions])

    @property
    def warnings(self) -> list[str]:
        synthetic = ["SYNTHETIC DATA: not comparable with published figures."] * self.synthetic
        return synthetic + ["Quick run: not for citing."] * self.quick

    @property
    def _cells(self) -> str:
        return f"{self.cells} cell{'s' * (self.cells != 1)} (machine, unit, SNR, seed)"

    @property
    def _conditions(self) -> str:
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        split = split_text(self.split, self.calibrate)
        protocol = f"Split: {split}. Channel: {self.channel}. Seeds: {', '.join(map(str, self.seeds))}."
        return f"{protocol} Budget: {self.budget}. Versions: {versions}."
