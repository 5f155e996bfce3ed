"""The network's input from working pictures in plain arrays, for networks that run without torch."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from striate.core.records import Preprocess
from striate.data.decode import Pixels
from striate.data.working_size import seen_part

Images = npt.NDArray[np.float32]
KEYS_A = -0.5  # Keys, "Cubic convolution interpolation", 1981: the cubic that follows a parabola exactly


def plain_input(pictures: Pixels, preprocess: Preprocess) -> Images:
    """Images float32 (N, C, H, W), channels last in memory, normalised, of uint8 working-size pictures (N, h, w, C).

    The same, up to rounding, as `runtime.inference.network_input` gives.

    >>> plain_input(np.full((1, 8, 8, 3), 255, np.uint8), Preprocess((4, 4), (8, 8), (0.5,) * 3, (0.5,) * 3)).max()
    np.float32(1.0)
    """
    rows, columns = seen_part(preprocess)
    seen = enlarged(pictures, preprocess.size) if preprocess.enlarges else pictures[:, rows, columns]
    mean = np.array(preprocess.mean, np.float32) * np.float32(255)
    scale = 1 / (np.array(preprocess.std, np.float32) * np.float32(255))
    images = ((seen.astype(np.float32) - mean) * scale).astype(np.float32, copy=False)
    return images.transpose(0, 3, 1, 2)


def enlarged(pictures: Pixels, size: tuple[int, int]) -> Images:
    """Pictures (N, h, w, C) of pixels 0..255 enlarged by cubics to a height and width, float32, within 0..255."""
    rows, columns = (enlarging_matrix(came, side) for came, side in zip(pictures.shape[1:3], size, strict=True))
    wide = np.einsum("xw,nhwc->nhxc", columns, pictures.astype(np.float32), optimize=True)
    high: Images = np.einsum("yh,nhxc->nyxc", rows, wide, optimize=True)
    return np.clip(high, 0, 255, out=high)


def enlarging_matrix(length: int, longer: int) -> Images:
    """The matrix (longer, length) that enlarges a row of pixels by cubics; its rows sum to 1.

    >>> enlarging_matrix(2, 4).sum(1).round(6).tolist()
    [1.0, 1.0, 1.0, 1.0]
    """
    step = length / longer
    matrix = np.zeros((longer, length))
    for place in range(longer):
        centre = (place + 0.5) * step
        first, end = max(0, math.floor(centre - 1.5)), min(length, math.floor(centre + 2.5))
        weights = [_cubic(abs(pixel + 0.5 - centre)) for pixel in range(first, end)]
        matrix[place, first:end] = np.array(weights) / sum(weights)
    return matrix.astype(np.float32)


def _cubic(distance: float) -> float:
    if distance < 1:
        return ((KEYS_A + 2) * distance - (KEYS_A + 3)) * distance**2 + 1
    return KEYS_A * (((distance - 5) * distance + 8) * distance - 4) if distance < 2 else 0.0
