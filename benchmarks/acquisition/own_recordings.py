"""Examines a user's own recordings before a run: which clips cannot be read, which are silent, and what is mixed.

A WAV file on disk is judged by its header and, while its samples are all equal, by its sound; every other file is
decoded in full.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.acquisition.clip_headers import open_wav
from benchmarks.cell import snr_text
from benchmarks.datasets.dataset import Clip
from benchmarks.datasets.own_corpus import file_of
from benchmarks.run.protocols import SPLIT_RULES, Protocol
from features import AudioSource, InputError, WavFile
from features.resample import Resampled

MUCH_LONGER = 2.0  # a clip this many times as long as another is named
_SHOWN = 3
_KINDS = {0: "normal", 1: "abnormal", None: "unlabelled"}


@dataclass(frozen=True)
class ClipFacts:
    """What a file of sound is."""

    sample_rate: int  # Hz
    n_samples: int
    n_channels: int
    silent: bool

    @property
    def seconds(self) -> float:
        return self.n_samples / self.sample_rate


@dataclass
class Examined:
    """What was found in the clips of a corpus, in their order."""

    facts: dict[Clip, ClipFacts] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)  # path of a clip -> why, naming the file

    @property
    def silent(self) -> list[Clip]:
        """The clips without sound."""
        return [clip for clip, facts in self.facts.items() if facts.silent]

    def remarks(self, rate: int) -> list[str]:
        """A line for each thing that a user should know before a run; rate: that of the corpus in Hz."""
        rates = self._mixed(
            {clip: f"{facts.sample_rate} Hz" for clip, facts in self.facts.items()},
            f"sample rates; all are brought to {rate} Hz, and a detector may learn the rate, so record at one rate",
        )
        channels = self._mixed(
            {clip: f"{facts.n_channels} channel{'s' * (facts.n_channels > 1)}" for clip, facts in self.facts.items()},
            "numbers of channels; --channel says which one is used",
        )
        return [*self._silence(), *rates, *self._lengths(), *channels]

    def _silence(self) -> list[str]:
        names = [clip.audio.name for clip in self.silent]
        return [f"silent, every sample is the same: {_some(names)}; record again or take out"] if names else []

    def _mixed(self, values: Mapping[Clip, Hashable], advice: str) -> list[str]:
        counts = Counter(values.values())
        if len(counts) < 2:
            return []
        found = ", ".join(f"{value} ({_by_class([c for c in values if values[c] == value])})" for value in counts)
        return [f"clips of {len(counts)} {advice}: {found}"]

    def _lengths(self) -> list[str]:
        by_length = sorted(self.facts, key=lambda clip: self.facts[clip].seconds)
        if not by_length or self.facts[by_length[-1]].seconds < MUCH_LONGER * self.facts[by_length[0]].seconds:
            return []
        short, long = (f"{self.facts[c].seconds:g} s ({c.audio.name})" for c in (by_length[0], by_length[-1]))
        return [f"clips of {short} to {long}; a score is given per clip, so cut long ones to the length of the others"]


@dataclass(frozen=True)
class UnitRow:
    """One unit at one noise level: its clips, and why a split rule cannot be used on it."""

    name: str
    clips: tuple[Clip, ...]
    obstacles: dict[str, str]  # split rule -> reason


def examine_clips(clips: Sequence[Clip], on_clip: Callable[[], object] = lambda: None) -> Examined:
    """Look at every clip; one that cannot be read costs no other. on_clip: called after each."""
    examined = Examined()
    for clip in clips:
        try:
            examined.facts[clip] = facts_of(clip.audio)
        except InputError as error:
            examined.unreadable[clip.path] = str(error)
        on_clip()
    return examined


def facts_of(audio: AudioSource) -> ClipFacts:
    """Return rate, length, channels and whether a clip is silent. Raises `InputError` where it cannot be read."""
    file = file_of(audio)
    wav = open_wav(file) if isinstance(file, WavFile) and file.name.lower().endswith(".wav") else None
    if wav is not None and wav.full_scale != 1:
        n_samples, n_channels = wav.frames.shape
        return ClipFacts(wav.sample_rate, n_samples, n_channels, _constant(wav.frames))
    sounds, rate = (audio.source if isinstance(audio, Resampled) else audio).read_all()
    return ClipFacts(rate, sounds.shape[1], len(sounds), _constant(sounds.T))


def _constant(frames: np.ndarray) -> bool:
    """Whether all of `(n_samples, n_channels)` is one value per channel; a sound is seen from its first samples."""
    return all(bool((part == frames[0]).all()) for part in (frames[:1000], frames))


def units_of(clips: Sequence[Clip]) -> list[UnitRow]:
    """Return a row for each unit at each noise level, in order of names."""
    groups: dict[tuple[str, str, float | None], list[Clip]] = {}
    for clip in clips:
        groups.setdefault((clip.machine, clip.unit, clip.snr_db), []).append(clip)
    return [
        UnitRow(
            f"{machine} {unit} at {snr_text(snr_db)}", tuple(of), {rule: _why_not(of, rule) for rule in SPLIT_RULES}
        )
        for (machine, unit, snr_db), of in groups.items()
    ]


def _why_not(clips: Sequence[Clip], split: str) -> str:
    try:
        Protocol(split).apply(clips)
    except InputError as error:
        return str(error)
    return ""


def class_counts(clips: Sequence[Clip]) -> dict[str, int]:
    """Return class -> number of clips, of the classes that are there."""
    return {name: n for label, name in _KINDS.items() if (n := sum(clip.label == label for clip in clips))}


def _by_class(clips: Sequence[Clip]) -> str:
    return ", ".join(f"{n} {name}" for name, n in class_counts(clips).items())


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
