"""Several features of one clip in one table, for detectors whose parts listen to different ones."""

from dataclasses import dataclass

import numpy as np

from features.errors import InputError
from features.feature import Feature


@dataclass(frozen=True)
class Bundle(Feature):
    """Features one after the other in a single column, `(n_values, 1) float32`; `unpack` gives them back.

    The column starts with the shape of each feature, n_frames and n_bins, so clips may differ in length.
    Where all channels are heard, a clip is a column per channel, `(n_values, n_channels)`.
    """

    features: tuple[Feature, ...]

    def __post_init__(self) -> None:
        if not self.features:
            raise InputError("Bundle: features is empty; give at least one")

    def __call__(self, waveform: np.ndarray, sample_rate: int) -> np.ndarray:
        tables = [feature(waveform, sample_rate) for feature in self.features]
        header = np.array([table.shape for table in tables], dtype=np.float32)  # exact up to 2 ** 24
        return np.concatenate([np.ravel(part) for part in (header, *tables)]).astype(np.float32)[:, np.newaxis]

    def unpack(self, columns: np.ndarray) -> list[np.ndarray]:
        """Return the features of one clip, in order, channels side by side as the feature cache lays any feature.

        `(n_values, n_channels)` -> `(n_frames, n_channels * n_bins) float32` each; of one channel nothing is copied.
        """
        shapes = columns[: 2 * len(self.features), 0].reshape(-1, 2).astype(int)
        ends = 2 * len(self.features) + np.cumsum(shapes.prod(axis=1))
        return [
            columns[end - np.prod(shape) : end].reshape(*shape, -1).swapaxes(1, 2).reshape(shape[0], -1)
            for end, shape in zip(ends, shapes, strict=True)
        ]
