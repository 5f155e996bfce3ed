"""Matrix products whose answer to one row does not depend on how many others come with it.

They sum in another order for few rows than for many, so the last bits of a picture's answer would depend on the batch
that it came in. Here every product has the same number of rows, those that are missing being zeros: equal computations,
equal bits.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

ROWS = 32  # the batch of `predict` (data/streaming.py); of fewer rows the weights' way through memory decides the time


def steady_linear(rows: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """The rows (N, in) times the weights (out, in), and the bias, ROWS rows at a time.

    >>> rows, weight = torch.randn(40, 64), torch.randn(3, 64)
    >>> torch.equal(steady_linear(rows, weight)[5:6], steady_linear(rows[5:6], weight))
    True
    """
    count = len(rows)
    whole = F.pad(rows, (0, 0, 0, -count % ROWS))
    if len(whole) == ROWS:
        return F.linear(whole, weight, bias)[:count]
    return torch.cat([F.linear(part, weight, bias) for part in torch.split(whole, ROWS)])[:count]
