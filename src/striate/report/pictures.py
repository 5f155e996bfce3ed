"""Pictures inside the page, as data: URIs: small ones exact and enlarged, large ones as thumbnails."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from striate.data.decode import Pixels

SHOWN_PX = 128
"""Longer side on the page; eight stand side by side."""
EXACT_PX = 64
"""Up to here a picture is kept pixel by pixel (PNG) and enlarged without smoothing."""
STORED = 1.25
"""Dots per pixel of the page of a larger picture, which is stored so much smaller: they are sharp enough."""
DRAWN_COLOURS = 4096
"""Up to so many colours PNG may be smaller than JPEG; it is slow to try on a photograph."""


@dataclass(frozen=True)
class Shown:
    """A picture for an `<img>`: its data: URI, width and height on the page in pixels, and if pixels stay squares."""

    uri: str
    width: int
    height: int
    pixelated: bool


def shown(pixels: Pixels, shown_px: int = SHOWN_PX) -> Shown:
    """How a picture of uint8 (H, W, channels), 1 or 3 channels, appears on the page. shown_px: its longer side there.

    >>> small = shown(np.zeros((8, 8, 1), np.uint8))
    >>> (small.width, small.height, small.pixelated)
    (128, 128, True)
    >>> large = shown(np.zeros((300, 600, 3), np.uint8))
    >>> (large.width, large.height, large.pixelated)
    (128, 64, False)
    """
    height, width = pixels.shape[:2]
    longer = max(height, width)
    picture = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    if longer <= EXACT_PX:
        times = shown_px // longer  # whole: all squares equally large
        return Shown(data_uri(picture, "PNG"), width * times, height * times, pixelated=True)
    stored_px = round(shown_px * STORED)
    picture.thumbnail((stored_px, stored_px), Image.Resampling.LANCZOS)
    kinds = ("PNG", "JPEG") if picture.getcolors(DRAWN_COLOURS) else ("JPEG",)
    uri = min((data_uri(picture, kind) for kind in kinds), key=len)
    scale = min(1, shown_px / longer)
    return Shown(uri, max(1, round(width * scale)), max(1, round(height * scale)), pixelated=False)


def data_uri(picture: Image.Image, kind: str) -> str:
    """A Pillow picture as a data: URI. kind: "PNG", or "JPEG" at quality 85."""
    file = io.BytesIO()
    if kind == "JPEG":
        picture.save(file, kind, quality=85, optimize=True)
    else:
        picture.save(file, kind, optimize=True)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(file.getvalue()).decode()}"


def share_map(shares_KK: np.ndarray) -> str:
    """A confusion matrix as a picture of one pixel per cell, transparent where nothing is, as a data: URI.

    shares_KK: float (K, K), share of the row, 0..1. The diagonal is blue, the rest orange, as in the table.
    """
    count = len(shares_KK)
    pixels = np.zeros((count, count, 4), np.uint8)
    pixels[..., :3] = (222, 107, 20)
    pixels[np.arange(count), np.arange(count), :3] = (58, 124, 222)
    pixels[..., 3] = np.where(shares_KK > 0, 80 + 175 * np.sqrt(shares_KK), 0)  # single mistakes must show
    return data_uri(Image.fromarray(pixels, "RGBA"), "PNG")
