"""The dense autoencoder that is the baseline of DCASE 2020 Task 2."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from detectors.contract.fields import Count
from detectors.contract.registry import register
from detectors.dense_ae import DenseAutoencoder
from features import Feature, LogMel


@register("dcase_ae")
@dataclass
class DcaseAutoencoder(DenseAutoencoder):
    """Reconstruction error of five log-mel frames (DCASE 2020 Task 2; Koizumi et al. 2020, arXiv 2006.05822).

    It is `dense_ae`, wider and with batch norm: 640 - 4 x 128 - 8 - 4 x 128 - 640, 100 epochs.
    `scoring="mahalanobis"` gives the second score of the DCASE 2023 baseline, without its two domains.
    """

    hidden: tuple[Count, ...] = (128, 128, 128, 128)
    batch_norm: bool = True
    epochs: Count = 100
    feature: Feature = LogMel(n_mels=128)
    papers: ClassVar[tuple[str, ...]] = ("koizumi2020dcase",)
    cpu_budget: ClassVar[Mapping[str, object]] = {"epochs": 8, "batch_size": 128}  # four times the steps per epoch
