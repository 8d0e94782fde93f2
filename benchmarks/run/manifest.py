"""Manifests: which clips train, validate and test, and one hash for each unit and noise level.

The hash covers only paths and labels, so it is the same for archives, unpacked trees and mono stores. It is part of
every result. `benchmarks/datasets/mimii_manifests.csv` holds the hashes of public MIMII under `code`. They follow from
the published counts, since the clips of a class are numbered from 00000000.
"""

from collections.abc import Iterable
from itertools import product
from pathlib import Path

import pandas as pd

from benchmarks.datasets import mimii_release
from benchmarks.datasets.dataset import Clip
from benchmarks.datasets.mimii_layout import LABELS
from benchmarks.run.plan import Group
from benchmarks.run.protocols import Protocol, Split
from benchmarks.run.writing import write_text
from features import WavFile

FROZEN = Path(__file__).parents[1] / "datasets" / "mimii_manifests.csv"


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
    """One row per unit and SNR: `machine, unit, snr_db, n_train, n_validation, n_test, hash`.

    The hash is "" where the protocol cannot split the clips.

    >>> clips = public_mimii_clips("pump", "id_00", 6.0)
    >>> group = Group("pump", "id_00", 6.0, tuple(clips), 0, Protocol("code").apply(clips))
    >>> hashes([group]).to_dict("records")[0]["hash"]
    '6fa02432f115693f'
    """
    columns = ["machine", "unit", "snr_db", "n_train", "n_validation", "n_test", "hash"]
    return pd.DataFrame([(g.machine, g.unit, g.snr_db, *_sizes_and_hash(g.split)) for g in groups], columns=columns)


def _sizes_and_hash(split: Split | None) -> tuple[int, int, int, str]:
    if split is None:
        return 0, 0, 0, ""
    return len(split.train), len(split.validation), len(split.test), split.manifest_hash


def public_mimii() -> pd.DataFrame:
    """Return the hashes of public MIMII under `code`, computed from the published counts and the names alone."""
    groups = []
    for (machine, unit), snr_db in product(mimii_release.counts(), mimii_release.SNRS_DB):
        clips = public_mimii_clips(machine, unit, snr_db)
        groups.append(Group(machine, unit, float(snr_db), tuple(clips), 0, Protocol("code").apply(clips)))
    return hashes(groups)


def public_mimii_clips(machine: str, unit: str, snr_db: float | None) -> list[Clip]:
    """List the clips of a public unit at one noise level, from the published counts; [] for a unit that is not public.

    >>> clips = public_mimii_clips("pump", "id_00", 6.0)
    >>> len(clips), clips[0].path
    (1149, '6_dB_pump/pump/id_00/normal/00000000.wav')
    >>> public_mimii_clips("pump", "id_01", 6.0)
    []
    """
    counts = mimii_release.counts()
    if (machine, unit) not in counts or snr_db not in mimii_release.SNRS_DB:
        return []
    folder = f"{snr_db:g}_dB_{machine}/{machine}/{unit}"
    return [
        Clip(machine, unit, float(snr_db), label, f"{folder}/{name}/{number:08d}.wav", WavFile(Path(folder)))
        for (name, label), n_clips in zip(LABELS.items(), counts[machine, unit], strict=True)
        for number in range(n_clips)
    ]


def save(groups: Iterable[Group], file: Path) -> None:
    """Write the manifest as CSV. Raises `InputError` if it cannot be written."""
    write_text(file, manifest(groups).to_csv(index=False, lineterminator="\n"), "give another file with --out")


if __name__ == "__main__":
    write_text(FROZEN, public_mimii().to_csv(index=False, lineterminator="\n"))
