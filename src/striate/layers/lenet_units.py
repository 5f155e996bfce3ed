"""The units of LeNet-5 that later networks dropped: squashing, sub-sampling, sparse connections, RBF outputs.

LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition", Proc. IEEE 86 (1998),
section II.B and appendix A.
"""

from __future__ import annotations

import math
from itertools import groupby

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ScaledTanh(nn.Module):
    """1.7159 tanh(2/3 a): f(1) = 1 and f(-1) = -1, and the curvature is largest there (appendix A).

    >>> round(ScaledTanh()(torch.tensor(1.0)).item(), 4)
    1.0
    """

    def forward(self, x: Tensor) -> Tensor:
        """Any shape to the same shape."""
        return 1.7159 * torch.tanh(2 / 3 * x)


class Subsampling(nn.Module):
    """The sum of every 2x2 cells, times a trained coefficient, plus a trained bias, one of each per map.

    (N, channels, H, W) to (N, channels, H / 2, W / 2).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        limit = 2.4 / 4  # appendix A: U(-2.4 / fan_in, 2.4 / fan_in), four inputs
        self.coefficient = nn.Parameter(torch.empty(channels).uniform_(-limit, limit))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) to (N, channels, H / 2, W / 2)."""
        total = 4 * F.avg_pool2d(x, 2)
        return total * self.coefficient[:, None, None] + self.bias[:, None, None]


class TableConv2d(nn.Module):
    """A convolution whose every output map reads only the input maps that a table lists for it.

    table: for each output map, the input maps it reads. `weight` holds one kernel per connection.
    (N, C, H, W) to (N, len(table), H - kernel + 1, W - kernel + 1).

    >>> layer = TableConv2d(3, table=((0, 1), (2,)), kernel=5)
    >>> sum(p.numel() for p in layer.parameters()) == (2 + 1) * 25 + 2
    True
    """

    def __init__(self, in_channels: int, table: tuple[tuple[int, ...], ...], kernel: int) -> None:
        super().__init__()
        self.in_channels, self.out_channels, self.kernel = in_channels, len(table), kernel
        # Neighbouring rows of one length run as one grouped convolution, so that only what is connected costs.
        self.runs = [(length, len(list(rows))) for length, rows in groupby(map(len, table))]
        fan_in = torch.tensor([len(maps) * kernel * kernel for maps in table for _ in maps])
        limit = (2.4 / fan_in)[:, None, None]
        self.weight = nn.Parameter((torch.rand(len(fan_in), kernel, kernel) * 2 - 1) * limit)
        self.bias = nn.Parameter(torch.zeros(len(table)))
        self.sources = [each for maps in table for each in maps]

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, len(table), H - kernel + 1, W - kernel + 1)."""
        outputs, connection, row = [], 0, 0
        for length, rows in self.runs:
            run = slice(connection, connection + length * rows)
            weight = self.weight[run].view(rows, length, self.kernel, self.kernel)
            read = x[:, self.sources[run]]  # N, rows * length, H, W
            outputs.append(F.conv2d(read, weight, self.bias[row : row + rows], groups=rows))
            connection, row = run.stop, row + rows
        return torch.cat(outputs, dim=1)


class RadialBasis(nn.Module):
    """Minus the squared distance of the input to one fixed centre per class (equation 7).

    (N, features) to (N, classes). As logits of a cross-entropy they give the loss of equation 9 without its
    constant j. The centres are not trained; they are +1 and -1.

    >>> RadialBasis(torch.tensor([[1.0, -1.0], [1.0, 1.0]]))(torch.tensor([[1.0, 1.0]]))
    tensor([[-4., -0.]])
    """

    centres: Tensor

    def __init__(self, centres: Tensor) -> None:
        super().__init__()
        self.register_buffer("centres", centres)

    def forward(self, x: Tensor) -> Tensor:
        """(N, features) to (N, classes)."""
        return -(x[:, None, :] - self.centres).square().sum(dim=2)


def fan_in_uniform_(layer: nn.Conv2d | nn.Linear) -> None:
    """Weights from U(-2.4 / fan_in, 2.4 / fan_in), biases 0 (appendix A)."""
    limit = 2.4 / math.prod(layer.weight.shape[1:])
    nn.init.uniform_(layer.weight, -limit, limit)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
