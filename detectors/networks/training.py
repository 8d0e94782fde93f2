"""The one training loop behind every network, and the batches of frames that most of them learn from."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from features import InputError

ADAM_EPSILON = 1e-7  # the default of Keras, with which the published baselines were trained
TABLE_BYTES = 1 << 30  # frames up to this size are held in memory as one table, beyond it they stay in their files

Schedule = Literal["constant", "cosine"]
Observer = Callable[[int], None]  # of an epoch, from 1

_observer: ContextVar[Observer | None] = ContextVar("observer", default=None)


@contextmanager
def observing(callback: Observer) -> Iterator[None]:
    """Have every `train` inside call `callback(epoch)` after each epoch and its validation.

    It may score with the network, which is the detector's `network_` by then; it changes nothing of what is learnt.
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

    error: indices of items `(n_items,) int64` -> their mean error, a scalar tensor. It gathers the batch by itself.
    training, validation: the indices to learn from, and those held out, all of normal clips.
    schedule: "cosine" lowers the learning rate to 0 along half a cosine, one step per epoch.
    patience: stop after so many epochs without a lower validation error and go back to the weights of the best epoch.
    penalty: added to the error for the gradient, left out of the history.
    mixed_precision: bfloat16 where that is safe, on a GPU only.
    Rows: `epoch` from 1, `train_error` (mean over the epoch, while it learns), `validation_error` (after the epoch;
    NaN without validation), `learning_rate`. Raises `FloatingPointError` where the error stops being finite.
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
    """Cut items into batches; one left over joins the batch before it, as batch norm cannot learn from one item."""
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
    """Return the device of this name; "auto" is the GPU where there is one. Raises `InputError` without that GPU."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise InputError(f"device={name!r}: no CUDA GPU is visible to torch; use device='cpu' or 'auto'")
    return torch.device(name)


@contextmanager
def seeded(seed: int, device_name: str) -> Iterator[torch.device]:
    """Lend the device and random numbers that start at `seed`; torch's own random state is as before afterwards."""
    device = device_of(device_name)
    with _own_random_state(device):
        torch.default_generator.manual_seed(seed)
        if device.type == "cuda":
            torch.cuda.manual_seed(seed)
        yield device


@contextmanager
def evaluating(network: nn.Module, device_name: str) -> Iterator[tuple[nn.Module, torch.device]]:
    """Lend a network on this device, in evaluation mode; it goes back to the device and mode that it came from."""
    device = device_of(device_name)
    home, training = next(network.parameters()).device, network.training
    try:
        with torch.inference_mode():
            yield network.to(device).eval(), device
    finally:
        network.to(home).train(training)


class Windows:
    """All windows of `size` consecutive frames of some clips; `windows[indices]` gathers a batch of them.

    A batch is `(n_items, size * n_bins) float32`, frame after frame. Windows come clip by clip, in order of time, and
    none spans two clips. The stacked windows never exist as a whole: they overlap in a table of all frames, or, beyond
    `table_bytes`, are read from the clips batch by batch.
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
        """Return the indices to learn from and those held out, the last ones, as Keras's validation_split does."""
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
