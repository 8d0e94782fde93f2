"""Convolutional autoencoder of raw samples, and what is wrong with the design of its article."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from detectors.contract.detector import Clips, Detector
from detectors.contract.fields import AtLeast, Count, Positive, Seed
from detectors.contract.registry import register
from detectors.networks.training import evaluating, seeded, train
from detectors.networks.windows import check_frames
from features import Feature, InputError, Waveform

SHORTEST = 166  # samples: the dilated convolutions need at least these
LOST = 65  # samples at the beginning that the output does not cover, because the dilated convolutions cut them off
ONE_CHANNEL = "its network takes the samples of one microphone"
VARIANCE_FLOOR = 1e-6  # of a clip scaled to [0, 1]: for silence


@register("conv1d_ae")
@dataclass
class WaveformAutoencoder(Detector):
    """Reconstruction error of samples ("Anomaly Detection in Industrial Machinery Using Sound Data", 2023).

    Five dilated convolutions and five transposed ones, on whole clips that are scaled to [0, 1] by their own extremes.
    263 425 weights; one clip of 10 s takes about 0.5 GB in training and 13 GMAC forward. The decoder doubles the length
    three times, the encoder halves it twice: 160 000 samples become 319 744, and the dilations cut off both ends.

    The article's design cannot learn to reconstruct sound. Its last layer is a ReLU, which has no gradient for samples
    near 0. It resamples the output to the length of the input (nearest neighbour): the output drifts from 64 samples
    late to 64 samples early, and a quarter of it is constant, as a stride of 2 with a dilation of 4 skips every other
    sample. The corrected design has a linear last layer and takes the odd output samples, which are in phase with the
    input without its ends. Unlike the article, scoring uses the batch statistics of training.
    """

    crop_samples: Annotated[int, AtLeast(SHORTEST)] | None = None  # learn from random crops of this length; None: whole
    #          clips. In a batch of clips of different lengths, all are cropped to the shortest
    windows: Count | None = None  # score this many evenly spaced windows of `crop_samples`; None: the whole clip
    design: Literal["corrected", "article"] = "corrected"
    scoring: Literal["mse", "relative_mse", "output_sum"] = "mse"  # relative_mse: over the variance of the scaled clip,
    #          as scaling makes the error of clips with high peaks small; output_sum: sum of the output samples, as in
    #          the article (over all windows)
    epochs: Count = 10
    batch_size: Count = 32
    learning_rate: Positive = 1e-4
    seed: Seed = 0
    feature: Feature = Waveform()
    device: str = field(default="auto", repr=False)
    one_channel: ClassVar[str] = ONE_CHANNEL
    papers: ClassVar[tuple[str, ...]] = ("industrial2023sound",)
    cpu_budget: ClassVar[Mapping[str, object]] = {
        "crop_samples": 512,
        "windows": 4,
        "epochs": 8,
        "batch_size": 4,
        "learning_rate": 1e-3,
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.windows is not None and self.crop_samples is None:
            raise InputError(f"conv1d_ae[windows={self.windows}]: set crop_samples too, the length of each window")

    def fit(self, clips: Clips) -> Self:
        if len(clips) == 0:
            raise InputError("no clips to learn from; give at least one clip of normal sound")
        _check(clips.features)
        extremes = [(samples.min(), samples.max()) for samples in clips.features]
        with seeded(self.seed, self.device) as device:
            self.network_ = network = conv_network().to(device)

            def error(indices: Tensor) -> Tensor:
                crops = self._crops([clips.features[i] for i in indices], [extremes[i] for i in indices]).to(device)
                return functional.mse_loss(*self._reconstructed(network, crops))

            self.history_ = train(
                network,
                error,
                torch.arange(len(clips)),
                epochs=self.epochs,
                batch_size=self.batch_size,
                learning_rate=self.learning_rate,
                mixed_precision=True,
            )
        network.cpu()
        return self

    def score(self, clips: Clips) -> np.ndarray:
        _check(clips.features)
        with evaluating(self.network_, self.device) as (network, device):
            return np.array([self._clip_score(network, samples, device) for samples in clips.features])

    def _clip_score(self, network: nn.Module, samples: np.ndarray, device: torch.device) -> float:
        scaled = _scaled(samples, samples.min(), samples.max())
        if self.windows is not None and self.crop_samples is not None and len(scaled) > self.crop_samples:
            starts = np.linspace(0, len(scaled) - self.crop_samples, self.windows).astype(int)
            inputs = torch.stack([scaled[start : start + self.crop_samples] for start in starts])[:, None].to(device)
        else:
            inputs = scaled[None, None].to(device)
        outputs, targets = (samples.double() for samples in self._reconstructed(network, inputs))
        if self.scoring == "output_sum":
            return float(outputs.sum())
        error = (outputs - targets).square().mean()
        return float(error if self.scoring == "mse" else error / targets.var(correction=0).clamp(min=VARIANCE_FLOOR))

    def _reconstructed(self, network: nn.Module, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Return the network's output for `(n_clips, 1, n_samples)`, and the samples to compare it with."""
        outputs = network(inputs)
        if self.design == "article":
            return functional.interpolate(outputs.relu(), size=inputs.shape[-1]), inputs
        outputs = outputs[..., 1::2]
        return outputs, inputs[..., LOST : LOST + outputs.shape[-1]]

    def _crops(self, clips: Sequence[np.ndarray], extremes: Sequence[tuple[float, float]]) -> Tensor:
        """Return one crop per clip, `(n_clips, 1, n_samples)`, at random places."""
        length = min(map(len, clips))
        length = length if self.crop_samples is None else min(length, self.crop_samples)
        starts = [int(torch.randint(len(samples) - length + 1, ())) for samples in clips]
        crops = [samples[start : start + length] for samples, start in zip(clips, starts, strict=True)]
        return torch.stack([_scaled(crop, *ends) for crop, ends in zip(crops, extremes, strict=True)])[:, None]


def conv_network() -> nn.Sequential:
    """Return the ten layers: `(n_clips, 1, n_samples)` to about twice as many samples, e.g. 160 000 to 319 744."""
    layers: list[nn.Module] = []
    for n_in, n_out, dilation, halve in (
        (1, 16, 1, False),
        (16, 32, 2, True),
        (32, 64, 4, False),
        (64, 128, 8, True),
        (128, 256, 16, False),
    ):
        layers += [nn.Conv1d(n_in, n_out, 3, padding=1, dilation=dilation), *_norm(n_out)]
        layers += [nn.MaxPool1d(2)] if halve else []
    for n_in, n_out, dilation, stride in (
        (256, 128, 1, 2),
        (128, 64, 8, 1),
        (64, 32, 4, 2),
        (32, 16, 2, 1),
    ):
        layers += [nn.ConvTranspose1d(n_in, n_out, 3, stride, 1, stride - 1, dilation=dilation), *_norm(n_out)]
    return nn.Sequential(*layers, nn.ConvTranspose1d(16, 1, 3, stride=2, padding=1, output_padding=1))


def _norm(n_channels: int) -> list[nn.Module]:
    return [nn.BatchNorm1d(n_channels, momentum=None), nn.ReLU()]


def _scaled(samples: np.ndarray, low: float, high: float) -> Tensor:
    """Map `(n_samples, 1)` from low..high to 0..1, `(n_samples,)`; a clip of one value becomes 0."""
    return torch.tensor((samples[:, 0] - low) / ((high - low) or 1.0), dtype=torch.float32)


def _check(features: Sequence[np.ndarray]) -> None:
    for position in range(len(features)):
        if (n_columns := features[position].shape[1]) != 1:
            raise InputError(
                f"clip {position} has {n_columns} columns of samples, but conv1d_ae takes 1: {ONE_CHANNEL}; "
                "choose one with --channel"
            )
        check_frames(features[position], SHORTEST, 1, position)
