"""Convolutional autoencoder of whole spectrograms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor, nn

from detectors.contract.detector import Clips, Detector
from detectors.contract.fields import Count, HeldOutShare, NotNegative, Positive, Seed
from detectors.contract.registry import register
from detectors.networks.dense import dense_network
from detectors.networks.training import evaluating, seeded, train
from detectors.networks.windows import check_frames
from features import Feature, InputError, LogMel

LAYOUT = torch.channels_last  # doubles the speed of convolutions of few maps on a CPU
POOLING = 8  # the encoder halves three times, so the numbers of frames and bands are multiples of 8


@register("conv2d_ae")
@dataclass
class SpectrogramAutoencoder(Detector):
    """Reconstruction error of a spectrogram ("Sound-based Anomaly Detection for Folks in a Hurry", 2022).

    The input is a whole log-mel spectrogram, standardised per clip. Encoder: pairs of 3 x 3 convolutions with 8, 4 and
    2 maps, each followed by halving, then dense layers 600-100-10. The decoder is the mirror image.
    Score: the mean squared error.

    Unlike the article's, the output is linear, because half of a standardised target is negative. The convolutions
    start with weights after He et al. 2015 (arXiv 1502.01852). With Glorot's, the default of Keras, the signal hardly
    reaches the output, and for two seeds of eight the output stays at the mean. The coefficients of the penalties are
    our own.
    The number of frames is that of the longest training clip, rounded up to a multiple of 8. Shorter clips are padded
    with their mean, and the error of the padding is ignored. Longer clips are scored in pieces of that length, the last
    of which ends with the clip; their score is the mean over the pieces.
    """

    channels: Count = 1  # microphones: blocks of bins in a clip, one input map each. The article takes the eight of
    #                      MIMII: `--channel all` with `conv2d_ae[channels=8]`
    l1: NotNegative = 1e-5  # penalty, times the sum of the absolute dense weights
    l2: NotNegative = 1e-4  # penalty, times the sum of their squares
    epochs: Count = 200
    patience: Count | None = 10  # epochs without a lower validation error before training stops and the best weights
    #                              are restored; None: train for all epochs
    batch_size: Count = 8
    learning_rate: Positive = 1e-3
    validation_fraction: HeldOutShare = 0.1  # of the clips, drawn at random; the network does not learn from them
    seed: Seed = 0
    feature: Feature = LogMel(n_fft=2048, hop_length=512, n_mels=128)
    device: str = field(default="auto", repr=False)
    papers: ClassVar[tuple[str, ...]] = ("folks2022hurry",)
    cpu_budget: ClassVar[Mapping[str, object]] = {"epochs": 6}

    @property
    def one_channel(self) -> str:  # type: ignore[override]
        """Why it takes one channel only, and the name of the variant that takes several."""
        return "" if self.channels > 1 else "it has channels=1; name it conv2d_ae[channels=8] for 8 microphones"

    def fit(self, clips: Clips) -> Self:
        n_bins = self._n_bins(clips.features)
        self.shape_ = (-(-max(map(len, clips.features)) // POOLING) * POOLING, n_bins)
        with seeded(self.seed, self.device) as device:
            self.network_ = network = conv_network(*self.shape_, self.channels).to(device)
            network.to(memory_format=LAYOUT)  # type: ignore[call-overload]  # torch's stubs do not know it
            weights = [layer.weight for layer in network.modules() if isinstance(layer, nn.Linear)]

            def error(indices: Tensor) -> Tensor:
                return self._errors(network, [standardised(clips.features[i]) for i in indices], device).mean()

            def penalty() -> Tensor:
                return torch.stack([self.l1 * w.abs().sum() + self.l2 * w.square().sum() for w in weights]).sum()

            order = torch.randperm(len(clips))
            n_validation = round(len(clips) * self.validation_fraction)
            self.history_ = train(
                network,
                error,
                order[n_validation:],
                order[:n_validation],
                epochs=self.epochs,
                batch_size=self.batch_size,
                learning_rate=self.learning_rate,
                patience=self.patience,
                penalty=penalty,
                mixed_precision=True,
            )
        network.cpu()
        return self

    def score(self, clips: Clips) -> np.ndarray:
        scores = []
        with evaluating(self.network_, self.device) as (network, device):
            for position in range(len(clips)):
                check_frames(clips.features[position], 1, self.shape_[1], position)
                pieces = self._pieces(standardised(clips.features[position]))
                errors = [float(self._errors(network, [piece], device)) for piece in pieces]
                scores.append(np.mean(errors))
        return np.array(scores)

    def _errors(self, network: nn.Module, tables: Sequence[np.ndarray], device: torch.device) -> Tensor:
        """Return the mean squared error of each standardised table of at most `shape_[0]` frames, `(n_tables,)`."""
        inputs = torch.zeros(len(tables), *self.shape_)  # 0 is the mean of a clip
        weights = torch.zeros(len(tables), self.shape_[0])  # of frames: 0 for padding
        for row, table in enumerate(tables):
            inputs[row, : len(table)] = torch.from_numpy(table)
            weights[row, : len(table)] = 1 / len(table)
        inputs, weights = inputs.to(device), weights.to(device)
        maps = inputs.unflatten(2, (self.channels, -1)).transpose(1, 2)  # (n_tables, channels, n_frames, n_bands)
        outputs = network(maps.contiguous(memory_format=LAYOUT)).transpose(1, 2).flatten(2)
        return ((outputs - inputs).square().mean(dim=2) * weights).sum(dim=1)

    def _pieces(self, table: np.ndarray) -> list[np.ndarray]:
        length = self.shape_[0]
        starts = [*range(0, len(table) - length, length), max(len(table) - length, 0)]
        return [table[start : start + length] for start in starts]

    def _n_bins(self, features: Sequence[np.ndarray]) -> int:
        """Return the number of bins of all clips. Raises `InputError` where the network cannot take it."""
        if len(features) == 0:
            raise InputError("no clips to learn from; give at least one clip of normal sound")
        n_bins = features[0].shape[1]
        self._check_channels(n_bins)
        if n_bins % (self.channels * POOLING):
            raise InputError(
                f"clips have {n_bins} bins; conv2d_ae[channels={self.channels}] halves those of each channel three "
                f"times, so give a multiple of {self.channels * POOLING}"
            )
        for position in range(len(features)):
            check_frames(features[position], 1, n_bins, position)
        return n_bins

    def _check_channels(self, n_bins: int) -> None:
        """Raise `InputError` where the bands of the feature show that the clips have another number of channels."""
        if not isinstance(self.feature, LogMel) or n_bins % self.feature.n_mels:
            return
        if (found := n_bins // self.feature.n_mels) != self.channels:
            raise InputError(
                f"clips have {found} channel(s) of {self.feature.n_mels} bands, conv2d_ae has channels="
                f"{self.channels}; name it conv2d_ae[channels={found}], or choose the channel with --channel"
            )


def conv_network(n_frames: int, n_bins: int, channels: int = 1) -> nn.Sequential:
    """Return the network; its input and its output are `(n_clips, channels, n_frames, n_bins / channels)`.

    `n_frames` and the bins of a channel are multiples of 8.
    """
    code = (2, n_frames // POOLING, n_bins // channels // POOLING)
    n_code = code[0] * code[1] * code[2]
    encoder = [
        layer for n_in, n_out in ((channels, 8), (8, 4), (4, 2)) for layer in (*_pair(n_in, n_out), nn.MaxPool2d(2))
    ]
    decoder = [
        layer
        for n_in, n_out in ((2, 2), (2, 4), (4, 8))
        for layer in (*_pair(n_in, n_out), nn.Upsample(scale_factor=2))
    ]
    dense = [nn.Flatten(), dense_network([n_code, 600, 100, 10, 100, 600, n_code]), nn.ReLU(), nn.Unflatten(1, code)]
    return nn.Sequential(*encoder, *dense, *decoder, _conv(8, channels))


def _pair(n_in: int, n_out: int) -> list[nn.Module]:
    return [_conv(n_in, n_out), nn.ReLU(), _conv(n_out, n_out), nn.ReLU()]


def _conv(n_in: int, n_out: int) -> nn.Conv2d:
    conv = nn.Conv2d(n_in, n_out, 3, padding=1)
    weight, bias = conv.parameters()
    nn.init.kaiming_uniform_(weight, nonlinearity="relu")
    nn.init.zeros_(bias)
    return conv


def standardised(frames: np.ndarray) -> np.ndarray:
    """Return a clip with mean 0 and deviation 1 over all its frames and bands; a clip of one value becomes 0."""
    deviation = frames.std(dtype=np.float64)
    return ((frames - frames.mean(dtype=np.float64)) / (deviation or 1.0)).astype(np.float32)
