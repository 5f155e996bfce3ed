"""Why a network answers a class, asked from outside: what its probability loses when a part of the picture is covered.

Zeiler and Fergus, "Visualizing and understanding convolutional networks", arXiv:1311.2901, section 4.2. Nothing but
answers is needed, so this is for networks whose gradients are out of reach; it is coarser than `grad_cam`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from striate.data.decode import Pixels

CELLS = 8
"""Steps of the square along a side."""
COVERED = 2
"""Steps that a side of the square is long."""
ASKED = 1 + (CELLS - COVERED + 1) ** 2
"""Pictures of which the probability is asked, at the most."""

Probabilities = Callable[[Pixels], npt.NDArray[np.floating]]
"""Of a class, (N,), in pictures uint8 (N, H, W, C)."""


def squares(height: int, width: int) -> Iterator[tuple[slice, slice]]:
    """The rows and columns that are covered, one square after the other.

    >>> list(squares(16, 16))[-1]
    (slice(12, 16, None), slice(12, 16, None))
    """
    for rows in _spans(height):
        for columns in _spans(width):
            yield rows, columns


def mean_loss(losses: npt.NDArray[np.floating], height: int, width: int) -> npt.NDArray[np.floating]:
    """What each place loses, (N, height, width): the mean over the squares that cover it.

    losses: of N pictures by the squares, (S, N).
    """
    found, times = np.zeros((losses.shape[1], height, width)), np.zeros((height, width))
    for (rows, columns), loss in zip(squares(height, width), losses, strict=True):
        found[:, rows, columns] += loss[:, None, None]
        times[rows, columns] += 1
    return found / times


def occlusion_map(
    picture: Pixels, part: tuple[slice, slice], fill: Sequence[int], probabilities: Probabilities
) -> npt.NDArray[np.float32]:
    """What speaks for a class, and where, in a part of a picture uint8 (H, W, C): float32 (h, w), 0 to 1.

    part: rows and columns that the network sees. fill: the colour of the square. A place has the mean loss over the
    squares that covered it, smoothed; the largest is 1, and a gain counts as 0. `probabilities` is called once, with at
    most `ASKED` pictures.

    >>> corner = np.zeros((16, 16, 1), np.uint8)
    >>> corner[:4, :4] = 255
    >>> whole = slice(0, 16), slice(0, 16)
    >>> found = occlusion_map(corner, whole, (0,), lambda pictures: pictures.mean((1, 2, 3)) / 255)
    >>> float(found[0, 0]), float(found[12, 12])
    (1.0, 0.0)
    """
    height, width = (side.stop - side.start for side in part)
    places = list(squares(height, width))
    covered = np.repeat(picture[None], 1 + len(places), 0)
    for square, (rows, columns) in zip(covered[1:], places, strict=True):
        square[part][rows, columns] = fill
    found = probabilities(covered)
    losses = mean_loss((found[0] - found[1:])[:, None], height, width)[0].clip(min=0).astype(np.float32)
    down, across = _step(height), _step(width)
    cells = losses[::down, ::across]  # of each, one number
    size = cells.shape[1] * across, cells.shape[0] * down
    heat: npt.NDArray[np.float32] = np.asarray(Image.fromarray(cells).resize(size, Image.Resampling.BILINEAR))
    heat = heat[:height, :width]
    return heat / max(float(heat.max()), float(np.finfo(np.float32).tiny))


def _step(length: int) -> int:
    return math.ceil(length / CELLS)


def _spans(length: int) -> list[slice]:
    """Where the square lies along a side, in pixels.

    >>> _spans(16)[0], _spans(16)[-1], len(_spans(16))
    (slice(0, 4, None), slice(12, 16, None), 7)
    """
    step = _step(length)
    side = min(length, COVERED * step)
    starts = range(0, max(1, length - side + step), step)
    return [slice(start, min(start + side, length)) for start in starts]
