"""STgram-MFN: a classifier of units, from the spectrogram and learned features of the waveform."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from detectors.contract.detector import Clips, Detector
from detectors.contract.fields import AtLeast, Below, Count, Positive, Seed
from detectors.contract.registry import register
from detectors.networks.angular_margin import AngularMargin, Scoring, neighbour_distances
from detectors.networks.mobilefacenet import mobilefacenet
from detectors.networks.training import evaluating, seeded, train
from features import InputError, LogMel, Waveform

N_FEATURES = 128  # of an embedding


@register("stgram")
@dataclass
class Stgram(Detector):
    """Probability of the own unit, from spectrogram and waveform (STgram-MFN; Liu et al. 2022, arXiv 2201.05510).

    A network with the ArcFace loss learns to distinguish the units of a machine type. Its input is a log-mel
    spectrogram and a learned one (TgramNet), in pieces of one length. It learns from one random piece of a clip at a
    time. The embedding of a clip is the mean over evenly spaced pieces that cover it; a shorter clip is repeated. For
    clips of one length, this is the paper's method with whole clips.

    The defaults are those of the authors' code, except for four: a network per machine type, where theirs is one for
    six; mel bands in Slaney's scale, standardised over the training clips, where theirs are in plain dB; a constant
    learning rate, where theirs falls to a tenth; and the weights of the last epoch, where theirs are of the epoch that
    is best on labelled test clips.
    """

    margin: Annotated[float, AtLeast(0), Below(math.pi)] = 0.7  # radians
    scale: Positive = 30.0
    scoring: Scoring = "probability"  # probability: minus log probability of the own unit, in nats, as in the paper;
    #          neighbours: mean cosine distance of the embedding to the `k` nearest training clips of the same unit
    k: Count = 1  # neighbours averaged
    crop_frames: Count | None = None  # length of the pieces; None: that of the shortest training clip
    epochs: Count = 300
    batch_size: Count = 128
    learning_rate: Positive = 1e-4
    seed: Seed = 0
    feature: tuple[Waveform, LogMel] = (Waveform(), LogMel(n_mels=128))  # TgramNet takes its windows, its hop length
    #          and its number of maps from the LogMel
    device: str = field(default="auto", repr=False)
    scope: ClassVar[Literal["unit", "machine"]] = "machine"
    units_needed: ClassVar[int] = 2
    one_channel: ClassVar[str] = "its network takes the samples and the spectrogram of one microphone"
    papers: ClassVar[tuple[str, ...]] = ("liu2022stgram",)
    cpu_budget: ClassVar[Mapping[str, object]] = {
        "crop_frames": 32,
        "epochs": 2,
        "batch_size": 16,
        "learning_rate": 3e-3,
    }

    def fit(self, clips: Clips) -> Self:
        shortest = min(map(len, clips.of(1).features))
        self.n_frames_ = min(shortest, self.crop_frames or shortest)
        with seeded(self.seed, self.device) as device:
            head = AngularMargin(clips.units, N_FEATURES, self.margin, self.scale)
            network = StgramNetwork(self.feature[1], self.n_frames_)
            both, self.labels_ = nn.ModuleList([network, head]).to(device), head.labels(clips.units)

            def error(indices: Tensor) -> Tensor:
                pieces = [self._pieces(clips, int(i), at_random=True) for i in indices]
                samples, frames = (torch.cat(parts).to(device) for parts in zip(*pieces, strict=True))
                return head(network(samples, frames).float(), self.labels_[indices].to(device)).mean()

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
        self.normal_ = self._embeddings(clips) if self.scoring == "neighbours" else None  # (n_training, n_features)
        return self

    def score(self, clips: Clips) -> np.ndarray:
        labels, embeddings = self.head_.labels(clips.units), self._embeddings(clips)
        if self.normal_ is not None:
            return neighbour_distances(embeddings, labels, self.normal_, self.labels_, self.k).numpy()
        with torch.no_grad():
            return self.head_(embeddings, labels).numpy()

    def _embeddings(self, clips: Clips) -> Tensor:
        """Return the embedding of each clip, `(n_clips, n_features)`: the mean direction of its pieces."""
        with evaluating(self.network_, self.device) as (network, device):
            pieces = (self._pieces(clips, i, at_random=False) for i in range(len(clips)))
            each = [network(samples.to(device), frames.to(device)).double() for samples, frames in pieces]
            return torch.stack([functional.normalize(found).mean(dim=0) for found in each]).cpu()

    def _pieces(self, clips: Clips, position: int, at_random: bool) -> tuple[Tensor, Tensor]:
        """Cut one clip: samples `(n_pieces, n_samples)` and frames `(n_pieces, n_frames, n_mels)` of the same time."""
        samples, frames = clips.features[position], clips.of(1).features[position]
        if samples.shape[1] != 1:
            raise InputError(
                f"clips have {samples.shape[1]} channels, but stgram takes 1: {self.one_channel}; "
                "choose one with --channel"
            )
        mel, n_frames = self.feature[1], self.n_frames_
        if len(frames) < n_frames:
            samples, frames = (
                np.resize(samples, (n_frames * mel.hop_length, 1)),
                np.resize(frames, (n_frames, mel.n_mels)),
            )
        padded = np.pad(samples[:, 0], mel.n_fft // 2 if mel.center else 0)
        last = len(frames) - n_frames
        starts = np.linspace(0, last, -(-len(frames) // n_frames)).astype(int)
        if at_random:
            starts = torch.randint(last + 1, (1,)).numpy()
        n_samples = (n_frames - 1) * mel.hop_length + mel.n_fft
        sounds = [padded[start * mel.hop_length :][:n_samples] for start in starts]
        pictures = [frames[start : start + n_frames] for start in starts]
        return torch.from_numpy(np.stack(sounds)), torch.from_numpy(np.stack(pictures))


class StgramNetwork(nn.Module):
    """Maps samples `(n_items, n_samples)` and their log-mel `(n_items, n_frames, n_mels)` to embeddings."""

    def __init__(self, mel: LogMel, n_frames: int) -> None:
        super().__init__()
        self.standardise = nn.BatchNorm1d(mel.n_mels, momentum=None)
        self.windows = nn.Conv1d(1, mel.n_mels, mel.n_fft, mel.hop_length, bias=False)
        layers = [
            layer
            for _ in range(3)
            for layer in (
                nn.LayerNorm(n_frames),
                nn.LeakyReLU(0.2),
                nn.Conv1d(mel.n_mels, mel.n_mels, 3, padding=1, bias=False),
            )
        ]
        self.tgram = nn.Sequential(self.windows, *layers)
        self.face = mobilefacenet(2, mel.n_mels, n_frames)

    def forward(self, samples: Tensor, frames: Tensor) -> Tensor:
        sgram = self.standardise(frames.transpose(1, 2))  # (n_items, n_mels, n_frames)
        return self.face(torch.stack([sgram, self.tgram(samples[:, None])], dim=1))
