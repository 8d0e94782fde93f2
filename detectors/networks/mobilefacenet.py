"""MobileFaceNet (Chen et al. 2018, arXiv 1804.07573), a small network that maps images to embeddings."""

from torch import Tensor, nn

BOTTLENECKS = (  # expansion, maps out, how many, stride of the first: table 1 of the paper
    (2, 64, 5, 2),
    (4, 128, 1, 2),
    (2, 128, 6, 1),
    (4, 128, 1, 2),
    (2, 128, 2, 1),
)


def mobilefacenet(n_maps: int, height: int, width: int, n_features: int = 128) -> nn.Sequential:
    """Return the network, `(n_items, n_maps, height, width) -> (n_items, n_features)`.

    It has about a million weights. Its last convolution is as large as its input, which has been halved four times
    before, so height and width are fixed.
    """
    layers = [*_conv(n_maps, 64, 3, stride=2), nn.PReLU(64), *_conv(64, 64, 3, groups=64), nn.PReLU(64)]
    n_in = 64
    for expansion, n_out, repeats, stride in BOTTLENECKS:
        for position in range(repeats):
            layers.append(Bottleneck(n_in, n_out, expansion, 1 if position else stride))
            n_in = n_out
    final = (-(-height // 16), -(-width // 16))
    weighted_mean = nn.Conv2d(512, 512, final, groups=512, bias=False)
    layers += [*_conv(n_in, 512, 1), nn.PReLU(512), weighted_mean, _norm(512), *_conv(512, n_features, 1), nn.Flatten()]
    network = nn.Sequential(*layers)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out")
    return network


class Bottleneck(nn.Module):
    """Widen, filter each map separately, narrow without a nonlinearity; add the input where the shapes are equal."""

    def __init__(self, n_in: int, n_out: int, expansion: int, stride: int) -> None:
        super().__init__()
        n = n_in * expansion
        widen, narrow = (*_conv(n_in, n, 1), nn.PReLU(n)), _conv(n, n_out, 1)
        self.layers = nn.Sequential(*widen, *_conv(n, n, 3, stride, groups=n), nn.PReLU(n), *narrow)
        self.adds = stride == 1 and n_in == n_out

    def forward(self, maps: Tensor) -> Tensor:
        return maps + self.layers(maps) if self.adds else self.layers(maps)


def _conv(n_in: int, n_out: int, size: int, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(n_in, n_out, size, stride, size // 2, groups=groups, bias=False), _norm(n_out)]


def _norm(n_maps: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(n_maps, momentum=None)
