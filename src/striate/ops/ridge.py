"""Ridge regression in closed form."""

from __future__ import annotations

import torch
from torch import Tensor


def ridge(features: Tensor, targets: Tensor, penalty: float) -> tuple[Tensor, Tensor]:
    """The affine map of features (N, D) to targets (N, T) of least squared error plus `penalty` times its squares.

    Gives weight (T, D) and bias (T,), float64; the bias is free of the penalty. Of N and D the smaller one decides how
    large a system is solved. N must be at least 1.

    >>> weight, bias = ridge(torch.tensor([[0.0], [2.0]]), torch.tensor([[1.0], [5.0]]), 2.0)
    >>> weight.tolist(), bias.tolist()
    ([[1.0]], [2.0])
    """
    x, y = features.double(), targets.double()
    mean, offset = x.mean(0), y.mean(0)
    x, y = x - mean, y - offset
    if len(x) < x.shape[1]:  # w = X' (X X' + penalty)^-1 Y is the same
        weight = x.T @ torch.linalg.solve(x @ x.T + penalty * torch.eye(len(x), dtype=x.dtype, device=x.device), y)
    else:
        square = x.T @ x + penalty * torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
        weight = torch.linalg.solve(square, x.T @ y)
    return weight.T, offset - mean @ weight
