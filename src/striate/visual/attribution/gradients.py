"""By gradients of the score with respect to the picture."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from striate.visual.attribution.asked import Asked, gradient_at

NOISE = 0.15
"""Of the range of a picture's numbers. Smilkov et al., arXiv:1706.03825, section 3.1: 10 % to 20 %."""


def gradient(asked: Asked) -> Tensor:
    """The largest absolute gradient among a pixel's channels. Simonyan et al., arXiv:1312.6034, section 3.1."""
    return strongest(gradient_at(asked, asked.images))


def integrated_gradients(asked: Asked) -> Tensor:
    """The gradient along the straight way from the mean colour, times the way; the sum is what the score gains on it.

    Sundararajan, Taly and Yan, arXiv:1703.01365, equation 1, by Gauss and Legendre's rule; channels are summed.
    """
    points, weights = np.polynomial.legendre.leggauss(asked.steps)
    total = torch.zeros_like(asked.images)
    for point, weight in zip((1 + points) / 2, weights / 2, strict=True):
        total += float(weight) * gradient_at(asked, float(point) * asked.images)
    return (total * asked.images).sum(1)


def smoothgrad(asked: Asked) -> Tensor:
    """As `gradient`, of the mean gradient over copies with Gaussian noise. Smilkov et al., arXiv:1706.03825."""
    generator = torch.Generator().manual_seed(asked.seed)
    images = asked.images
    scale = NOISE * (images.amax((1, 2, 3), keepdim=True) - images.amin((1, 2, 3), keepdim=True))
    total = torch.zeros_like(images)
    for _ in range(asked.steps):
        noise = torch.randn(images.shape, generator=generator).to(images)
        total += gradient_at(asked, images + scale * noise)
    return strongest(total / asked.steps)


def strongest(gradients: Tensor) -> Tensor:
    """(N, C, H, W) to (N, H, W)."""
    return gradients.abs().amax(1)
