"""The channels that a mono store keeps of a recording, and a stored clip, read by the recording's channel numbers.

`channels.json` lies beside the WAV files, in the folder of each class, so that it stays with them when a part of the
store is moved:

    {"channels": [0, 4], "recorded": 8, "archive": "6_dB_fan.zip"}

means that the first stored channel is channel 0 of the 8 recorded ones, and the second is channel 4.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from benchmarks.datasets.wav_folders import CHANNELS_FILE
from features import Channel, ChannelSelection, InputError, WavFile


@dataclass(frozen=True)
class KeptChannels:
    """Which channels of a recording a mono store keeps, in the stored order.

    >>> KeptChannels((0, 4), recorded=8, archive="6_dB_fan.zip").text
    '0, 4'
    """

    channels: tuple[int, ...]
    recorded: int  # number of channels of the recording
    archive: str  # name of the archive that they were taken from

    def __post_init__(self) -> None:
        wrong = [c for c in self.channels if not (type(c) is int and 0 <= c < self.recorded)]
        if wrong or not self.channels or len(set(self.channels)) < len(self.channels):
            raise InputError(
                f"channels {self.text or 'none'}: give different indices from 0 to {self.recorded - 1}, separated by "
                "commas, such as 0,4"
            )

    @property
    def text(self) -> str:
        """The channels, separated by commas."""
        return ", ".join(map(str, self.channels))

    def write(self, folder: Path) -> None:
        """Write `channels.json` into a folder."""
        channels = {"channels": list(self.channels), "recorded": self.recorded, "archive": self.archive}
        (folder / CHANNELS_FILE).write_text(json.dumps(channels) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the `channels.json` of a folder. Raises `InputError` where it is missing or wrong."""
        file = folder / CHANNELS_FILE
        try:
            stated = json.loads(file.read_text(encoding="utf-8"))
            if not isinstance(stated, Mapping) or type(stated["recorded"]) is not int:
                raise TypeError("no channels, recorded and archive")
            return cls(tuple(stated["channels"]), stated["recorded"], str(stated["archive"]))
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise InputError(
                f"{file}: does not state the stored channels ({error}); make the mono store again from its archive"
            ) from error


@dataclass(frozen=True)
class StoredClip:
    """A clip of a mono store; follows the contract of `features.AudioSource`."""

    file: WavFile
    kept: KeptChannels

    @property
    def name(self) -> str:
        """Its path."""
        return self.file.name

    @property
    def identity(self) -> str:
        """Identity of the file and the channels that it keeps. Raises `InputError` where there is no such file."""
        return f"{self.file.identity} channels {self.kept.text} of {self.kept.recorded}"

    def read(self, channel: Channel) -> tuple[np.ndarray, int]:
        """Return `((n_samples,) float32, sample_rate in Hz)` of a channel by its number in the recording.

        Raises `InputError` where the channel was not kept. The mean needs all channels.
        """
        kept = self.kept.channels
        if channel == "mean" and len(kept) == self.kept.recorded:
            return self.file.read("mean")
        if channel == "mean" or channel not in kept:
            raise self._lacks(channel)
        return self.file.read(kept.index(channel))

    def read_all(self) -> tuple[np.ndarray, int]:
        """Return `((n_channels, n_samples) float32, sample_rate in Hz)` in the order of the recording.

        Raises `InputError` where a channel was not kept: some channels are another input than all of them.
        """
        if len(self.kept.channels) < self.kept.recorded:
            raise self._lacks("all")
        sounds, sample_rate = self.file.read_all()
        if len(sounds) != self.kept.recorded:
            raise InputError(
                f"{self.name}: found {len(sounds)} channel(s), {CHANNELS_FILE} says {self.kept.recorded}; "
                "make the mono store again from its archive"
            )
        return sounds[np.argsort(self.kept.channels)], sample_rate

    def _lacks(self, wanted: ChannelSelection) -> InputError:
        return InputError(
            f"{self.name}: channel {wanted!r} was chosen, but this mono store keeps {self.kept.text} of "
            f"0..{self.kept.recorded - 1}; choose one of these with --channel, or download {self.kept.archive} again"
        )
