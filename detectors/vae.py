"""Variational autoencoder of log-mel frames."""

import math
from collections.abc import Mapping, Sequence
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

SCALE_FLOOR = 0.1  # dB: the smallest standard deviation that a band is divided by
LOG_VARIANCE = 8.0  # logarithms of variances are limited to +- this


@register("vae")
@dataclass
class VariationalAutoencoder(Detector):
    """Negative evidence bound of a variational autoencoder (Kingma and Welling 2013; as detector An and Cho 2015).

    The input x is five log-mel frames, standardised per band with the training clips. Encoder q(z|x) and decoder p(x|z)
    are dense networks that give a mean and a log variance each; p(z) = N(0, 1).
    Score: `E_q[-log p(x|z)] + KL(q(z|x) || p(z))` in nats per window of five frames, which is an upper bound of
    -log p(x) and the training loss. It is averaged over the windows of a clip and over draws of z. The draws come from
    the seed and are the same for every clip.
    """

    frames: Count = 5  # consecutive frames in one input vector
    hidden: tuple[Count, ...] = (64, 64)  # widths of the encoder, mirrored in the decoder
    latent: Count = 8  # dimensions of z
    scoring: Literal["neg_elbo", "reconstruction_probability", "kl"] = "neg_elbo"  # the bound, its first term (the
    #          score of An and Cho, with the opposite sign), or its second term
    n_draws: Count = 8  # of z, in scoring
    epochs: Count = 50
    batch_size: Count = 512
    learning_rate: Positive = 1e-3
    validation_fraction: HeldOutShare = 0.1  # of the windows, the last ones; the network does not learn from them
    seed: Seed = 0
    feature: Feature = LogMel()
    device: str = field(default="auto", repr=False)
    papers: ClassVar[tuple[str, ...]] = ("kingma2013vae", "an2015vae")
    cpu_budget: ClassVar[Mapping[str, object]] = {"epochs": 15}

    def fit(self, clips: Clips) -> Self:
        with seeded(self.seed, self.device) as device:
            windows = Windows(clips.features, self.frames, device)
            network = self._network(clips.features).to(device)
            self.n_bins_, self.network_ = windows.n_bins, network

            def error(indices: Tensor) -> Tensor:
                x = windows[indices]
                noise = torch.randn(1, len(x), self.latent, device=device)
                reconstruction, divergence = network(x, noise)
                return (reconstruction + divergence).mean()

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
        reconstruction, divergence = (term.double().mean().item() for term in network(x, noise))
        terms = {
            "neg_elbo": reconstruction + divergence,
            "reconstruction_probability": reconstruction,
            "kl": divergence,
        }
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
    """Maps windows and standard normal noise to the two terms of the negative evidence lower bound, in nats."""

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
