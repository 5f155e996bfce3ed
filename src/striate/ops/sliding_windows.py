"""Windows on a grid over a picture, in several sizes and shapes: where objects may be, before anything is looked at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

RATIOS = (0.5, 1.0, 2.0)
"""Height to width of windows of one area."""
SHARES = tuple(2 ** (-step / 2) for step in range(7))
"""Sides of windows as shares of the picture's shorter one, the whole of it first: octaves in two steps."""
STEP = 0.5
"""From one window to the next, as a share of its sides."""


def sliding_windows(
    size: tuple[int, int], shares: Sequence[float] = SHARES, step: float = STEP
) -> npt.NDArray[np.float32]:
    """Windows inside a picture, float32 (N, 4): edges in pixels, the largest first. size: height and width.

    >>> windows = sliding_windows((40, 60), shares=[1.0])
    >>> len(windows), windows[4:6].tolist()
    (10, [[0.0, 0.0, 40.0, 40.0], [20.0, 0.0, 60.0, 40.0]])
    """
    found = [_of_shape(size, share * min(size), ratio, step) for share in shares for ratio in RATIOS]
    return np.concatenate(found)


def _of_shape(size: tuple[int, int], side: float, ratio: float, step: float) -> npt.NDArray[np.float32]:
    """The windows of one size and shape, at even distances, from edge to edge of the picture."""
    height, width = min(size[0], side * ratio**0.5), min(size[1], side / ratio**0.5)
    y = _evenly(size[0] - height, height * step)
    x = _evenly(size[1] - width, width * step)
    top, left = (each.ravel() for each in np.meshgrid(y, x, indexing="ij"))
    return np.stack([left, top, left + width, top + height], 1).astype(np.float32)


def _evenly(room: float, step: float) -> npt.NDArray[np.float64]:
    """Places from 0 to the end of the room, a step apart or a little less."""
    return np.linspace(0, room, int(np.ceil(room / step)) + 1)
