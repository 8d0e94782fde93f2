"""The contract of a dataset: it lists labelled clips from names alone, and says where they come from."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from features import AudioSource


@dataclass(frozen=True)
class Clip:
    """One recording of one machine unit.

    snr_db: the noise level it was mixed at, None where the corpus states none.
    label: 0 normal, 1 anomalous, None where the corpus keeps it secret.
    path: where it is inside the corpus, the same for an archive and for its unpacked tree; orders the clips.
    audio: reads the sound, later.
    split: the part ("train", "validation", "test") that the corpus itself assigns, if it does.
    """

    machine: str
    unit: str
    snr_db: float | None
    label: int | None
    path: str
    audio: AudioSource
    split: str | None = None


class Dataset(ABC):
    """A corpus of clips. Subclasses are dataclasses whose fields say where it is or how it is made."""

    name: ClassVar[str]  # lower snake: the word on the command line and the folder in results/
    title: ClassVar[str]
    licence: ClassVar[str]
    citation: ClassVar[str]  # a complete BibTeX entry
    synthetic: ClassVar[bool] = False  # True labels every table, figure and file made from it
    sample_rate: ClassVar[int] = 16_000  # Hz
    nearest_channel: ClassVar[Mapping[str, int]] = {}  # machine -> index of the microphone that faces it

    @property
    @abstractmethod
    def identity(self) -> str:
        """What, beside the names of its clips, tells this corpus from another version of it."""

    @abstractmethod
    def clips(self) -> list[Clip]:
        """List all clips in order of their paths, opening no audio. Raises `InputError` where there are none."""
