"""The contract of a dataset: it lists labelled clips from names alone, and says where they come from."""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from features import AudioSource, Feature, InputError

_NAME = re.compile(r"(?![. ])[^\x00-\x1f/\\:*?\"<>|]+")  # can be part of the name of a file anywhere


@dataclass(frozen=True)
class Clip:
    """One recording of one machine unit.

    machine, unit: names that can be part of a file's name, else `InputError`.
    snr_db: the noise level it was mixed at, None where the corpus states none.
    label: 0 normal, 1 abnormal, None where the corpus keeps it secret.
    path: where it is inside the corpus, the same for an archive and for its unpacked tree; orders the clips.
    audio: reads the sound, later.
    split: the part ("train", "validation", "test") that the corpus itself assigns, if it does.
    domain: "source" or "target" in corpora whose recording conditions shift between the two.
    attributes: further conditions (speed, load, microphone) as the corpus writes them.
    fault, severity: kind of an anomaly and how bad it is, up to 1, where the corpus knows; for reports alone.
    No detector sees any of these.
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
    """A corpus of clips. Subclasses are dataclasses whose fields say where it is or how it is made."""

    name: ClassVar[str]  # lower snake: the word on the command line and the folder in results/
    title: ClassVar[str]
    licence: ClassVar[str]
    citation: ClassVar[str]  # a complete BibTeX entry
    synthetic: ClassVar[bool] = False  # True labels every table, figure and file made from it
    sample_rate: ClassVar[int] = 16_000  # Hz
    nearest_channel: ClassVar[Mapping[str, int]] = {}  # machine -> index of the microphone that faces it
    official_split: ClassVar[str] = "code"  # the split rule of its authors, the default on the command line
    official_metric: ClassVar[str] = ""  # the word for a challenge's metric, see evaluation/challenge_metrics.py

    @property
    @abstractmethod
    def identity(self) -> str:
        """What, beside the names of its clips, tells this corpus from another version of it."""

    @property
    def folder(self) -> str:
        """The folder of its results: its name, and what else tells it from a corpus that must not be mixed with it."""
        return self.name

    @property
    def full_title(self) -> str:
        """What captions call it."""
        return self.title

    @abstractmethod
    def clips(self) -> list[Clip]:
        """List all clips in order of their paths, opening no audio. Raises `InputError` where there are none."""

    def feature_for(self, feature: Feature) -> Feature:
        """Return what is computed from these clips for a detector that asks for `feature`; for sound, `feature` itself.

        Raises `InputError` where the corpus has nothing that can take its place. The message is the reason that the
        planner prints after "<detector> is left out: ".
        """
        return feature
