"""Variational autoencoder (Kingma and Welling 2013, arXiv 1312.6114), as a detector (An and Cho 2015)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Self

import numpy as np
import torch
from torch import Tensor, nn

from detectors.contract.detector import Clips, Detector
from detectors.contract.registry import register
from detectors.networks.dense import dense_network
from detectors.networks.training import Windows, evaluating, seeded, stacked, train
from features import Feature, InputError, LogMel

SCALE_FLOOR = 0.1  # dB: bands that hardly move in training are not magnified beyond this
LOG_VARIANCE = 8.0  # logarithms of variances are kept within +- this


@register("vae")
@dataclass
class VariationalAutoencoder(Detector):
    """Five log-mel frames x, standardised per band by the training clips, under a normal model learnt end to end.

    Encoder q(z|x) and decoder p(x|z) are dense networks that give a mean and a log variance each; p(z) = N(0, 1).
    scoring, in nats per window of five frames, averaged over the windows of a clip and over `n_draws` draws of z:
    "neg_elbo" = E_q[-log p(x|z)] + KL(q(z|x) || p(z)), the bound on -log p(x) that training lowers;
    "reconstruction_probability" = its first term, that of An and Cho with the sign turned; "kl" = its second term.
    Every clip gets the same draws, which come from the seed.
    """

    frames: int = 5  # stacked into one vector
    hidden: tuple[int, ...] = (64, 64)  # widths of the encoder, mirrored in the decoder
    latent: int = 8
    scoring: Literal["neg_elbo", "reconstruction_probability", "kl"] = "neg_elbo"
    n_draws: int = 8
    epochs: int = 50
    batch_size: int = 512
    learning_rate: float = 1e-3
    validation_fraction: float = 0.1  # of the windows, the last ones; they are not learnt from
    seed: int = 0
    feature: Feature = LogMel()
    device: str = field(default="auto", repr=False)
    cpu_budget: ClassVar[Mapping[str, object]] = {"epochs": 15}

    def __post_init__(self) -> None:
        if self.scoring not in ("neg_elbo", "reconstruction_probability", "kl"):
            raise InputError(f"scoring={self.scoring!r}; allowed: 'neg_elbo', 'reconstruction_probability', 'kl'")

    def fit(self, clips: Clips) -> Self:
        with seeded(self.seed, self.device) as device:
            windows = Windows(clips.features, self.frames, device)
            network = self._network(clips.features).to(device)
            self.n_bins_, self.network_ = windows.n_bins, network

            def error(indices: Tensor) -> Tensor:
                x = windows[indices]
                noise = torch.randn(1, len(x), self.latent, device=device)
                rebuilding, divergence = network(x, noise)
                return (rebuilding + divergence).mean()

            self.history_ = train(
                network,
                error,
                *windows.split(self.validation_fraction),
                epochs=self.epochs,
                batch_size=self.batch_size,
                learning_rate=self.learning_rate,
            )
        network.cpu()
        return self

    def score(self, clips: Clips) -> np.ndarray:
        with evaluating(self.network_, self.device) as (network, device):
            return np.array([self._clip_score(network, frames, device) for frames in clips.features])

    def _clip_score(self, network: nn.Module, frames: np.ndarray, device: torch.device) -> float:
        x = stacked(frames, self.frames, self.n_bins_, device)
        generator = torch.Generator().manual_seed(self.seed)
        noise = torch.randn(self.n_draws, len(x), self.latent, generator=generator).to(device)
        rebuilding, divergence = (term.double().mean().item() for term in network(x, noise))
        terms = {"neg_elbo": rebuilding + divergence, "reconstruction_probability": rebuilding, "kl": divergence}
        return terms[self.scoring]

    def _network(self, features: Sequence[np.ndarray]) -> "VaeNetwork":
        n_frames = sum(map(len, features))
        mean = sum(frames.sum(axis=0, dtype=np.float64) for frames in features) / n_frames  # (n_bins,)
        variance = sum(np.square(frames - mean).sum(axis=0) for frames in features) / n_frames
        scale = np.sqrt(variance).clip(SCALE_FLOOR)
        n_values = self.frames * len(mean)
        return VaeNetwork(
            encoder=dense_network([n_values, *self.hidden, 2 * self.latent]),
            decoder=dense_network([self.latent, *self.hidden[::-1], 2 * n_values]),
            mean=torch.from_numpy(np.tile(mean, self.frames)).float(),
            scale=torch.from_numpy(np.tile(scale, self.frames)).float(),
        )


class VaeNetwork(nn.Module):
    """Windows and standard normal noise in, the two terms of the negative evidence lower bound out, in nats."""

    mean: Tensor
    scale: Tensor

    def __init__(self, encoder: nn.Module, decoder: nn.Module, mean: Tensor, scale: Tensor) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)

    def forward(self, windows: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Return `-log p(x|z)`, `(n_draws, n_windows)`, and the divergence, `(n_windows,)`.

        windows: `(n_windows, n_values)`; noise: `(n_draws, n_windows, latent)`.
        """
        x = (windows - self.mean) / self.scale
        z_mean, z_log_variance = _normal(self.encoder(x))
        divergence = 0.5 * (z_mean.square() + z_log_variance.exp() - 1 - z_log_variance).sum(dim=-1)
        x_mean, x_log_variance = _normal(self.decoder(z_mean + noise * (0.5 * z_log_variance).exp()))
        deviations = (x - x_mean).square() * (-x_log_variance).exp()
        return 0.5 * (math.log(2 * math.pi) + x_log_variance + deviations).sum(dim=-1), divergence


def _normal(parameters: Tensor) -> tuple[Tensor, Tensor]:
    """Split the output of a network into means and log variances."""
    mean, log_variance = parameters.chunk(2, dim=-1)
    return mean, log_variance.clamp(-LOG_VARIANCE, LOG_VARIANCE)
