"""The training loop: rows, stopping, seeds, devices."""

import math

import pytest
import torch
from torch import Tensor, nn

from detectors.networks.training import device_of, evaluating, seeded, train
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


def test_evaluating_gives_the_network_in_evaluation_mode_without_gradients():
    network = nn.Sequential(nn.Linear(1, 1), nn.Dropout())
    with evaluating(network, "cpu") as (evaluated, device):
        assert device == CPU
        assert not evaluated.training
        assert not evaluated(torch.ones(1, 1)).requires_grad


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_missing_gpu_is_named():
    assert device_of("auto") == CPU
    with pytest.raises(InputError, match="device='cuda:1'"):
        device_of("cuda:1")
