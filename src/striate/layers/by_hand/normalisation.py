"""The normalisations, told apart by the axes that share one mean and one variance.

For activations (N, C, H, W), the axes of the statistics, how many there are, and the source:

batch      N, H, W             one per channel               Ioffe and Szegedy, arXiv:1502.03167, section 3
layer      C, H, W             one per picture               Ba, Kiros and Hinton, arXiv:1607.06450, section 3
instance   H, W                one per picture and channel   Ulyanov et al., arXiv:1701.02096, section 3
group      C / groups, H, W    one per picture and group     Wu and He, arXiv:1803.08494, section 3
weight     none, it rescales filters, one length per filter  Salimans and Kingma, arXiv:1602.07868, section 2

The functions below are the bare statistics, without the trained scale and shift; they equal what
`nn.BatchNorm2d` (training), `nn.LayerNorm([C, H, W])`, `nn.InstanceNorm2d` and `nn.GroupNorm` compute before
theirs.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from striate.core.errors import StriateError
from striate.core.units import counted

EPSILON = 1e-5


def standardise(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Subtract the mean and divide by the (biased) standard deviation over `axes`. Any shape to the same
    shape.

    >>> standardise(torch.tensor([1.0, 3.0]), (0,))
    tensor([-1.0000,  1.0000])
    """
    variance, mean = torch.var_mean(x, dim=axes, correction=0, keepdim=True)
    return (x - mean) / torch.sqrt(variance + EPSILON)


def batch_norm(x: Tensor) -> Tensor:
    """(N, C, H, W): every channel over all pictures and pixels."""
    return standardise(x, (0, 2, 3))


def layer_norm(x: Tensor) -> Tensor:
    """(N, C, H, W): every picture over all channels and pixels."""
    return standardise(x, (1, 2, 3))


def instance_norm(x: Tensor) -> Tensor:
    """(N, C, H, W): every channel of every picture over its pixels."""
    return standardise(x, (2, 3))


def group_norm(x: Tensor, groups: int) -> Tensor:
    """(N, C, H, W): every group of neighbouring channels of every picture; 1 group is layer, C groups
    instance.

    Raises StriateError when the channels do not divide.
    """
    if x.shape[1] % groups:
        raise StriateError(
            f"group norm needs channels divisible by {groups} groups, got {counted(x.shape[1], 'channel')}"
        )
    grouped = x.reshape(x.shape[0], groups, -1)
    return standardise(grouped, (2,)).reshape(x.shape)


class WeightNorm(nn.Module):
    """Length and direction of every filter as separate parameters: w = length * v / |v|, |v| over all but
    axis 0."""

    def forward(self, length: Tensor, direction: Tensor) -> Tensor:
        """(K, 1, ...) and (K, ...) to the weight (K, ...)."""
        return length * direction / _length(direction)

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """The weight (K, ...) to its lengths (K, 1, ...) and itself as direction."""
        return _length(weight), weight


def _length(weight: Tensor) -> Tensor:
    length: Tensor = torch.linalg.vector_norm(weight, dim=tuple(range(1, weight.dim())), keepdim=True)
    return length


def weight_norm(layer: nn.Module) -> None:
    """Train a convolution or linear layer by length and direction of its filters; its output stays as it was.

    >>> layer = nn.Linear(3, 2)
    >>> weight_norm(layer)
    >>> [tuple(p.shape) for p in layer.parameters()]
    [(2,), (2, 1), (2, 3)]
    """
    parametrize.register_parametrization(layer, "weight", WeightNorm())
