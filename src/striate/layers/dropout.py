"""Dropout in both forms, and drop-path. `probability` is always the probability to drop, as in
`nn.Dropout`."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from striate.core.errors import StriateError


def _require_probability(probability: float) -> float:
    if not 0 <= probability < 1:
        raise StriateError(f"the probability to drop must be at least 0 and below 1, got {probability}")
    return probability


def _kept(x: Tensor, shape: tuple[int, ...], probability: float) -> Tensor:
    """1 with probability 1 - `probability`, else 0."""
    return (torch.rand(shape, device=x.device) >= probability).to(x.dtype)


class VanillaDropout(nn.Module):
    """Zero each number with a probability while training; scale by the probability to keep when predicting.

    Any shape. In expectation the prediction equals the training pass of the layer.
    Source: Hinton et al., "Improving neural networks by preventing co-adaptation of feature detectors",
    arXiv:1207.0580; the form of the AlexNet paper, section 4.2.

    >>> VanillaDropout(0.25).eval()(torch.ones(2))
    tensor([0.7500, 0.7500])
    """

    def __init__(self, probability: float = 0.5) -> None:
        super().__init__()
        self.probability = _require_probability(probability)

    def forward(self, x: Tensor) -> Tensor:
        """Any shape to the same shape."""
        if self.training:
            return x * _kept(x, tuple(x.shape), self.probability)
        return x * (1 - self.probability)


class InvertedDropout(nn.Module):
    """Zero each number with a probability and scale the rest up while training; nothing when predicting.

    Any shape; what `nn.Dropout` does. Its expectation, too, is the same in both modes.

    >>> InvertedDropout(0.25).eval()(torch.ones(2))
    tensor([1., 1.])
    """

    def __init__(self, probability: float = 0.5) -> None:
        super().__init__()
        self.probability = _require_probability(probability)

    def forward(self, x: Tensor) -> Tensor:
        """Any shape to the same shape."""
        if not self.training:
            return x
        return x * _kept(x, tuple(x.shape), self.probability) / (1 - self.probability)


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
        self.probability = _require_probability(probability)

    def forward(self, x: Tensor) -> Tensor:
        """(N, ...) to (N, ...)."""
        if not self.training or self.probability == 0:
            return x
        per_picture = (x.shape[0], *(1,) * (x.dim() - 1))
        return x * _kept(x, per_picture, self.probability) / (1 - self.probability)
