"""Edges of a picture, a pixel wide: how strong they are, and where they lead."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

SIGMA_PX = 1.0
STRONGEST = 99
"""The percentile of strengths that counts as 1."""


def thin_edges(picture: npt.NDArray[np.uint8]) -> tuple[Floats, Floats]:
    """Strength from 0 to 1, and direction of the slope from 0 to pi, float32 (H, W) each, of a picture (H, W, C).

    Sobel's operator behind a blur, by the channel that changes most; what is weaker than its neighbour along the slope
    is 0. Source: Canny, "A computational approach to edge detection", IEEE TPAMI 8 (1986), section VII.

    >>> step = np.zeros((5, 8, 1), np.uint8)
    >>> step[:, 4:] = 90
    >>> strength, direction = thin_edges(step)
    >>> strength[2].round(1).tolist(), float(direction[2, 3])
    ([0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0], 0.0)
    """
    from scipy import ndimage  # a fifth of a second, which every prediction would wait for

    smooth = ndimage.gaussian_filter(picture.astype(np.float32), (SIGMA_PX, SIGMA_PX, 0), mode="nearest")
    slopes = np.stack([ndimage.sobel(smooth, axis, mode="nearest") for axis in (0, 1)])
    steepest = np.hypot(*slopes).argmax(2)[None, ..., None]
    down, right = np.take_along_axis(slopes, steepest, 3)[..., 0]
    strength, angle = np.hypot(down, right), np.arctan2(down, right)
    framed = np.pad(strength, 1)
    row, column = np.indices(strength.shape) + 1
    dy, dx = np.rint(np.sin(angle)).astype(int), np.rint(np.cos(angle)).astype(int)
    beside = np.maximum(framed[row + dy, column + dx], framed[row - dy, column - dx])
    thin = np.where(strength >= beside, strength, 0)
    full = np.percentile(thin[thin > 0], STRONGEST) if thin.any() else 1.0
    return np.minimum(thin / full, 1).astype(np.float32), np.mod(angle, np.pi).astype(np.float32)
