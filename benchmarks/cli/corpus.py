"""The corpus and the plan that the options of a command name."""

import warnings
from dataclasses import replace
from typing import Any

from benchmarks.cli.options import CorpusOptions, ProtocolOptions, console, counts, levels_db, words
from benchmarks.datasets import Dataset, RecordingFolder, Synthetic, open_dataset
from benchmarks.datasets.synthetic import MOST_CLIPS
from benchmarks.run.plan import Plan, Selection, make_plan
from benchmarks.run.protocols import Protocol
from features import InputError

ABNORMAL_SHARE = 0.3  # of the normal clips, where --clips gives one number


def open_corpus(options: CorpusOptions, quick: bool = False) -> tuple[Dataset, Selection]:
    """Open a corpus; the synthetic one is generated in the size that is asked for.

    Raises `InputError` where the corpus is missing, or a size is asked for of a corpus of recordings.
    """
    selection = Selection(words(options.machines), words(options.units), levels_db(options.snrs), quick)
    if options.dataset == Synthetic.name and options.data is not None:
        raise InputError(f"--data {options.data}: the synthetic corpus is generated; leave out --data or --dataset")
    corpus, size = open_dataset(options.dataset, options.data), _size(options)
    if options.skip_unreadable and not isinstance(corpus, RecordingFolder):
        raise InputError(f"--skip-unreadable is for own recordings (--dataset folder), not for {corpus.title}")
    if isinstance(corpus, Synthetic):
        axes: dict[str, Any] = {"machines": selection.machines, "units": selection.units, "snrs_db": selection.snrs_db}
        return replace(corpus, **size, **{name: chosen for name, chosen in axes.items() if chosen}), selection
    if size:
        raise InputError(
            f"--clips, --seconds and --n-channels are for a generated corpus, {corpus.title} is recorded; "
            "leave them out, or add --dataset synthetic"
        )
    return (examined(corpus, options.skip_unreadable) if isinstance(corpus, RecordingFolder) else corpus), selection


def examined(corpus: RecordingFolder, skip_unreadable: bool) -> RecordingFolder:
    """Warn of all that a user should know of own recordings before a run; without unreadable clips if so asked."""
    from benchmarks.cli import recordings_output

    found = recordings_output.examine(corpus, console)
    for remark in found.remarks(corpus.sample_rate):
        warnings.warn(remark, UserWarning, stacklevel=2)
    if not found.unreadable:
        return corpus
    then = "they are left out:" if skip_unreadable else "their cells fail; repair them, or add --skip-unreadable:"
    warnings.warn(recordings_output.unreadable_text(found, then), UserWarning, stacklevel=2)
    return replace(corpus, left_out=frozenset(found.unreadable)) if skip_unreadable else corpus


def plan_without_detectors(corpus_options: CorpusOptions, protocol_options: ProtocolOptions) -> Plan:
    """The clips of a corpus and their parts, for commands that fit nothing. Raises `InputError`."""
    corpus, selection = open_corpus(corpus_options)
    return make_plan(corpus, protocol_of(corpus, protocol_options), {}, selection=selection)


def protocol_of(corpus: Dataset, options: ProtocolOptions) -> Protocol:
    """The protocol that is asked for, with the corpus's own split rule where none is."""
    return Protocol(options.split or corpus.official_split, options.channel, calibrate=options.calibrate)


def _size(options: CorpusOptions) -> dict[str, Any]:
    """The fields of `Synthetic` that are asked for."""
    asked = counts(options.clips, "--clips", 0, MOST_CLIPS)
    if len(asked) > 2:
        raise InputError(
            f"--clips {options.clips}: give the normal and the abnormal clips per unit and SNR, such as 200,60"
        )
    if len(asked) == 1:
        asked = (asked[0], max(2, round(ABNORMAL_SHARE * asked[0])))
    fields = {"seconds": options.seconds, "n_channels": options.n_channels}
    fields |= dict(zip(("normals", "anomalies"), asked, strict=False))
    return {name: value for name, value in fields.items() if value is not None}
