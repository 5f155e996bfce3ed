"""Pictures moved a little at every step, so that what is found is no trick of single pixels.

Olah et al. 2017, "Transformation robustness": padding, jitter, scaling and rotation; here as one motion, in which the
picture goes on beyond its edges as its mirror image.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

JITTER = 1 / 16
"""Of a side, how far a picture is moved at most."""
SCALES = (0.9, 1.1)
DEGREES = 8.0


def shaken(images: Tensor, generator: torch.Generator, strength: float = 1.0) -> Tensor:
    """Images (N, C, H, W), each moved, scaled and turned by another little amount.

    strength: of the largest motions; 0 leaves the images as they are.

    >>> images = torch.rand(2, 3, 8, 8)
    >>> shaken(images, torch.Generator(), 0.0) is images
    True
    """
    if not strength:
        return images
    count, _, height, width = images.shape
    draws = 2 * torch.rand(count, 4, generator=generator, dtype=torch.float64) - 1
    angle = math.radians(DEGREES) * strength * draws[:, 0]
    low, high = (math.log(scale) for scale in SCALES)
    scale = ((low + high) / 2 + (high - low) / 2 * strength * draws[:, 1]).exp()
    shift = 2 * JITTER * strength * draws[:, 2:]
    # affine_grid's coordinates go from -1 to 1 along both sides, so a turn of pixels needs their ratio
    ratio = height / width
    rows = [
        torch.stack([angle.cos() / scale, -angle.sin() / scale * ratio, shift[:, 0]], 1),
        torch.stack([angle.sin() / scale / ratio, angle.cos() / scale, shift[:, 1]], 1),
    ]
    grid = F.affine_grid(torch.stack(rows, 1).to(images), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
