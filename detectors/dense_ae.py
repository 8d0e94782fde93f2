"""The dense autoencoder that is the MIMII baseline: it cannot reconstruct anomalous sound."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal, Self

import numpy as np
import torch
from torch import Tensor, nn

from detectors.contract.detector import Clips, Detector
from detectors.contract.fields import Count, HeldOutShare, Positive, Seed
from detectors.contract.registry import register
from detectors.networks.dense import dense_network
from detectors.networks.training import evaluating, seeded, train
from detectors.networks.windows import Windows, stacked
from features import Feature, LogMel

RIDGE = 1e-6  # times the mean variance of the residuals: added to their covariance before it is inverted


@register("dense_ae")
@dataclass
class DenseAutoencoder(Detector):
    """Reconstruction error of five log-mel frames (dense autoencoder; Purohit et al. 2019, arXiv 1909.09347).

    The defaults are the official baseline: widths 320-64-64-8-64-64-320, ReLU, linear output, Glorot weights, input in
    dB without standardisation, and the last tenth of all windows held out for the history.
    """

    frames: Count = 5  # consecutive frames in one input vector
    hidden: tuple[Count, ...] = (64, 64)  # widths before the bottleneck, mirrored after it
    latent: Count = 8  # width of the bottleneck
    batch_norm: bool = False  # before each ReLU
    scoring: Literal["mse", "mahalanobis"] = "mse"  # mse: mean squared error, in dB squared; mahalanobis: mean squared
    #          Mahalanobis length of the residual frames under the second moments of the training residuals (after
    #          "selective Mahalanobis" of the DCASE 2023 baseline)
    epochs: Count = 50
    batch_size: Count = 512
    learning_rate: Positive = 1e-3
    validation_fraction: HeldOutShare = 0.1  # of the windows, the last ones; the network does not learn from them
    seed: Seed = 0
    feature: Feature = LogMel()
    device: str = field(default="auto", repr=False)
    papers: ClassVar[tuple[str, ...]] = ("purohit2019mimii",)

    def fit(self, clips: Clips) -> Self:
        with seeded(self.seed, self.device) as device:
            windows = Windows(clips.features, self.frames, device)
            network = self._network(windows.n_bins).to(device)
            self.n_bins_, self.network_ = windows.n_bins, network
            vars(self).pop("precision_", None)  # of an earlier fit
            if self.scoring == "mse":
                self.precision_ = None
            self.history_ = train(
                network,
                lambda indices: self._residual(network, windows[indices]).square().mean(),
                *windows.split(self.validation_fraction),
                epochs=self.epochs,
                batch_size=self.batch_size,
                learning_rate=self.learning_rate,
            )
            if self.scoring == "mahalanobis":
                self.precision_ = self._precision(network, windows)
        network.cpu()
        return self

    def score(self, clips: Clips) -> np.ndarray:
        with evaluating(self.network_, self.device) as (network, device):
            return np.array([self._clip_score(network, frames, device) for frames in clips.features])

    def _clip_score(self, network: nn.Module, frames: np.ndarray, device: torch.device) -> float:
        residual = self._residual(network, stacked(frames, self.frames, self.n_bins_, device)).double()
        if self.precision_ is None:
            return float(residual.square().mean())
        residual = residual.view(-1, self.n_bins_)  # (n_windows, n_values) -> (n_frames, n_bins)
        return float((residual @ self.precision_.to(device) * residual).sum(dim=1).mean())

    def _network(self, n_bins: int) -> nn.Module:
        n_values = self.frames * n_bins
        return dense_network([n_values, *self.hidden, self.latent, *self.hidden[::-1], n_values], self.batch_norm)

    def _residual(self, network: nn.Module, windows: Tensor) -> Tensor:
        """Return the network's output minus the windows, `(n, frames * n_bins) -> (n, n_values)`."""
        return network(windows) - windows

    def _precision(self, network: nn.Module, windows: Windows) -> Tensor:
        """Return the inverse of the second moments of all residual frames, `(n_bins, n_bins) float64`."""
        moments, n_frames = torch.zeros((), dtype=torch.float64), 0
        network.eval()
        with torch.no_grad():
            for indices in torch.arange(len(windows)).split(4096):
                residual = self._residual(network, windows[indices]).double().view(-1, windows.n_bins)
                moments, n_frames = moments + (residual.T @ residual).cpu(), n_frames + len(residual)
        moments = moments / n_frames
        ridge = RIDGE * float(moments.diagonal().mean()) + 1e-12  # dB squared; the constant is for residuals of 0
        return torch.linalg.inv(moments + ridge * torch.eye(len(moments)))
