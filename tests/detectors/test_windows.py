"""Windows of frames: their order, the memory that they take, and what is refused."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from detectors.networks.windows import Windows, stacked
from features import InputError

CPU = torch.device("cpu")


def clips_of_frames(*lengths: int) -> list[np.ndarray]:
    """Clips of two bins whose values count up, so that all frames differ."""
    edges = np.cumsum((0, *lengths))
    table = np.arange(2 * edges[-1], dtype=np.float32).reshape(-1, 2)
    table.flags.writeable = False
    return [table[a:b] for a, b in pairwise(edges)]


@pytest.mark.parametrize("table_bytes", [1 << 20, 0], ids=["table", "from the clips"])
def test_windows_hold_consecutive_frames_of_one_clip(table_bytes):
    windows = Windows(clips_of_frames(4, 3), 3, CPU, table_bytes)
    batch = windows[torch.tensor([2, 0, 1])]
    assert len(windows) == 3
    assert batch.tolist() == [[8, 9, 10, 11, 12, 13], [0, 1, 2, 3, 4, 5], [2, 3, 4, 5, 6, 7]]


def test_windows_read_a_memory_map_without_copying_it(tmp_path):
    np.save(tmp_path / "features.npy", np.arange(24, dtype=np.float32).reshape(2, 6, 2))
    mapped = np.load(tmp_path / "features.npy", mmap_mode="r")
    windows = Windows(mapped, 5, CPU, table_bytes=0)
    assert windows.overlapping is None
    assert windows[torch.tensor([3])].tolist() == [list(range(14, 24))]


def test_stacked_windows_of_one_clip():
    clip = clips_of_frames(4)[0]
    assert stacked(clip, 3, 2, CPU).tolist() == [[0, 1, 2, 3, 4, 5], [2, 3, 4, 5, 6, 7]]


@pytest.mark.parametrize(
    ("clips", "message"),
    [
        ([], "no clips to learn from"),
        (clips_of_frames(5, 4), "clip 1 has 4 frames, at least 5 needed"),
        ([np.zeros((5, 2), np.float32), np.zeros((5, 3), np.float32)], "clip 1 has 3 bins, expected 2"),
    ],
    ids=["none", "too short", "other bins"],
)
def test_windows_refuse(clips, message):
    with pytest.raises(InputError, match=message):
        Windows(clips, 5, CPU)
