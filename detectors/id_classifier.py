"""Self-supervised classification of the units of a machine type."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import ClassVar, Literal, Self

import numpy as np
import torch
from torch import Tensor, nn

from detectors.contract.detector import Clips, Detector
from detectors.contract.fields import Count, NotNegative, Positive, Seed
from detectors.contract.registry import register
from detectors.networks.angular_margin import (
    AngularMargin,
    Scoring,
    neighbour_distances,
    subcluster_adacos,
)
from detectors.networks.training import evaluating, seeded, train
from detectors.networks.windows import check_frames
from features import Feature, LogMel

N_FEATURES = 128  # of an embedding
CHANNELS = (1, 16, 32, 64, 128)  # of the network's input and convolutions


@register("id_classifier")
@dataclass
class IdClassifier(Detector):
    """Distance in the embedding of a classifier of units (ArcFace; Deng et al. 2019, arXiv 1801.07698).

    A small convolutional network on log-mel learns to distinguish the units of a machine type. It learns what is
    characteristic of the normal sound of each unit, and a fault often changes that. The network and its training are
    our own.
    """

    loss: Literal["arcface", "subcluster_adacos"] = "arcface"  # arcface: margin of its paper (0.5), scale of STgram-MFN
    #          (30); subcluster_adacos (Wilkinghoff, 2021): 16 centres per unit, fixed scale
    scoring: Scoring = "neighbours"  # neighbours: mean cosine distance of the embedding to the `k` nearest training
    #          clips of the same unit; probability: minus log probability of the own unit, in nats. With few units, most
    #          faults do not change the probability
    k: Count = 1  # neighbours averaged
    mixup: NotNegative = 0.2  # log-mels and labels are mixed in pairs, with shares drawn from Beta(mixup, mixup) (Zhang
    #          et al. 2018, arXiv 1710.09412); 0: no mixing
    crop_frames: Count | None = None  # learn from random pieces of this length; None: of the batch's shortest clip
    epochs: Count = 50
    batch_size: Count = 16
    learning_rate: Positive = 1e-3
    seed: Seed = 0
    feature: Feature = LogMel()
    device: str = field(default="auto", repr=False)
    scope: ClassVar[Literal["unit", "machine"]] = "machine"
    units_needed: ClassVar[int] = 2
    papers: ClassVar[tuple[str, ...]] = ("deng2019arcface", "wilkinghoff2021subcluster", "zhang2018mixup")
    cpu_budget: ClassVar[Mapping[str, object]] = {"epochs": 8, "crop_frames": 64}

    def fit(self, clips: Clips) -> Self:
        with seeded(self.seed, self.device) as device:
            head = self._head(clips.units)
            self.n_bins_ = clips.features[0].shape[1]
            self._check(clips.features)
            network = conv_network(self.n_bins_)
            both, self.labels_ = nn.ModuleList([network, head]).to(device), head.labels(clips.units)

            def error(indices: Tensor) -> Tensor:
                x, labels = self._crops([clips.features[i] for i in indices]), self.labels_[indices].to(device)
                order, share = torch.randperm(len(x)), self._shares(len(x))
                mixed = share[:, None, None] * x + (1 - share[:, None, None]) * x[order]
                embeddings, share = network(mixed.to(device)).float(), share.to(device)
                return (share * head(embeddings, labels) + (1 - share) * head(embeddings, labels[order])).mean()

            self.history_ = train(
                both,
                error,
                torch.arange(len(clips)),
                epochs=self.epochs,
                batch_size=self.batch_size,
                learning_rate=self.learning_rate,
                mixed_precision=True,
            )
        self.network_, self.head_ = network.cpu(), head.cpu()
        self.normal_ = self._embeddings(clips)  # (n_training, n_features)
        return self

    def score(self, clips: Clips) -> np.ndarray:
        labels = self.head_.labels(clips.units)
        self._check(clips.features)
        embeddings = self._embeddings(clips)
        if self.scoring == "neighbours":
            return neighbour_distances(embeddings, labels, self.normal_, self.labels_, self.k).numpy()
        with torch.no_grad():
            return self.head_(embeddings, labels).numpy()

    def _check(self, features: Sequence[np.ndarray]) -> None:
        for position in range(len(features)):
            check_frames(features[position], 1, self.n_bins_, position)

    def _head(self, units: Sequence[str]) -> AngularMargin:
        if self.loss == "subcluster_adacos":
            return subcluster_adacos(units, N_FEATURES)
        return AngularMargin(units, N_FEATURES, margin=0.5, scale=30.0)

    def _embeddings(self, clips: Clips) -> Tensor:
        """Return the embedding of each whole clip, one at a time as lengths may differ, `(n_clips, n_features)`."""
        with evaluating(self.network_, self.device) as (network, device):
            each = [network(torch.tensor(frames, device=device)[None]) for frames in clips.features]
            return torch.cat(each).double().cpu()

    def _crops(self, features: Sequence[np.ndarray]) -> Tensor:
        """Return a random piece of each clip, `(n_clips, n_frames, n_bins)`."""
        length = min(map(len, features))
        length = length if self.crop_frames is None else min(length, self.crop_frames)
        starts = [int(torch.randint(len(frames) - length + 1, ())) for frames in features]
        return torch.from_numpy(
            np.stack([frames[start : start + length] for frames, start in zip(features, starts, strict=True)])
        )

    def _shares(self, n_clips: int) -> Tensor:
        if not self.mixup:
            return torch.ones(n_clips)
        return torch.distributions.Beta(self.mixup, self.mixup).sample((n_clips,))


def conv_network(n_bins: int) -> nn.Sequential:
    """Return the network, `(n_clips, n_frames, n_bins) -> (n_clips, n_features)`, for any number of frames.

    Four 3 x 3 convolutions, each followed by halving; the mean and the maximum over time; a dense layer.
    """
    layers: list[nn.Module] = [StandardisedBands(n_bins)]
    for n_in, n_out in pairwise(CHANNELS):
        layers += [nn.Conv2d(n_in, n_out, 3, padding=1, bias=False), nn.BatchNorm2d(n_out, momentum=None), nn.ReLU()]
        layers += [nn.MaxPool2d(2, ceil_mode=True)]
        n_bins = -(-n_bins // 2)
    return nn.Sequential(*layers, PooledOverTime(), nn.Linear(2 * CHANNELS[-1] * n_bins, N_FEATURES))


class StandardisedBands(nn.Module):
    """`(n_clips, n_frames, n_bins) -> (n_clips, 1, n_frames, n_bins)`, standardised per band."""

    def __init__(self, n_bins: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(n_bins, momentum=None)

    def forward(self, frames: Tensor) -> Tensor:
        return self.norm(frames.transpose(1, 2)).transpose(1, 2)[:, None]


class PooledOverTime(nn.Module):
    """Mean and maximum over time: `(n_clips, n_maps, n_frames, n_bins) -> (n_clips, 2 * n_maps * n_bins)`."""

    def forward(self, maps: Tensor) -> Tensor:
        return torch.cat([maps.mean(dim=2), maps.amax(dim=2)], dim=1).flatten(1)
