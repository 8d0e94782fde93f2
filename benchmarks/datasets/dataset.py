"""The contract of a dataset: it lists labelled clips without opening audio, and states their origin."""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from features import AudioSource, Feature, InputError

_NAME = re.compile(r"(?![. ])[^\x00-\x1f/\\:*?\"<>|]+")  # can be part of a file's name on every system


@dataclass(frozen=True)
class Clip:
    """One recording of one machine unit.

    machine, unit: names that can be part of a file's name; any other raises `InputError`.
    snr_db: the signal-to-noise ratio that it was mixed at, None where the corpus states none.
    label: 0 normal, 1 abnormal, None where the corpus keeps it secret.
    path: its place inside the corpus, the same for an archive and for its unpacked tree; clips are sorted by it.
    audio: reads the sound when it is needed.
    split: the part ("train", "validation", "test") that the corpus assigns, if it does.
    domain: "source" or "target" in corpora whose recording conditions differ between the two.
    attributes: further conditions (speed, load, microphone) as the corpus writes them.
    fault, severity: the kind of anomaly and its strength up to 1, where the corpus knows them; used only in reports.
    A detector sees none of these.
    """

    machine: str
    unit: str
    snr_db: float | None
    label: int | None
    path: str
    audio: AudioSource
    split: str | None = None
    domain: str | None = None
    attributes: str = ""
    fault: str = ""
    severity: float | None = None

    def __post_init__(self) -> None:
        for field, name in (("machine", self.machine), ("unit", self.unit)):
            if not _NAME.fullmatch(name):
                raise InputError(
                    f"{self.path}: {field} {name!r} cannot be part of a file's name; "
                    'give a name without / \\ : * ? " < > | that does not begin with a dot or a space'
                )


class Dataset(ABC):
    """A corpus of clips. Subclasses are dataclasses; their fields state where it is or how it is generated."""

    name: ClassVar[str]  # lower snake case: the name on the command line and the folder in results/
    title: ClassVar[str]
    licence: ClassVar[str]
    citation: ClassVar[str]  # a complete BibTeX entry
    synthetic: ClassVar[bool] = False  # if True, every table, figure and file made from it says so
    sample_rate: ClassVar[int] = 16_000  # Hz
    nearest_channel: ClassVar[Mapping[str, int]] = {}  # machine -> index of the microphone that faces it
    official_split: ClassVar[str] = "code"  # the split rule of its authors, the default on the command line
    official_metric: ClassVar[str] = ""  # the key of a challenge's metric in evaluation/challenge_metrics.py

    @property
    @abstractmethod
    def identity(self) -> str:
        """What distinguishes this corpus from another version of it, apart from the names of its clips."""

    @property
    def folder(self) -> str:
        """The folder of its results: its name, and what separates it from corpora that must not be mixed with it."""
        return self.name

    @property
    def full_title(self) -> str:
        """The title in captions."""
        return self.title

    @abstractmethod
    def clips(self) -> list[Clip]:
        """List all clips, sorted by path, without opening audio. Raises `InputError` where there are none."""

    def feature_for(self, feature: Feature) -> Feature:
        """Return what is computed from these clips for a detector that asks for `feature`; for sound, `feature` itself.

        Raises `InputError` where the corpus has nothing that can take its place. The message is the reason that the
        planner prints after "<detector> is left out: ".
        """
        return feature
