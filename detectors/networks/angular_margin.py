"""Classification of machine units by angle: ArcFace (arXiv 1801.07698) and sub-cluster AdaCos (Wilkinghoff, 2021).

Each unit has one or more centres on a sphere, and the embedding of a clip has an angle to each of them.
"""

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from features import InputError

Scoring = Literal["neighbours", "probability"]

TINY = 1e-12  # keeps the gradient of a square root finite


class AngularMargin(nn.Module):
    """The loss of a classifier of units, which is also an anomaly score: `-log p(own unit)` in nats.

    p is a softmax over `scale * cos(angle to each centre)`, in which the angle to the centres of the own unit is
    increased by `margin` radians. The probability of a unit with several centres is the sum over them.
    Raises `InputError` for fewer than two units.
    """

    def __init__(self, units: Sequence[str], n_features: int, margin: float, scale: float, n_centres: int = 1) -> None:
        super().__init__()
        self.names = sorted(set(units))
        if len(self.names) < 2:
            raise InputError(
                f"clips of {len(self.names)} unit ({', '.join(self.names)}) to learn from; a classifier of units needs "
                "two units or more of a machine, so run with more units"
            )
        self.margin, self.scale = margin, scale
        self.centres = nn.Parameter(torch.empty(len(self.names), n_centres, n_features))
        nn.init.xavier_uniform_(self.centres)

    def labels(self, units: Sequence[str]) -> Tensor:
        """Return the number of each clip's unit, `(n_clips,) int64`. Raises `InputError` for an unknown unit."""
        if unknown := sorted(set(units) - set(self.names)):
            raise InputError(
                f"unit {unknown[0]!r} was not in training, only {', '.join(self.names)}; fit on normal clips of it too"
            )
        return torch.tensor([self.names.index(unit) for unit in units], dtype=torch.int64)

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """`(n_clips, n_features)` and `(n_clips,) int64` -> loss `(n_clips,)` in nats, at least 0."""
        with torch.autocast(embeddings.device.type, enabled=False):  # bfloat16 cannot represent angles near 0
            centres = functional.normalize(self.centres.to(embeddings.dtype), dim=2)
            cosines = torch.einsum("nf,ucf->nuc", functional.normalize(embeddings), centres)
            own = functional.one_hot(labels, len(self.names)).bool()  # (n_clips, n_units)
            logits = self.scale * torch.where(own[:, :, None], self._with_margin(cosines), cosines)
            evidence = logits.logsumexp(dim=2)  # (n_clips, n_units, n_centres) -> (n_clips, n_units)
            others = evidence.masked_fill(own, -math.inf).logsumexp(dim=1)
            return functional.softplus(others - evidence[own])  # -log p, exact even where p rounds to 1

    def _with_margin(self, cosines: Tensor) -> Tensor:
        """cos(angle + margin); a line beyond 180 degrees, where it would rise again, as in ArcFace's own code."""
        sines = (1 - cosines.square()).clamp(min=TINY).sqrt()
        shifted = cosines * math.cos(self.margin) - sines * math.sin(self.margin)
        return torch.where(cosines > -math.cos(self.margin), shifted, cosines - self.margin * math.sin(self.margin))


def subcluster_adacos(units: Sequence[str], n_features: int, n_centres: int = 16) -> AngularMargin:
    """Return a head with many centres per unit, no margin and the scale of fixed AdaCos (arXiv 1905.00292)."""
    n_all = len(set(units)) * n_centres
    return AngularMargin(units, n_features, 0.0, math.sqrt(2) * math.log(n_all - 1), n_centres)


def neighbour_distances(embeddings: Tensor, labels: Tensor, normal: Tensor, normal_labels: Tensor, k: int) -> Tensor:
    """Return the mean cosine distance of clips to the k nearest normal clips of their own unit, `(n_clips,)` in 0..2.

    embeddings `(n_clips, n_features)` and labels `(n_clips,)`; normal and normal_labels: the same of training clips.
    """
    clips, normal = functional.normalize(embeddings), functional.normalize(normal)
    distances = clips.new_empty(len(clips))
    for label in labels.unique():
        of_unit = normal[normal_labels == label]
        nearest = (clips[labels == label] @ of_unit.T).topk(min(k, len(of_unit))).values
        distances[labels == label] = 1 - nearest.mean(dim=1)
    return distances
