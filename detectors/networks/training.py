"""The training loop of all networks: seeds, devices, epochs, early stopping."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Literal

import torch
from torch import Tensor, nn

from features import InputError

ADAM_EPSILON = 1e-7  # the default of Keras, which the published baselines were trained with

Schedule = Literal["constant", "cosine"]
Observer = Callable[[int], None]  # of an epoch, from 1

_observer: ContextVar[Observer | None] = ContextVar("observer", default=None)


@contextmanager
def observing(callback: Observer) -> Iterator[None]:
    """Make every `train` inside call `callback(epoch)` after each epoch and its validation.

    The callback may score with the network, which is the detector's `network_` by then. It does not change what the
    network learns.
    """
    token = _observer.set(callback)
    try:
        yield
    finally:
        _observer.reset(token)


def train(
    network: nn.Module,
    error: Callable[[Tensor], Tensor],
    training: Tensor,
    validation: Tensor | None = None,
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    schedule: Schedule = "constant",
    patience: int | None = None,
    penalty: Callable[[], Tensor] | None = None,
    mixed_precision: bool = False,
) -> list[dict[str, float]]:
    """Train `network` in place with Adam and return one row per epoch; call it inside `seeded`.

    error: takes indices of items, `(n_items,) int64`, gathers that batch and returns its mean error, a scalar tensor.
    training, validation: the indices to learn from, and those held out; all belong to normal clips.
    schedule: "cosine" lowers the learning rate to 0 along half a cosine, one step per epoch.
    patience: stop after this number of epochs without a lower validation error, and restore the weights of the best
    epoch.
    penalty: added to the error for the gradient; the history does not include it.
    mixed_precision: bfloat16 where that is safe, on a GPU only.
    Rows: `epoch` from 1, `train_error` (mean over the epoch, during training), `validation_error` (after the epoch;
    NaN without validation), `learning_rate`. Raises `FloatingPointError` when the error is no longer finite.
    """
    device = next(network.parameters()).device
    autocast = torch.autocast(device.type, torch.bfloat16, enabled=mixed_precision and device.type == "cuda")
    optimiser = torch.optim.Adam(network.parameters(), lr=learning_rate, eps=ADAM_EPSILON, fused=True)

    def step(indices: Tensor) -> Tensor:
        optimiser.zero_grad(set_to_none=True)
        with autocast:
            batch_error = error(indices)
        (batch_error if penalty is None else batch_error + penalty()).backward()
        optimiser.step()
        return batch_error.detach()

    history: list[dict[str, float]] = []
    best: dict[str, Tensor] = {}
    best_row = {"epoch": 0.0, "validation_error": math.inf}
    for epoch in range(1, epochs + 1):
        rate = learning_rate * (0.5 + 0.5 * math.cos(math.pi * (epoch - 1) / epochs) if schedule == "cosine" else 1.0)
        optimiser.param_groups[0]["lr"] = rate
        _start_epoch(network)
        row = {"epoch": epoch, "train_error": _mean_error(step, _batches(training, batch_size, shuffle=True))}
        network.eval()
        with torch.no_grad():
            row["validation_error"] = _mean_error(error, _batches(validation, batch_size, shuffle=False))
        history.append(row | {"learning_rate": rate})
        if not math.isfinite(row["train_error"]):
            raise FloatingPointError(
                f"the training error is {row['train_error']} in epoch {epoch}; lower learning_rate"
            )
        _observe(epoch, device)
        if patience is None or validation is None or len(validation) == 0:
            continue
        if row["validation_error"] < best_row["validation_error"]:
            best_row, best = row, {name: value.clone() for name, value in network.state_dict().items()}
        elif epoch - best_row["epoch"] >= patience:
            break
    if best:
        network.load_state_dict(best)
    return history


def _observe(epoch: int, device: torch.device) -> None:
    if (observer := _observer.get()) is not None:
        with _own_random_state(device):
            observer(epoch)


def _own_random_state(device: torch.device) -> AbstractContextManager[None]:
    return torch.random.fork_rng(devices=[device] if device.type == "cuda" else [])


def _start_epoch(network: nn.Module) -> None:
    """Restart the batch-norm statistics: layers with `momentum=None` then average over one epoch, however short."""
    network.train()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) and module.momentum is None:
            module.reset_running_stats()


def _batches(items: Tensor | None, batch_size: int, shuffle: bool) -> Sequence[Tensor]:
    """Cut items into batches; a single last item joins the batch before it, as batch norm cannot learn from one."""
    if items is None or len(items) == 0:
        return []
    batches = list((items[torch.randperm(len(items))] if shuffle else items).split(batch_size))
    if len(batches) > 1 and len(batches[-1]) == 1:
        batches[-2:] = [torch.cat(batches[-2:])]
    return batches


def _mean_error(error: Callable[[Tensor], Tensor], batches: Sequence[Tensor]) -> float:
    """Return the mean error per item; one transfer from the device, at the end."""
    total = sum((error(indices) * len(indices) for indices in batches), start=torch.zeros(()))
    return float(total) / sum(map(len, batches)) if batches else math.nan


def device_of(name: str) -> torch.device:
    """Return the device of this name; "auto" is the GPU if there is one. Raises `InputError` if the GPU is missing."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise InputError(f"device={name!r}: no CUDA GPU is visible to torch; use device='cpu' or 'auto'")
    return torch.device(name)


@contextmanager
def seeded(seed: int, device_name: str) -> Iterator[torch.device]:
    """Yield the device, with torch's random numbers starting at `seed`; afterwards torch's random state is restored."""
    device = device_of(device_name)
    with _own_random_state(device):
        torch.default_generator.manual_seed(seed)
        if device.type == "cuda":
            torch.cuda.manual_seed(seed)
        yield device


@contextmanager
def evaluating(network: nn.Module, device_name: str) -> Iterator[tuple[nn.Module, torch.device]]:
    """Yield a network on this device, in evaluation mode; afterwards its device and mode are restored."""
    device = device_of(device_name)
    home, training = next(network.parameters()).device, network.training
    try:
        with torch.inference_mode():
            yield network.to(device).eval(), device
    finally:
        network.to(home).train(training)
