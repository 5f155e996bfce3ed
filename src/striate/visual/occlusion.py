"""Why a network answers a class, asked from outside: what its probability loses when a part of the picture is covered.

Zeiler and Fergus, "Visualizing and understanding convolutional networks", arXiv:1311.2901, section 4.2. Nothing but
answers is needed, so this is for networks whose gradients are out of reach; it is coarser than `grad_cam`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from striate.data.decode import Pixels

CELLS = 8  # a side of the grid
COVERED = 2  # cells of a side of the square
ASKED = 1 + (CELLS - COVERED + 1) ** 2
"""Pictures of which the probability is asked, at the most."""

Probabilities = Callable[[Pixels], npt.NDArray[np.floating]]
"""Of a class, (N,), in pictures uint8 (N, H, W, C)."""


def occlusion_map(
    picture: Pixels, part: tuple[slice, slice], fill: Sequence[int], probabilities: Probabilities
) -> npt.NDArray[np.float32]:
    """What speaks for a class, and where, in a part of a picture uint8 (H, W, C): float32 (h, w), 0 to 1.

    part: rows and columns that the network sees. fill: the colour of the square. A place has the mean loss over the
    squares that covered it; the largest is 1, and a gain counts as 0. `probabilities` is called once, with at most
    `ASKED` pictures.

    >>> corner = np.zeros((16, 16, 1), np.uint8)
    >>> corner[:4, :4] = 255
    >>> whole = slice(0, 16), slice(0, 16)
    >>> found = occlusion_map(corner, whole, (0,), lambda pictures: pictures.mean((1, 2, 3)) / 255)
    >>> float(found[0, 0]), float(found[12, 12])
    (1.0, 0.0)
    """
    rows, columns = (_edges(side) for side in part)
    squares = [(y, x) for y in range(max(1, len(rows) - COVERED)) for x in range(max(1, len(columns) - COVERED))]
    covered = np.repeat(picture[None], 1 + len(squares), 0)
    for number, (y, x) in enumerate(squares, start=1):
        bottom, right = rows[min(y + COVERED, len(rows) - 1)], columns[min(x + COVERED, len(columns) - 1)]
        covered[number, rows[y] : bottom, columns[x] : right] = fill
    found = probabilities(covered)
    losses, times = np.zeros((2, len(rows) - 1, len(columns) - 1))
    for (y, x), probability in zip(squares, found[1:], strict=True):
        square = slice(y, y + COVERED), slice(x, x + COVERED)
        losses[square] += found[0] - probability
        times[square] += 1
    height, width = (side.stop - side.start for side in part)
    cells = Image.fromarray((losses / times).clip(min=0).astype(np.float32))
    heat: npt.NDArray[np.float32] = np.asarray(cells.resize((width, height), Image.Resampling.BILINEAR))
    return heat / max(float(heat.max()), float(np.finfo(np.float32).tiny))


def _edges(side: slice) -> list[int]:
    """Where cells begin and end along a side, in pixels."""
    length = side.stop - side.start
    cells = min(CELLS, length)
    return [side.start + round(cell * length / cells) for cell in range(cells + 1)]
