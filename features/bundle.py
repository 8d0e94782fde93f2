"""Several features of one clip in one table, for detectors whose parts listen to different ones."""

from dataclasses import dataclass

import numpy as np

from features.errors import InputError
from features.feature import Feature


@dataclass(frozen=True)
class Bundle(Feature):
    """Features one after the other in a single column, `(n_values, 1) float32`; `unpack` gives them back.

    The column starts with the shape of each feature, n_frames and n_bins, so clips may differ in length.
    """

    features: tuple[Feature, ...]

    def __post_init__(self) -> None:
        if not self.features:
            raise InputError("Bundle: features is empty; give at least one")

    def __call__(self, waveform: np.ndarray, sample_rate: int) -> np.ndarray:
        tables = [feature(waveform, sample_rate) for feature in self.features]
        header = np.array([table.shape for table in tables], dtype=np.float32)  # exact up to 2 ** 24
        return np.concatenate([np.ravel(part) for part in (header, *tables)]).astype(np.float32)[:, np.newaxis]

    def unpack(self, column: np.ndarray) -> list[np.ndarray]:
        """Return the features of one clip, `(n_frames, n_bins) float32` each, in order; nothing is copied."""
        shapes = column[: 2 * len(self.features), 0].reshape(-1, 2).astype(int)
        ends = 2 * len(self.features) + np.cumsum(shapes.prod(axis=1))
        return [column[end - np.prod(shape) : end, 0].reshape(shape) for end, shape in zip(ends, shapes, strict=True)]
