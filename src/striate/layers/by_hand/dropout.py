"""Dropout in both forms. `probability` is always the probability to drop, as in `nn.Dropout`."""

from __future__ import annotations

from torch import Tensor, nn

from striate.layers.drop_path import kept_mask, require_probability


class VanillaDropout(nn.Module):
    """Zero each number with a probability while training; scale by the probability to keep when predicting.

    Any shape. In expectation the prediction equals the training pass of the layer.
    Source: Hinton et al., "Improving neural networks by preventing co-adaptation of feature detectors",
    arXiv:1207.0580; the form of the AlexNet paper, section 4.2.

    >>> import torch
    >>> VanillaDropout(0.25).eval()(torch.ones(2))
    tensor([0.7500, 0.7500])
    """

    def __init__(self, probability: float = 0.5) -> None:
        super().__init__()
        self.probability = require_probability(probability)

    def forward(self, x: Tensor) -> Tensor:
        """Any shape to the same shape."""
        if self.training:
            return x * kept_mask(x, tuple(x.shape), self.probability)
        return x * (1 - self.probability)


class InvertedDropout(nn.Module):
    """Zero each number with a probability and scale the rest up while training; nothing when predicting.

    Any shape; what `nn.Dropout` does. Its expectation, too, is the same in both modes.

    >>> import torch
    >>> InvertedDropout(0.25).eval()(torch.ones(2))
    tensor([1., 1.])
    """

    def __init__(self, probability: float = 0.5) -> None:
        super().__init__()
        self.probability = require_probability(probability)

    def forward(self, x: Tensor) -> Tensor:
        """Any shape to the same shape."""
        if not self.training:
            return x
        return x * kept_mask(x, tuple(x.shape), self.probability) / (1 - self.probability)
