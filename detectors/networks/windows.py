"""Windows of consecutive frames, which most networks learn from, and batches of them."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from features import InputError

TABLE_BYTES = 1 << 30  # up to this size, all frames are held in memory as one table; beyond it they stay in their files


class Windows:
    """All windows of `size` consecutive frames of some clips; `windows[indices]` gathers a batch of them.

    A batch is `(n_items, size * n_bins) float32`, one frame after the other. Windows are ordered by clip, then by time,
    and no window spans two clips. They are views of one table of all frames; where that table would be larger than
    `table_bytes`, each batch is read from the clips instead. So the stacked windows are never all in memory.
    Raises `InputError` for a clip of fewer than `size` frames, for clips that differ in bins, and for no clips.
    """

    def __init__(
        self, features: Sequence[np.ndarray], size: int, device: torch.device, table_bytes: int = TABLE_BYTES
    ) -> None:
        if len(features) == 0:
            raise InputError("no clips to learn from; give at least one clip of normal sound")
        self.features, self.size, self.device = features, size, device
        self.n_bins = features[0].shape[1]
        for i in range(len(features)):
            check_frames(features[i], size, self.n_bins, i)
        lengths = np.array([len(frames) for frames in features])
        self.clip = np.repeat(np.arange(len(lengths)), lengths - size + 1)  # (n_windows,)
        self.start = np.concatenate([np.arange(length - size + 1) for length in lengths])  # frame inside the clip
        self.overlapping = None
        if 4 * self.n_bins * lengths.sum() <= table_bytes:
            table = torch.from_numpy(np.concatenate([np.asarray(frames, np.float32) for frames in features]))
            shape = (len(table) - size + 1, size * self.n_bins)
            self.overlapping = table.to(device).as_strided(shape, (self.n_bins, 1))
            self.row = torch.from_numpy((np.cumsum(lengths) - lengths)[self.clip] + self.start)

    def __len__(self) -> int:
        return len(self.clip)

    def split(self, validation_fraction: float) -> tuple[Tensor, Tensor]:
        """Return the indices to learn from and those held out: the last ones, as with Keras's validation_split."""
        n_training = int(len(self) * (1 - validation_fraction))
        if n_training < 2:
            raise InputError(f"{n_training} windows of {self.size} frames to learn from; give more or longer clips")
        indices = torch.arange(len(self))
        return indices[:n_training], indices[n_training:]

    def __getitem__(self, indices: Tensor) -> Tensor:
        if self.overlapping is not None:
            return self.overlapping[self.row[indices].to(self.device)]
        where = zip(self.clip[indices.numpy()], self.start[indices.numpy()], strict=True)
        batch = np.stack([self.features[clip][start : start + self.size] for clip, start in where])
        return torch.from_numpy(batch).flatten(1).to(self.device)


def stacked(frames: np.ndarray, size: int, n_bins: int, device: torch.device) -> Tensor:
    """Return all windows of one clip, `(n_frames, n_bins) -> (n_frames - size + 1, size * n_bins)`."""
    check_frames(frames, size, n_bins, 0)
    table = torch.tensor(np.asarray(frames, np.float32), device=device)
    return table.as_strided((len(frames) - size + 1, size * n_bins), (n_bins, 1))


def check_frames(frames: np.ndarray, least: int, n_bins: int, position: int) -> None:
    """Raise `InputError` unless one clip has at least `least` frames of `n_bins` bins."""
    if frames.shape[1] != n_bins:
        raise InputError(
            f"clip {position} has {frames.shape[1]} bins, expected {n_bins}; use one feature for all clips"
        )
    if len(frames) < least:
        raise InputError(f"clip {position} has {len(frames)} frames, at least {least} needed; leave out shorter clips")
