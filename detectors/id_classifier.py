"""Self-supervised classification of units by angular margin (ArcFace, Deng et al. 2019, arXiv 1801.07698)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import ClassVar, Literal, Self

import numpy as np
import torch
from torch import Tensor, nn

from detectors.contract.detector import Clips, Detector
from detectors.contract.registry import register
from detectors.networks.angular_margin import (
    AngularMargin,
    Scoring,
    check_scoring,
    neighbour_distances,
    subcluster_adacos,
)
from detectors.networks.training import check_frames, evaluating, seeded, train
from features import Feature, InputError, LogMel

N_FEATURES = 128  # of an embedding
CHANNELS = (1, 16, 32, 64, 128)  # of the network's input and convolutions


@register("id_classifier")
@dataclass
class IdClassifier(Detector):
    """A small convolutional network on log-mel learns to tell the units of a machine type apart.

    What sets a unit apart from its siblings is what its normal sound is like, and a fault often changes just that.
    loss: "arcface", with the margin of its paper (0.5) and the scale of STgram-MFN (30), or "subcluster_adacos"
    (Wilkinghoff, 2021), with 16 centres a unit and a fixed scale. The network and its training are ours.
    scoring: "neighbours" = mean cosine distance of the embedding to the `k` nearest training clips of the same unit;
    "probability" = minus log probability of the own unit, as trained, in nats. With few units to tell apart most of
    what is odd about a sound leaves the probability as it is, so neighbours are the default.
    mixup (Zhang et al. 2018, arXiv 1710.09412): log-mels and their labels are mixed in pairs, in shares drawn from
    Beta(mixup, mixup); 0 = not.
    """

    loss: Literal["arcface", "subcluster_adacos"] = "arcface"
    scoring: Scoring = "neighbours"
    k: int = 1  # neighbours averaged
    mixup: float = 0.2
    crop_frames: int | None = None  # learn from random pieces of so many frames; None = of the batch's shortest clip
    epochs: int = 50
    batch_size: int = 16
    learning_rate: float = 1e-3
    seed: int = 0
    feature: Feature = LogMel()
    device: str = field(default="auto", repr=False)
    scope: ClassVar[Literal["unit", "machine"]] = "machine"
    units_needed: ClassVar[int] = 2
    cpu_budget: ClassVar[Mapping[str, object]] = {"epochs": 8, "crop_frames": 64}

    def __post_init__(self) -> None:
        if self.loss not in ("arcface", "subcluster_adacos"):
            raise InputError(f"loss={self.loss!r}; allowed: 'arcface', 'subcluster_adacos'")
        check_scoring(self.scoring, self.k)
        if self.mixup < 0:
            raise InputError(f"mixup={self.mixup}; at least 0, which is none")
        if self.crop_frames is not None and self.crop_frames < 1:
            raise InputError(f"crop_frames={self.crop_frames}; at least 1, or None for whole clips")

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
        """Where each whole clip lies, one clip at a time as they may differ in length, `(n_clips, n_features)`."""
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

    Four 3 x 3 convolutions, each halved; mean and maximum over time of what is left of the bands; a dense layer.
    """
    layers: list[nn.Module] = [StandardisedBands(n_bins)]
    for n_in, n_out in pairwise(CHANNELS):
        layers += [nn.Conv2d(n_in, n_out, 3, padding=1, bias=False), nn.BatchNorm2d(n_out, momentum=None), nn.ReLU()]
        layers += [nn.MaxPool2d(2, ceil_mode=True)]
        n_bins = -(-n_bins // 2)
    return nn.Sequential(*layers, PooledOverTime(), nn.Linear(2 * CHANNELS[-1] * n_bins, N_FEATURES))


class StandardisedBands(nn.Module):
    """`(n_clips, n_frames, n_bins) -> (n_clips, 1, n_frames, n_bins)`, each band by its own mean and deviation."""

    def __init__(self, n_bins: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(n_bins, momentum=None)

    def forward(self, frames: Tensor) -> Tensor:
        return self.norm(frames.transpose(1, 2)).transpose(1, 2)[:, None]


class PooledOverTime(nn.Module):
    """Maps `(n_clips, n_maps, n_frames, n_bins)` -> `(n_clips, 2 * n_maps * n_bins)`."""

    def forward(self, maps: Tensor) -> Tensor:
        return torch.cat([maps.mean(dim=2), maps.amax(dim=2)], dim=1).flatten(1)
