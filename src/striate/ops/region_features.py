"""What regions of a picture look like, in numbers that can be merged: colours, texture, pixels, and the box around.

Uijlings, van de Sande, Gevers and Smeulders, "Selective search for object recognition", International Journal of
Computer Vision 104 (2013), section 3.2. R regions of a picture (H, W, C).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]

COLOUR_BINS, TEXTURE_BINS = 25, 10
DIRECTIONS = 8
TEXTURE_SIGMA_PX = 1.0


class RegionFeatures(NamedTuple):
    """What R regions look like.

    colour: (R, 25 * C), texture: (R, 80 * C), the sum of each row is 1. box: edges, (R, 4). px: how large, (R,).
    """

    colour: Floats
    texture: Floats
    box: Floats
    px: Floats


def region_features(picture: Floats, regions: Labels) -> RegionFeatures:
    """Look at every region of a picture (H, W, C) with channels from 0 to 255. regions: numbers from 0, (H, W).

    >>> halves = np.array([[0, 0, 1, 1]])
    >>> found = region_features(np.zeros((1, 4, 1), np.float32), halves)
    >>> found.box.tolist(), found.px.tolist()
    ([[0.0, 0.0, 2.0, 1.0], [2.0, 0.0, 4.0, 1.0]], [2.0, 2.0])
    """
    from scipy import ndimage

    flat, count = regions.ravel(), int(regions.max()) + 1
    colours = [_histogram(flat, count, channel, 0, 255, COLOUR_BINS) for channel in np.moveaxis(picture, 2, 0)]
    directed = [_histogram(flat, count, each, 0, each.max(), TEXTURE_BINS) for each in _slopes(picture)]
    boxes = [
        (columns.start, rows.start, columns.stop, rows.stop) for rows, columns in ndimage.find_objects(regions + 1)
    ]
    return RegionFeatures(
        _shares(np.concatenate(colours, 1)),
        _shares(np.concatenate(directed, 1)),
        np.array(boxes, np.float32),
        np.bincount(flat, minlength=count).astype(np.float32),
    )


def _slopes(picture: Floats) -> list[Floats]:
    """How steeply each channel rises in each of eight directions, 0 where it falls: (H, W) each."""
    from scipy import ndimage

    sigma = (TEXTURE_SIGMA_PX, TEXTURE_SIGMA_PX, 0)
    down = ndimage.gaussian_filter(picture, sigma, order=(1, 0, 0), mode="nearest")
    right = ndimage.gaussian_filter(picture, sigma, order=(0, 1, 0), mode="nearest")
    angles = 2 * np.pi / DIRECTIONS * np.arange(DIRECTIONS, dtype=np.float32)
    slopes = [np.maximum(np.sin(angle) * down + np.cos(angle) * right, 0) for angle in angles]
    return [slope[..., channel] for channel in range(picture.shape[2]) for slope in slopes]


def _histogram(regions: Labels, count: int, values: Floats, low: float, high: float, bins: int) -> Floats:
    """How many values (H, W) of each region are in each bin from low to high, (R, bins)."""
    scaled = (values.ravel() - low) * (bins / max(high - low, 1e-6))
    place = np.clip(scaled, 0, bins - 1).astype(np.int64)
    return np.bincount(regions * bins + place, minlength=count * bins).reshape(count, bins).astype(np.float32)


def _shares(counts: Floats) -> Floats:
    shares: Floats = counts / counts.sum(1, keepdims=True)
    return shares
