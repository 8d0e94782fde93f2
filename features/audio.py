"""Reading sound: a WAV file on disk or inside a zip archive, one channel of it, as float32."""

from typing import Literal, Protocol

import numpy as np

Channel = int | Literal["mean"]  # a 0-based index, or the mean over all channels


class AudioSource(Protocol):
    """Something that one clip's sound can be read from, now or later, in this process or another (it pickles)."""

    @property
    def identity(self) -> str:
        """Text that changes whenever the sound may have changed (path, size, time or checksum)."""

    def read(self, channel: Channel) -> tuple[np.ndarray, int]:
        """Return `((n_samples,) float32 at full scale 1, sample_rate in Hz)`.

        Raises `InputError`, naming the file, where it is missing, damaged, empty, holds NaN or lacks the channel.
        """
