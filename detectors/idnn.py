"""Interpolation network (Suefusa et al. 2020, arXiv 2005.09234): the middle of five frames, guessed from the others."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from detectors.contract.registry import register
from detectors.dense_ae import DenseAutoencoder, dense_network
from features import Feature, InputError, LogMel


@register("idnn")
@dataclass
class InterpolationNetwork(DenseAutoencoder):
    """A dense network that predicts the middle frame from its neighbours; score = mean squared error of that frame.

    Unlike an autoencoder it cannot copy its input, so sounds that come and go, as of valves and slide rails, do not
    drown the score. `frames` must be odd. Widths as in public reimplementations, training as in `dense_ae`.
    """

    hidden: tuple[int, ...] = (64, 32)
    latent: int = 16
    feature: Feature = LogMel(n_mels=128)
    cpu_budget: ClassVar[Mapping[str, object]] = {"epochs": 30}

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.frames < 3 or self.frames % 2 == 0:
            raise InputError(f"frames={self.frames}; an odd number >= 3 has a middle with neighbours")

    def _network(self, n_bins: int) -> nn.Module:
        widths = [(self.frames - 1) * n_bins, *self.hidden, self.latent, *self.hidden[::-1], n_bins]
        return dense_network(widths, self.batch_norm)

    def _residual(self, network: nn.Module, windows: Tensor) -> Tensor:
        """Return guess minus middle frame, `(n, frames * n_bins) -> (n, n_bins)`."""
        n_bins = windows.shape[1] // self.frames
        start = self.frames // 2 * n_bins
        before, middle, after = windows.tensor_split([start, start + n_bins], dim=1)
        return network(torch.cat([before, after], dim=1)) - middle
