"""From decoded pixels to the working size: the geometry that a `Preprocess` record stands for, of single pictures."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
from PIL import Image

from striate.core.records import Preprocess
from striate.data.decode import Pixels, memory_named

# More than this is not made to be cut to a few: of a picture of 60000x2 px that covers 224x224, 1.5 billion pixels.
MOST_SCALED_PIXELS = 2**24


class Decode(Protocol):
    """Decodes one picture: channels, height and width that are needed, and what is white, as `decode_picture`."""

    def __call__(self, channels: int, cover: tuple[int, int], white: float | None, /) -> Pixels:
        """Upright uint8 (H, W, channels). Raises DecodeError."""


def read_working(name: str, decode: Decode, preprocess: Preprocess) -> Pixels:
    """A picture at the working size. Raises DecodeError that names it, also when memory runs out."""
    with memory_named(name):
        return to_working_size(decode(preprocess.channels, preprocess.resize, preprocess.white), preprocess)


def to_working_size(pixels: Pixels, preprocess: Preprocess) -> Pixels:
    """Bring a picture to the working size, as `Preprocess.fit` says.

    pixels: uint8 (H, W, channels). Returns uint8 (height, width, channels) of `preprocess.resize`. The filter is
    Pillow's bilinear one, which averages over the source when it shrinks.

    >>> to_working_size(np.zeros((30, 40, 3), np.uint8), Preprocess((16, 16), (20, 20))).shape
    (20, 20, 3)
    """
    (height, width), (scaled, (top, left)) = preprocess.resize, fitted(pixels.shape[:2], preprocess)
    if preprocess.fit == "contain":
        barred = np.empty((height, width, pixels.shape[2]), np.uint8)
        barred[:] = preprocess.mean_colour
        barred[-top : scaled[0] - top, -left : scaled[1] - left] = _resized(pixels, scaled)
        return barred
    if preprocess.fit == "cover" and math.prod(scaled) > MOST_SCALED_PIXELS:
        return _part_resized(pixels, scaled, (top, left), (height, width))
    return _resized(pixels, scaled)[top : top + height, left : left + width]


def fitted(size: tuple[int, ...], preprocess: Preprocess) -> tuple[tuple[int, int], tuple[int, int]]:
    """Height and width to which a picture is scaled, and y and x in it where the working size begins: below 0, bars."""
    (height, width), fit = preprocess.resize, preprocess.fit
    if fit == "stretch":
        return (height, width), (0, 0)
    scales = height / size[0], width / size[1]
    scale, least = (max(scales), (height, width)) if fit == "cover" else (min(scales), (1, 1))
    scaled = max(least[0], round(size[0] * scale)), max(least[1], round(size[1] * scale))
    if fit == "contain":
        return scaled, (-((height - scaled[0]) // 2), -((width - scaled[1]) // 2))
    return scaled, ((scaled[0] - height) // 2, (scaled[1] - width) // 2)


def seen_part(preprocess: Preprocess) -> tuple[slice, slice]:
    """Rows and columns of a working picture that the network sees.

    >>> seen_part(Preprocess((224, 224)))
    (slice(16, 240, None), slice(16, 240, None))
    """
    if preprocess.enlarges:
        return slice(0, preprocess.resize[0]), slice(0, preprocess.resize[1])
    starts = [(came - side) // 2 for came, side in zip(preprocess.resize, preprocess.size, strict=True)]
    return slice(starts[0], starts[0] + preprocess.size[0]), slice(starts[1], starts[1] + preprocess.size[1])


def seen_box(size: tuple[int, int], preprocess: Preprocess) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of what the network sees of a picture, as shares of its width and height.

    size: its height and width, upright. Where there are bars the box reaches beyond the picture, below 0 or above 1.

    >>> seen_box((100, 200), Preprocess((50, 50), (50, 50)))
    (0.25, 0.0, 0.75, 1.0)
    """
    whole, corner = fitted(size, preprocess)
    (top, bottom), (left, right) = (
        ((first + part.start) / side, (first + part.stop) / side)
        for part, first, side in zip(seen_part(preprocess), corner, whole, strict=True)
    )
    return left, top, right, bottom


def _resized(pixels: Pixels, size: tuple[int, int], box: tuple[float, float, float, float] | None = None) -> Pixels:
    """Scaled by Pillow's bilinear filter, all of it or a box (left, top, right, bottom), in pixels."""
    if size == pixels.shape[:2] and box is None:
        return pixels
    channels = pixels.shape[2]
    picture = Image.fromarray(pixels if channels == 3 else pixels[:, :, 0])
    resized = picture.resize((size[1], size[0]), Image.Resampling.BILINEAR, box)
    return np.asarray(resized).reshape(*size, channels)


def _part_resized(pixels: Pixels, scaled: tuple[int, int], corner: tuple[int, int], size: tuple[int, int]) -> Pixels:
    """What cutting `size` at `corner` out of the picture scaled to `scaled` gives, without making all of that.

    Up to the last bit: Pillow takes a box in 32-bit numbers, so it is cut out roughly before, where those are exact.
    """
    spans = []
    for came, whole, first, length in zip(pixels.shape, scaled, corner, size, strict=False):
        one = came / whole  # pixels of the source per pixel
        begin, end = first * one, (first + length) * one
        reach = math.ceil(max(1, one)) + 1  # of the filter
        low, high = max(0, math.floor(begin) - reach), min(came, math.ceil(end) + reach)
        spans.append((low, high, begin - low, end - low))
    (top, bottom, y0, y1), (left, right, x0, x1) = spans
    return _resized(np.ascontiguousarray(pixels[top:bottom, left:right]), size, (x0, y0, x1, y1))
