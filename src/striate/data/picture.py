"""From decoded pixels to the network's input: the geometry and the numbers that a `Preprocess` record stands for."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from striate.core.records import Preprocess
from striate.data.decode import Pixels, memory_named
from striate.data.geometry import Geometry, whole_pictures

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
    (height, width), (fitted, (top, left)) = preprocess.resize, _fitted(pixels.shape[:2], preprocess)
    if preprocess.fit == "contain":
        barred = np.empty((height, width, pixels.shape[2]), np.uint8)
        barred[:] = preprocess.mean_colour
        barred[-top : fitted[0] - top, -left : fitted[1] - left] = _resized(pixels, fitted)
        return barred
    if preprocess.fit == "cover" and math.prod(fitted) > MOST_SCALED_PIXELS:
        return _part_resized(pixels, fitted, (top, left), (height, width))
    return _resized(pixels, fitted)[top : top + height, left : left + width]


def working_geometry(size: tuple[int, int], preprocess: Preprocess) -> Geometry:
    """Which part of a picture its working size shows, which moves its boxes, points and masks there, and back.

    size: height and width of the upright picture, one. The part is of broken pixels, so pixels are `to_working_size`'s;
    where that has bars, it reaches beyond the picture.

    >>> geometry = working_geometry((30, 40), Preprocess((60, 60), (60, 60)))
    >>> geometry.points(torch.tensor([[5.0, 0.0], [35.0, 30.0]]), torch.tensor([0, 0])).tolist()
    [[0.0, 0.0], [60.0, 60.0]]
    """
    fitted, corner = _fitted(size, preprocess)
    rows = zip(size, fitted, corner, preprocess.resize, strict=True)
    # Per axis, y before x: from the picture's middle to that of the part, and the length of the part.
    spans = [((first + side / 2 - whole / 2) * came / whole, side * came / whole) for came, whole, first, side in rows]
    offsets, extents = torch.tensor(spans[::-1], dtype=torch.float64).T[:, None]
    return Geometry(size, preprocess.resize, offsets, extents, torch.tensor([False]))


def _fitted(size: tuple[int, ...], preprocess: Preprocess) -> tuple[tuple[int, int], tuple[int, int]]:
    """Height and width to which a picture is scaled, and y and x in it where the working size begins: below 0, bars."""
    (height, width), fit = preprocess.resize, preprocess.fit
    if fit == "stretch":
        return (height, width), (0, 0)
    scales = height / size[0], width / size[1]
    scale, least = (max(scales), (height, width)) if fit == "cover" else (min(scales), (1, 1))
    fitted = max(least[0], round(size[0] * scale)), max(least[1], round(size[1] * scale))
    if fit == "contain":
        return fitted, (-((height - fitted[0]) // 2), -((width - fitted[1]) // 2))
    return fitted, ((fitted[0] - height) // 2, (fitted[1] - width) // 2)


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


def to_batch(pictures: np.ndarray) -> Tensor:
    """Pictures uint8 (N, H, W, channels) as the tensor (N, channels, H, W), channels last in memory, no copy."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2)


def to_network_size(batch: Tensor, preprocess: Preprocess) -> Tensor:
    """Cut a batch (N, C, H, W) of the working size to the network's size about the centre, a view, or enlarge it.

    >>> to_network_size(torch.zeros(1, 3, 256, 256), Preprocess((224, 224))).shape
    torch.Size([1, 3, 224, 224])
    >>> to_network_size(torch.zeros(1, 3, 64, 64), Preprocess((80, 80), (64, 64))).shape
    torch.Size([1, 3, 80, 80])
    """
    if preprocess.enlarges:
        return scaled(batch, preprocess.size)
    height, width = preprocess.size
    top, left = (batch.shape[2] - height) // 2, (batch.shape[3] - width) // 2
    return batch[:, :, top : top + height, left : left + width]


def network_geometry(count: int, preprocess: Preprocess) -> Geometry:
    """Which part of each of `count` working pictures `to_network_size` shows.

    >>> network_geometry(2, Preprocess((224, 224))).points(torch.tensor([[16.0, 16.0]]), torch.tensor([1])).tolist()
    [[0.0, 0.0]]
    """
    geometry = whole_pictures(count, preprocess.resize)
    if preprocess.enlarges:
        return geometry.scaled(preprocess.size)
    (height, width), sides = preprocess.size, torch.tensor(preprocess.size[::-1], dtype=torch.float64)
    top, left = (preprocess.resize[0] - height) // 2, (preprocess.resize[1] - width) // 2
    offsets = torch.tensor([left, top]) + (sides - geometry.extents) / 2
    return replace(geometry, size=preprocess.size, offsets=offsets, extents=sides.expand(count, 2))


def scaled(batch: Tensor, size: tuple[int, int]) -> Tensor:
    """Scale a batch (N, C, H, W) of pixels 0..255 to a height and width: float32, bicubic, no pixel skipped.

    >>> scaled(torch.zeros(1, 3, 64, 64), (32, 32)).shape
    torch.Size([1, 3, 32, 32])
    """
    if batch.shape[2:] == size:
        return batch
    return F.interpolate(batch.float(), size, mode="bicubic", antialias=True).clamp_(0, 255)


def normalise(batch: Tensor, preprocess: Preprocess) -> Tensor:
    """uint8 (N, C, H, W) to float32: scaled to 0..1, mean taken off, divided by std.

    >>> white = torch.full((1, 1, 1, 1), 255, dtype=torch.uint8)
    >>> normalise(white, Preprocess((1, 1)).for_channels(1)).item()
    1.0
    """
    mean = torch.tensor(preprocess.mean, device=batch.device).view(1, -1, 1, 1) * 255
    scale = 1 / (torch.tensor(preprocess.std, device=batch.device).view(1, -1, 1, 1) * 255)
    return batch.float().sub_(mean).mul_(scale)
