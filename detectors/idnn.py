"""Interpolation network: it predicts the middle one of five frames from the others."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn

from detectors.contract.fields import AtLeast, Count
from detectors.contract.registry import register
from detectors.dense_ae import DenseAutoencoder
from detectors.networks.dense import dense_network
from features import Feature, InputError, LogMel


@register("idnn")
@dataclass
class InterpolationNetwork(DenseAutoencoder):
    """Error of a prediction of the middle of five frames (IDNN; Suefusa et al. 2020, arXiv 2005.09234).

    Score: the mean squared error of the predicted frame. Unlike an autoencoder the network cannot copy its input, so
    non-stationary sounds, such as those of valves and slide rails, do not dominate the score.
    The widths are those of public reimplementations, the training is that of `dense_ae`.
    """

    frames: Annotated[int, AtLeast(3)] = 5  # odd: the one in the middle is predicted
    hidden: tuple[Count, ...] = (64, 32)
    latent: Count = 16
    feature: Feature = LogMel(n_mels=128)
    papers: ClassVar[tuple[str, ...]] = ("suefusa2020idnn",)
    cpu_budget: ClassVar[Mapping[str, object]] = {"epochs": 30}

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.frames % 2 == 0:
            raise InputError(f"idnn[frames={self.frames}]: frames is odd, so that one of them is in the middle")

    def _network(self, n_bins: int) -> nn.Module:
        widths = [(self.frames - 1) * n_bins, *self.hidden, self.latent, *self.hidden[::-1], n_bins]
        return dense_network(widths, self.batch_norm)

    def _residual(self, network: nn.Module, windows: Tensor) -> Tensor:
        """Return prediction minus middle frame, `(n, frames * n_bins) -> (n, n_bins)`."""
        n_bins = windows.shape[1] // self.frames
        start = self.frames // 2 * n_bins
        before, middle, after = windows.tensor_split([start, start + n_bins], dim=1)
        return network(torch.cat([before, after], dim=1)) - middle
