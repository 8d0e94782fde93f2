"""A choice of cells of stored results: what tables cover, or what is removed."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import pandas as pd

from features import InputError

BUDGET_MARK = "@cpu"  # a row that is named without it is meant too


@dataclass(frozen=True)
class CellChoice:
    """Cells by detector, machine, unit, SNR in dB and seed; an empty tuple means all."""

    detectors: tuple[str, ...] = ()
    machines: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    snrs_db: tuple[float, ...] = ()
    seeds: tuple[int, ...] = ()

    def rows(self, cells: pd.DataFrame) -> pd.DataFrame:
        """The rows that are chosen; cells: columns `detector` and `CELL`, and `seeded` if it is known.

        A detector without a seed belongs to every seed. Raises `InputError` for a name that no cell has, and if no
        cell is left.
        """
        labels = set(cells["detector"])
        detectors = {name if name in labels else _with_budget(name, labels) for name in self.detectors}
        chosen = _having(cells, "detector", detectors, "--detectors")
        for column, wanted in (("machine", self.machines), ("unit", self.units), ("snr_db", self.snrs_db)):
            chosen = _having(chosen, column, wanted, _OPTIONS[column])
        if self.seeds:
            without_seed = ~chosen["seeded"].astype(bool) if "seeded" in chosen else False
            chosen = chosen[chosen["seed"].isin(self.seeds) | without_seed]
            if chosen.empty:
                raise InputError(f"--seeds {_listed(self.seeds)}: no chosen cell has them; there are {_there(cells)}")
        return chosen

    def __str__(self) -> str:
        """`machines fan; seeds 0, 1`, empty where everything is chosen.

        >>> str(CellChoice(machines=("fan",), seeds=(0, 1)))
        'machines fan; seeds 0, 1'
        """
        parts: Mapping[str, Collection[object]] = {
            "detectors": self.detectors,
            "machines": self.machines,
            "units": self.units,
            "SNRs": [f"{snr_db:g} dB" for snr_db in self.snrs_db],
            "seeds": self.seeds,
        }
        return "; ".join(f"{name} {_listed(values)}" for name, values in parts.items() if values)


_OPTIONS = {"machine": "--machines", "unit": "--units", "snr_db": "--snrs"}


def _with_budget(name: str, labels: Collection[str]) -> str:
    """The row label under a reduced budget: `vae` is `vae@cpu`, `vae[latent=4]` is `vae@cpu[latent=4]`."""
    base, bracket, fields = name.partition("[")
    marked = base + BUDGET_MARK + bracket + fields
    return marked if marked in labels else name


def _having(cells: pd.DataFrame, column: str, wanted: Collection[object], option: str) -> pd.DataFrame:
    """The rows with one of these values in a column; all rows where none is wanted."""
    there = cells[column].dropna().unique()
    if unknown := [value for value in wanted if value not in there]:
        raise InputError(f"{option} {_text(unknown[0])}: no such result among those chosen; there are {_listed(there)}")
    return cells[cells[column].isin(list(wanted))] if wanted else cells


def _there(cells: pd.DataFrame) -> str:
    return _listed(cells["seed"].unique())


def _listed(values: Collection[object]) -> str:
    return ", ".join(map(_text, sorted(values, key=lambda value: (isinstance(value, str), value)))) or "none"


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
