"""Dense layers of the autoencoders."""

from collections.abc import Sequence
from itertools import pairwise

from torch import nn


def dense_network(widths: Sequence[int], batch_norm: bool = False) -> nn.Sequential:
    """Return dense layers of these widths, with ReLU between them and a linear output.

    Weights start as in Keras (Glorot and Bengio 2010), not as in PyTorch; biases start at 0. With `batch_norm`, there
    is a batch norm before each ReLU.

    >>> dense_network([4, 2, 4])
    Sequential(
      (0): Linear(in_features=4, out_features=2, bias=True)
      (1): ReLU()
      (2): Linear(in_features=2, out_features=4, bias=True)
    )
    """
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(widths):
        layer = nn.Linear(n_in, n_out)
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)
        norm = [nn.BatchNorm1d(n_out, eps=1e-3, momentum=None)] if batch_norm else []  # eps of Keras
        layers += [layer, *norm, nn.ReLU()]
    return nn.Sequential(*layers[: -2 if batch_norm else -1])
