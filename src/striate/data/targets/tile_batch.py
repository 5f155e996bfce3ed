"""The boxes of a batch of tiles, and what is to be found in the pictures that they are of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from striate.data.targets import Indices
from striate.data.targets.box_batch import BoxBatch


@dataclass(frozen=True)
class Home:
    """Objects by the tiles that answer for their middles, each once, whole, in pixels of their pictures.

    boxes: (m, 4). labels: int64, tile: place in the batch, int64, ignored: bool, areas: float64, (m,) each.
    """

    boxes: npt.NDArray[np.float64]
    labels: Indices
    tile: Indices
    ignored: npt.NDArray[np.bool_]
    areas: npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False, kw_only=True)
class TileBatch(BoxBatch):
    """The boxes of N tiles, as of N pictures. What moves the boxes leaves the rest as the data has it.

    corners: left and top of each tile in its picture, int64 (N, 2). owner: the number of that picture, int64 (N,).
    whole_px: its height and width, int64 (N, 2). home: what is to be found in the pictures.
    """

    corners: Indices
    owner: Indices
    whole_px: Indices
    home: Home
