"""Pictures in other colours than red, green and blue: uint8 (H, W, 3) to float32 (H, W, C), channels from 0 to 255."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from PIL import Image

Picture = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

LUMA = (0.299, 0.587, 0.114)
"""ITU-R BT.601: the share of red, green and blue in grey."""
XYZ_OF_RGB = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
"""Of linear sRGB, IEC 61966-2-1, and its white is D65."""


def hsv(picture: Picture) -> Floats:
    """Hue, saturation and value, as Pillow has them.

    >>> hsv(np.array([[[255, 0, 0], [0, 255, 0]]], np.uint8)).tolist()
    [[[0.0, 255.0, 255.0], [85.0, 255.0, 255.0]]]
    """
    return np.asarray(Image.fromarray(picture).convert("HSV"), np.float32)


def hue(picture: Picture) -> Floats:
    """The first channel of `hsv`."""
    return hsv(picture)[..., :1]


def lab(picture: Picture) -> Floats:
    """CIE 1976 L*a*b* of sRGB: lightness times 2.55, and a* and b* from 128 as their middle.

    >>> lab(np.array([[[255, 255, 255], [255, 0, 0]]], np.uint8)).round().tolist()
    [[[255.0, 128.0, 128.0], [136.0, 208.0, 195.0]]]
    """
    curve = np.arange(256) / 255
    linear = np.where(curve <= 0.04045, curve / 12.92, ((curve + 0.055) / 1.055) ** 2.4)[picture]
    matrix = np.array(XYZ_OF_RGB)
    x, y, z = np.moveaxis(_root(linear @ (matrix / matrix.sum(1, keepdims=True)).T), 2, 0)
    return np.stack([2.55 * (116 * y - 16), 500 * (x - y) + 128, 200 * (y - z) + 128], 2).astype(np.float32)


def _root(share: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Of shares of white: the cube root, linear close to black."""
    return np.where(share > (6 / 29) ** 3, np.cbrt(share), share * (29 / 6) ** 2 / 3 + 4 / 29)


def grey(picture: Picture) -> Floats:
    """Intensity, of one channel."""
    weighted: Floats = picture.astype(np.float32) @ np.array(LUMA, np.float32)
    return weighted[..., None]


def rg_intensity(picture: Picture) -> Floats:
    """Red and green as shares of the sum of all three, which shadows leave as they are, and intensity."""
    total = np.maximum(picture.sum(2, dtype=np.float32, keepdims=True), 1)
    return np.concatenate([255 * picture[..., :2] / total, grey(picture)], 2, dtype=np.float32)


COLOUR_SPACES: Mapping[str, Callable[[Picture], Floats]] = MappingProxyType(
    {"hsv": hsv, "lab": lab, "rgI": rg_intensity, "hue": hue, "intensity": grey}
)
"""Uijlings et al., "Selective search for object recognition", section 3.2, by the names of the paper's table 5."""
