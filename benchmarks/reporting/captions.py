"""Captions: what a reader must know of a table to cite it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.run.protocols import split_text

SHOWN = 3  # sets that are named before the others are counted


@dataclass(frozen=True)
class Caption:
    """What was measured, and how.

    sets: the number of sets (machine, unit, SNR) of each ranked detector. seeds: of all ranked detectors that have one;
    `seeds_differ`: whether their numbers of seeds do. chosen: what the reader has limited the table to.
    left_out: the sets that were run but are not ranked on, each with its detectors. threads: of each fit; other than 1,
    it changes scores and times.
    """

    corpus: str
    split: str
    channel: str
    seeds: Sequence[int]
    sets: int
    budget: str
    versions: Mapping[str, str]
    synthetic: bool = False
    quick: bool = False
    level: float = 0.95
    threads: int = 1
    seeds_differ: bool = False
    chosen: str = ""
    left_out: Sequence[str] = ()
    calibrate: float = 0.0  # share of the training clips that was held out for thresholds

    def __str__(self) -> str:
        parts = [
            *self.warnings,
            f"{self.corpus}. AUC, the mean over {self._sets}.",
            f"Interval: {100 * self.level:g} %, over the sampling of test clips (DeLong).",
            self._conditions,
            *self._not_ranked_on,
        ]
        return " ".join(parts)

    @property
    def title(self) -> str:
        """The title of a page."""
        return f"{'SYNTHETIC: ' * self.synthetic}asdbench on {self.corpus}"

    @property
    def setting(self) -> str:
        """What the values were measured on and how, without what they are."""
        return " ".join([*self.warnings, f"{self.corpus}, {self._sets}.", self._conditions])

    @property
    def warnings(self) -> list[str]:
        synthetic = ["SYNTHETIC DATA: not comparable with published figures."] * self.synthetic
        return synthetic + ["Quick run: not for citing."] * self.quick

    @property
    def _sets(self) -> str:
        return f"{self.sets} set{'s' * (self.sets != 1)} (machine, unit, SNR)"

    @property
    def _not_ranked_on(self) -> list[str]:
        """Which sets do not count, and what a reader can do about it."""
        if not self.left_out:
            return []
        first, more = "; ".join(self.left_out[:SHOWN]), len(self.left_out) - SHOWN
        others = f" and {more} more" if more > 0 else ""
        how = "run the others there too, or choose with --detectors, --machines, --units and --snrs of report"
        reason = "too few detectors have results there"
        return [f"Not ranked on {first}{others}: {reason}; {how}. The command clean removes stray cells."]

    @property
    def _conditions(self) -> str:
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        only = f"Limited to {self.chosen}. " if self.chosen else ""
        split = split_text(self.split, self.calibrate)
        seeds = ", ".join(map(str, self.seeds)) + ", averaged per row, as many as its column Seeds" * self.seeds_differ
        threads = f" Threads: {self.threads}." * (self.threads != 1)
        protocol = f"{only}Split: {split}. Channel: {self.channel}. Seeds: {seeds}.{threads}"
        return f"{protocol} Budget: {self.budget}. Versions: {versions}."
