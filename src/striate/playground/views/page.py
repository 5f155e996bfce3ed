"""The views as one offline page, and their numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from striate.data.decode import Pixels
from striate.ops.pyramid import gaussian_pyramid, laplacian_pyramid, most_levels, rebuilt
from striate.playground.views.convolution import KERNEL, PICTURE, connections, five_views
from striate.report.offline import rendered, write_page
from striate.report.pictures import SHOWN_PX, Shown, shown

MOST_LEVELS = 5
MOST_PX = 1_024  # of a side of the picture whose pyramids are shown; larger ones are made smaller first
# Of (pictures, channels) of 4 each: what shares a mean and a variance with the first channel of the first picture.
NORMS = {"batch": (4, 1), "layer": (1, 4), "instance": (1, 1), "group, of two channels": (1, 2)}


class Pyramids(NamedTuple):
    """Both pyramids of a picture, float32 (3, H, W) from 0 to 1. error: the largest of the picture that is rebuilt."""

    gaussian: list[Tensor]
    laplacian: list[Tensor]
    error: float


def write_views(file: Path, pixels: Pixels | None = None) -> dict[str, Any]:
    """Write the page, and give its numbers for JSON. pixels: uint8 (H, W, 3), whose pyramids are shown too.

    Raises StriateError when the disk is full or the folder may not be written.
    """
    picture, kernel = torch.tensor(PICTURE).float(), torch.tensor(KERNEL).float()
    views, joined = five_views(picture, kernel), connections(8, 3)
    found = None if pixels is None else pyramids(pixels)
    page = rendered(
        "views.html",
        picture=_rows(picture),
        kernel=_rows(kernel),
        views=[(view, _rows(view.numbers), _rows(view.answer)) for view in views],
        joined=[(name, int(matrix.max()), _rows(matrix)) for name, matrix in joined.items()],
        norms=NORMS,
        pyramids=found and [[_shown(each) for each in levels] for levels in (found.gaussian, _seen(found.laplacian))],
        error=found and found.error,
    )
    write_page(file, page)
    told: dict[str, Any] = {
        "picture": _rows(picture),
        "kernel": _rows(kernel),
        "answers": {view.name: _rows(view.answer) for view in views},
        "weights": {name: int(matrix.max()) for name, matrix in joined.items()},
    }
    if found:
        told["pyramids"] = {"levels": [list(level.shape[1:]) for level in found.gaussian], "largest_error": found.error}
    return told


def pyramids(pixels: Pixels) -> Pyramids:
    """Both pyramids of a picture of uint8 (H, W, 3).

    >>> found = pyramids(np.zeros((40, 64, 3), np.uint8))
    >>> [tuple(level.shape[1:]) for level in found.laplacian], found.error
    ([(40, 64), (20, 32), (10, 16), (5, 8), (3, 4)], 0.0)
    """
    scaled = Image.fromarray(pixels)
    scaled.thumbnail((MOST_PX, MOST_PX))
    picture = torch.from_numpy(np.array(scaled)).permute(2, 0, 1).float() / 255
    levels = min(MOST_LEVELS, most_levels(picture))
    laplacian = laplacian_pyramid(picture, levels)
    return Pyramids(gaussian_pyramid(picture, levels), laplacian, float((rebuilt(laplacian) - picture).abs().max()))


def _seen(laplacian: list[Tensor]) -> list[Tensor]:
    """Differences about grey."""
    return [*(each + 0.5 for each in laplacian[:-1]), laplacian[-1]]


def _shown(level: Tensor) -> tuple[str, Shown]:
    """Its size in words, and its pixels, all levels about as large."""
    pixels = (level.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
    times = max(1, round(SHOWN_PX / max(level.shape)))
    return f"{level.shape[1]} × {level.shape[2]}", shown(pixels.repeat(times, 0).repeat(times, 1))


def _rows(matrix: Tensor) -> list[list[int]]:
    """Whole numbers for the page."""
    rows: list[list[int]] = matrix.round().int().tolist()
    return rows
