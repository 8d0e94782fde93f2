"""The training loop and the windows of frames: rows, stopping, seeds, memory, and what is refused."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from detectors.networks.training import Windows, device_of, evaluating, seeded, stacked, train
from features import InputError

CPU = torch.device("cpu")


def line_fit(epochs: int = 5, **options: object) -> tuple[nn.Linear, list[dict[str, float]]]:
    """Learn y = 2 x + 1 from 20 points; the last 5 are held out."""
    x = torch.linspace(-1, 1, 20)[:, None]
    with seeded(0, "cpu"):
        network = nn.Linear(1, 1)

        def error(indices: Tensor) -> Tensor:
            return (network(x[indices]) - 2 * x[indices] - 1).square().mean()

        settings = {"epochs": epochs, "batch_size": 4, "learning_rate": 0.05} | options
        return network, train(network, error, torch.arange(15), torch.arange(15, 20), **settings)


def test_the_line_is_learnt():
    network, history = line_fit(epochs=200)
    assert network.weight.item() == pytest.approx(2, abs=1e-3)
    assert network.bias.item() == pytest.approx(1, abs=1e-3)
    assert history[-1]["validation_error"] < 1e-6 < history[0]["validation_error"]


def test_one_row_per_epoch_with_the_error_after_it():
    network, history = line_fit(epochs=3)
    x = torch.linspace(-1, 1, 20)[15:, None]
    by_hand = (network(x) - 2 * x - 1).square().mean().item()
    assert [row["epoch"] for row in history] == [1, 2, 3]
    assert history[-1]["validation_error"] == pytest.approx(by_hand, rel=1e-6)
    assert list(history[0]) == ["epoch", "train_error", "validation_error", "learning_rate"]


def test_training_error_is_a_mean_over_items_not_over_batches():
    levels = torch.tensor([1.0, 1.0, 1.0, 5.0, 5.0])
    network = nn.Linear(1, 1)

    def error(indices: Tensor) -> Tensor:
        return levels[indices].mean() + 0 * network.weight.sum()

    history = train(network, error, torch.arange(5), epochs=1, batch_size=3, learning_rate=0.1)
    assert history[0]["train_error"] == pytest.approx(13 / 5)
    assert math.isnan(history[0]["validation_error"])


def test_each_epoch_visits_every_item_once_in_another_order():
    network, seen = nn.Linear(1, 1), []

    def error(indices: Tensor) -> Tensor:
        seen.append(indices.tolist())
        return network.weight.sum()

    with seeded(3, "cpu"):
        train(network, error, torch.arange(7), epochs=2, batch_size=3, learning_rate=0.1)
    assert [len(batch) for batch in seen] == [3, 4, 3, 4], "an item left over joins the batch before it"
    first, second = seen[0] + seen[1], seen[2] + seen[3]
    assert sorted(first) == sorted(second) == list(range(7))
    assert first != second


def test_early_stopping_goes_back_to_the_best_epoch():
    validation_errors = iter([5.0, 3.0, 4.0, 3.5, 1.0])
    network, weights = nn.Linear(1, 1), []

    def error(indices: Tensor) -> Tensor:
        if torch.is_grad_enabled():
            return network.weight.sum()
        weights.append(network.weight.item())
        return torch.tensor(next(validation_errors))

    items = torch.arange(4)
    history = train(network, error, items, items, epochs=9, batch_size=4, learning_rate=0.1, patience=2)
    assert [row["validation_error"] for row in history] == [5.0, 3.0, 4.0, 3.5]
    assert network.weight.item() == weights[1]


def test_cosine_schedule_starts_full_and_is_half_way_down_in_the_middle():
    _, history = line_fit(epochs=4, schedule="cosine")
    rates = [row["learning_rate"] / 0.05 for row in history]
    assert rates == pytest.approx([1, 0.5 + math.sqrt(0.125), 0.5, 0.5 - math.sqrt(0.125)])


def test_penalty_moves_the_weights_but_not_the_history():
    network = nn.Linear(1, 1)
    nn.init.ones_(network.weight)
    row = train(
        network,
        lambda indices: 0 * network.weight.sum() + 7,
        torch.arange(4),
        epochs=100,
        batch_size=4,
        learning_rate=0.1,
        penalty=lambda: network.weight.square().sum(),
    )[-1]
    assert row["train_error"] == 7
    assert abs(network.weight.item()) < 0.05


def test_batch_norm_statistics_are_those_of_the_last_epoch():
    x = torch.tensor([[0.0], [4.0]])
    network = nn.Sequential(nn.BatchNorm1d(1, momentum=None), nn.Linear(1, 1))
    train(network, lambda i: network(x[i]).square().mean(), torch.arange(2), epochs=3, batch_size=2, learning_rate=0.1)
    assert network[0].running_mean.item() == pytest.approx(2)
    assert network[0].running_var.item() == pytest.approx(8), "variance of 0 and 4 with one degree of freedom less"


def test_an_error_that_is_not_finite_ends_the_training_with_advice():
    network = nn.Linear(1, 1)
    with pytest.raises(FloatingPointError, match="epoch 1; lower learning_rate"):
        train(
            network,
            lambda _: network.weight.sum() * math.inf,
            torch.arange(2),
            epochs=2,
            batch_size=2,
            learning_rate=1.0,
        )


def test_same_seed_same_network_and_the_global_state_stays():
    before = torch.get_rng_state()
    first, second = line_fit()[0], line_fit()[0]
    assert torch.equal(first.weight, second.weight)
    assert torch.equal(torch.get_rng_state(), before)
    with seeded(1, "cpu"):
        assert not torch.equal(nn.Linear(1, 1).weight, first.weight)


def clips_of_frames(*lengths: int) -> list[np.ndarray]:
    """Clips of two bins whose values count up, so that every frame is unlike every other."""
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


def test_evaluating_lends_the_network_in_evaluation_mode_without_gradients():
    network = nn.Sequential(nn.Linear(1, 1), nn.Dropout())
    with evaluating(network, "cpu") as (lent, device):
        assert device == CPU
        assert not lent.training
        assert not lent(torch.ones(1, 1)).requires_grad


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there_is_named():
    assert device_of("auto") == CPU
    with pytest.raises(InputError, match="device='cuda:1'"):
        device_of("cuda:1")
