"""What was published as MIMII, public 1.0: the archives, and how many clips of each unit they hold.

`mimii_archives.csv`: name, bytes and MD5 of the twelve archives of Zenodo record 3384388. They come from two other
sources that agree, since the record could not be reached; a complete download with another MD5 is therefore kept.
`mimii_counts.csv`: clips per unit, from table 1 of Purohit et al. 2019 (arXiv 1909.09347). The counts are equal at the
three noise levels. The table has seven units per machine, the public release the four of `PUBLIC_UNITS`.
"""

import csv
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

ADDRESS = "https://zenodo.org/record/3384388/files/{archive}?download=1"
UNITS = tuple(f"id_{number:02d}" for number in range(7))  # of each machine
PUBLIC_UNITS = ("id_00", "id_02", "id_04", "id_06")
SNRS_DB = (6, 0, -6)
RECORDED = 8  # channels
CLIP_SECONDS = 10
_BESIDE = 4096  # bytes per file: its header, and half of its last block on the disk
_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Archive:
    """One archive as it was published."""

    name: str  # "6_dB_fan.zip"
    n_bytes: int
    md5: str
    machine: str
    snr_db: int
    n_clips: int

    @property
    def stem(self) -> str:
        """The name without its suffix."""
        return self.name.removesuffix(".zip")

    def store_bytes(self, n_channels: int) -> int:
        """Return about how many bytes of disk a mono store with this number of channels takes."""
        return self.n_clips * (n_channels * CLIP_SECONDS * 16_000 * 2 + _BESIDE)


@lru_cache(maxsize=1)
def archives() -> tuple[Archive, ...]:
    """Return all published archives, in order of their names.

    >>> archives()[0].name, archives()[0].n_clips
    ('-6_dB_fan.zip', 5550)
    """
    clips: dict[str, int] = {}
    for (machine, _), (normal, abnormal) in counts().items():
        clips[machine] = clips.get(machine, 0) + normal + abnormal
    found = []
    with open(_HERE / "mimii_archives.csv", newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            snr_db, _, machine = row["archive"].removesuffix(".zip").split("_")
            n_bytes, n_clips = int(row["bytes"]), clips[machine]
            found.append(Archive(row["archive"], n_bytes, row["md5"], machine, int(snr_db), n_clips))
    return tuple(found)


@lru_cache(maxsize=1)
def counts() -> dict[tuple[str, str], tuple[int, int]]:
    """Return (machine, unit) -> numbers of normal and abnormal clips at each noise level, for the public units.

    >>> counts()["fan", "id_00"]
    (1011, 407)
    """
    with open(_HERE / "mimii_counts.csv", newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["model_id"] in PUBLIC_UNITS]
    return {(row["machine"], row["model_id"]): (int(row["normal"]), int(row["abnormal"])) for row in rows}
