"""Linear layers whose answer to one row does not depend on how many others come with it.

Matrix products sum in another order for few rows than for many, so the last bits of a picture's answer would depend on
the batch that it came in. Here every product has the same number of rows, those that are missing being zeros: equal
computations, equal bits.
"""

from __future__ import annotations

from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

M = TypeVar("M", bound=nn.Module)

ROWS = 32  # the batch of `predict` (data/streaming.py); of fewer rows the weights' way through memory decides the time


class SteadyLinear(nn.Linear):
    """A linear layer with the weights of another, in products of ROWS rows; plain in 16 bits, on a GPU and in a file.

    >>> plain = nn.Linear(64, 3)
    >>> rows = torch.randn(40, 64)
    >>> torch.equal(SteadyLinear(plain)(rows)[5:6], SteadyLinear(plain)(rows[5:6]))
    True
    """

    def __init__(self, plain: nn.Linear) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features = plain.in_features, plain.out_features
        self.weight, self.bias = plain.weight, plain.bias

    def forward(self, rows: Tensor) -> Tensor:
        """(N, in_features) to (N, out_features)."""
        elsewhere = rows.device.type != "cpu" or torch.is_autocast_enabled("cpu") or rows.dtype != torch.float32
        if rows.dim() != 2 or elsewhere or torch.compiler.is_compiling():  # as an export is
            return F.linear(rows, self.weight, self.bias)
        return steady_linear(rows, self.weight, self.bias)


def steady_linear(rows: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """The product of rows (N, in) and weights (out, in), ROWS at a time."""
    count = len(rows)
    if missing := -count % ROWS:
        rows = F.pad(rows, (0, 0, 0, missing))
    if len(rows) == ROWS:
        return F.linear(rows, weight, bias)[:count]
    return torch.cat([F.linear(part, weight, bias) for part in torch.split(rows, ROWS)])[:count]


def make_steady(network: M) -> M:
    """The same network, every `nn.Linear` of it replaced by one that is steady and has its weights."""
    for path, module in list(network.named_modules()):
        if type(module) is nn.Linear and path:
            parent, _, leaf = path.rpartition(".")
            setattr(network.get_submodule(parent), leaf, SteadyLinear(module))
    return network
