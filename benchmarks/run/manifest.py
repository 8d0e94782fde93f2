"""Manifests: who trains, validates and tests, clip by clip, and one hash per unit and noise level.

The hash covers paths and labels alone, so it is the same for archives, unpacked trees and mono stores. It is part of
every result. `mimii_manifests.csv` beside the corpora holds those of public MIMII under `code`; they follow from the
published counts, since the clips of a class are numbered from 00000000.
"""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from benchmarks.datasets.dataset import Clip
from benchmarks.run.plan import Group
from benchmarks.run.protocols import Protocol, Split
from benchmarks.run.writing import write_text
from features import WavFile

FROZEN = Path(__file__).parents[1] / "datasets" / "mimii_manifests.csv"
COUNTS = Path(__file__).parents[1] / "datasets" / "mimii_counts.csv"
PUBLIC_UNITS = ("id_00", "id_02", "id_04", "id_06")
SNRS_DB = (6.0, 0.0, -6.0)


def manifest(groups: Iterable[Group]) -> pd.DataFrame:
    """One row per clip: `machine, unit, snr_db, part, path, label`."""
    rows = [
        (group.machine, group.unit, group.snr_db, part, clip.path, clip.label)
        for group in groups
        if group.split is not None
        for part, clips in group.split.parts().items()
        for clip in clips
    ]
    return pd.DataFrame(rows, columns=["machine", "unit", "snr_db", "part", "path", "label"])


def hashes(groups: Iterable[Group]) -> pd.DataFrame:
    """One row per unit and SNR: `machine, unit, snr_db, n_train, n_validation, n_test, hash`; "" where none fits."""
    columns = ["machine", "unit", "snr_db", "n_train", "n_validation", "n_test", "hash"]
    return pd.DataFrame([(g.machine, g.unit, g.snr_db, *_sizes_and_hash(g.split)) for g in groups], columns=columns)


def _sizes_and_hash(split: Split | None) -> tuple[int, int, int, str]:
    if split is None:
        return 0, 0, 0, ""
    return len(split.train), len(split.validation), len(split.test), split.manifest_hash


def public_mimii() -> pd.DataFrame:
    """The hashes of public MIMII under `code`, from the published counts and the names alone."""
    counts = pd.read_csv(COUNTS)
    groups = []
    for row in counts[counts["model_id"].isin(PUBLIC_UNITS)].itertuples():
        machine, unit = str(row.machine), str(row.model_id)
        for snr_db in SNRS_DB:
            clips = public_mimii_clips(machine, unit, snr_db)
            groups.append(Group(machine, unit, snr_db, tuple(clips), 0, Protocol("code").apply(clips)))
    return hashes(groups)


def public_mimii_clips(machine: str, unit: str, snr_db: float) -> list[Clip]:
    """The clips of a public unit at one noise level, from the published counts; none of a unit that is not public."""
    counts = pd.read_csv(COUNTS).set_index(["machine", "model_id"])
    if unit not in PUBLIC_UNITS or snr_db not in SNRS_DB or (machine, unit) not in counts.index:
        return []
    folder, of_unit = f"{snr_db:g}_dB_{machine}/{machine}/{unit}", counts.loc[[(machine, unit)]]
    return [
        Clip(machine, unit, snr_db, label, f"{folder}/{name}/{number:08d}.wav", WavFile(Path(folder)))
        for label, name in ((0, "normal"), (1, "abnormal"))
        for number in range(int(of_unit[name].iloc[0]))
    ]


def save(groups: Iterable[Group], file: Path) -> None:
    """Write the manifest as CSV. Raises `InputError` if it cannot be written."""
    write_text(file, manifest(groups).to_csv(index=False, lineterminator="\n"), "give another file with --out")


if __name__ == "__main__":
    write_text(FROZEN, public_mimii().to_csv(index=False, lineterminator="\n"))
