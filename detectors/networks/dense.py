"""Dense layers, as the autoencoders stack them."""

from collections.abc import Sequence
from itertools import pairwise

from torch import nn


def dense_network(widths: Sequence[int], batch_norm: bool = False) -> nn.Sequential:
    """Return dense layers of these widths with ReLU between them, a linear end, Glorot weights and zero biases.

    Weights start as in Keras (Glorot and Bengio 2010), not as in PyTorch. Batch norm, if any, stands before each ReLU.
    """
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(widths):
        layer = nn.Linear(n_in, n_out)
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)
        norm = [nn.BatchNorm1d(n_out, eps=1e-3, momentum=None)] if batch_norm else []  # eps of Keras
        layers += [layer, *norm, nn.ReLU()]
    return nn.Sequential(*layers[: -2 if batch_norm else -1])
