"""Drop-path: whole branches dropped."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from striate.core.errors import StriateError


def require_probability(probability: float) -> float:
    """The same. Raises StriateError for what is no probability to drop."""
    if not 0 <= probability < 1:
        raise StriateError(f"the probability to drop must be at least 0 and below 1, got {probability}")
    return probability


def kept_mask(x: Tensor, shape: tuple[int, ...], probability: float) -> Tensor:
    """1 with probability 1 - `probability`, else 0."""
    return (torch.rand(shape, device=x.device) >= probability).to(x.dtype)


class DropPath(nn.Module):
    """Zero a whole branch of a residual block for some pictures of the batch, scaling the others up.

    Input and output (N, ...). One draw per picture; nothing when predicting.
    Source: Huang et al., "Deep networks with stochastic depth", arXiv:1603.09382, section 3, scaled as
    dropout is, so that prediction needs no factor.

    >>> DropPath(0.5).eval()(torch.ones(2, 1))
    tensor([[1.],
            [1.]])
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = require_probability(probability)

    def forward(self, x: Tensor) -> Tensor:
        """(N, ...) to (N, ...)."""
        if not self.training or self.probability == 0:
            return x
        per_picture = (x.shape[0], *(1,) * (x.dim() - 1))
        return x * kept_mask(x, per_picture, self.probability) / (1 - self.probability)
