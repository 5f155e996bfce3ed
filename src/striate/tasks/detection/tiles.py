"""Objects that were found in tiles, put together as `predict --tiles` does, and what is in the pictures of these."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from striate.answers.tiled_boxes import InTiles
from striate.data.targets.box_batch import BoxBatch
from striate.data.targets.tile_batch import TileBatch


class Answered(NamedTuple):
    """A batch of tiles, and what a `Detector` answers of them, (N, R, 6)."""

    rows: Tensor
    tiles: TileBatch


def whole_pictures(parts: Iterable[Answered]) -> Iterator[tuple[Tensor, BoxBatch]]:
    """Of each picture, in the order in which their tiles come, what was found (1, D, 6), and what is there."""
    tiles: dict[int, list[tuple[Answered, int]]] = {}
    for part in parts:
        for place, owner in enumerate(part.tiles.owner.tolist()):
            tiles.setdefault(owner, []).append((part, place))
    for each in tiles.values():
        part, place = each[0]
        height, width = part.tiles.whole_px[place].tolist()
        yield _merged(each, (height, width)), _truth(each, (height, width))


def _merged(tiles: list[tuple[Answered, int]], size: tuple[int, int]) -> Tensor:
    """What tiles of a picture of that size have found, (1, D, 6), a row for each object, the surest first."""
    found, owner, places = [np.zeros((0, 6))], [np.zeros(0, np.int64)], []
    limits = np.array([size[1], size[0]] * 2, np.float64)
    for number, (part, place) in enumerate(tiles):
        high, wide = part.tiles.size
        corner = np.tile(part.tiles.corners[place], 2)
        rows = part.rows[place].double().cpu().numpy()
        rows = rows[(rows[:, 4] > 0) & np.isfinite(rows).all(1)]
        rows[:, :4] = (rows[:, :4].clip(0, 1) * (wide, high, wide, high) + corner).clip(0, limits)
        found.append(rows)
        owner.append(np.full(len(rows), number))
        places.append((corner + np.array([0, 0, wide, high])).clip(0, limits))
    rows = np.concatenate(found)
    boxes, kept = InTiles(
        rows[:, :4], rows[:, 5].astype(np.int64), rows[:, 4], np.concatenate(owner), np.array(places), size
    ).distinct()
    return torch.from_numpy(np.concatenate([boxes / limits, rows[kept, 4:]], 1))[None]


def _truth(tiles: list[tuple[Answered, int]], size: tuple[int, int]) -> BoxBatch:
    """What is there in a picture of that size: each object by the one tile that answers for its middle."""
    homes = [(part.tiles.home, part.tiles.home.tile == place) for part, place in tiles]
    boxes, labels, ignored, areas = (
        torch.from_numpy(np.concatenate([getattr(home, name)[own] for home, own in homes]))
        for name in ("boxes", "labels", "ignored", "areas")
    )
    shown = torch.tensor([size], dtype=torch.float32)
    return BoxBatch(boxes.float(), labels, torch.zeros_like(labels), 1, size, ignored, shown, areas)
