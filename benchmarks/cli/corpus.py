"""The corpus that the options of a command name, and the part of it to run on."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.cli.options import numbers, words
from benchmarks.datasets import Dataset, Synthetic, open_dataset
from benchmarks.run.plan import Selection
from features import InputError

ANOMALIES = 0.3  # of the normal clips, where --clips gives one number


def open_corpus(
    dataset: str | None,
    data: Path | None,
    machines: str = "",
    units: str = "",
    snrs: str = "",
    clips: str = "",
    seconds: float | None = None,
    channels: int | None = None,
    quick: bool = False,
) -> tuple[Dataset, Selection]:
    """Open a corpus by its options, as they stand on the command line; the synthetic one is made to measure.

    Raises `InputError` where the corpus is not there, or one that is recorded is asked for in another size.
    """
    selection = Selection(words(machines), words(units), numbers(snrs, float, "--snrs"), quick)
    corpus, size = open_dataset(dataset, data), _size(clips, seconds, channels)
    if isinstance(corpus, Synthetic):
        axes: dict[str, Any] = {"machines": selection.machines, "units": selection.units, "snrs_db": selection.snrs_db}
        return replace(corpus, **size, **{name: chosen for name, chosen in axes.items() if chosen}), selection
    if size:
        raise InputError(
            f"--clips, --seconds and --channels are for a corpus that is made, {corpus.title} is recorded; "
            "leave them out, or add --dataset synthetic"
        )
    return corpus, selection


def _size(clips: str, seconds: float | None, channels: int | None) -> dict[str, Any]:
    """The fields of `Synthetic` that are asked for."""
    counts = numbers(clips, int, "--clips")
    if len(counts) > 2:
        raise InputError(f"--clips {clips}: give the normal and the abnormal clips of a unit and SNR, such as 200,60")
    if len(counts) == 1:
        counts = (counts[0], max(2, round(ANOMALIES * counts[0])))
    fields = {"seconds": seconds, "n_channels": channels} | dict(zip(("normals", "anomalies"), counts, strict=False))
    return {name: value for name, value in fields.items() if value is not None}
