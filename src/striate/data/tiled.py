"""Large pictures as the tiles of which a network is trained: each tile a picture, with what of the boxes is in it."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache

import numpy as np

from striate.answers.detections import DETECTION
from striate.answers.tiles import Tile, tiles_of
from striate.core.errors import StriateError
from striate.core.records import Preprocess
from striate.data.boxes.listing import Boxes
from striate.data.dataset import Dataset, Pictures
from striate.data.decode import Numbers
from striate.data.targets import Indices
from striate.data.targets.boxes import BoxTargets
from striate.data.targets.tile_batch import Home, TileBatch

WHOLE = (1 << 20, 1 << 20)
"""What a decoded picture is to cover, so that none is decoded smaller than it is."""
KEPT = 2
"""Decoded pictures that are held on to, since tiles of one are mostly asked for together."""
TURNS = 64


class TiledPictures(Pictures):
    """Parts of pictures, which overlap as `tiles_of` has it.

    whole: the pictures. owner: the number of the picture that each tile is of, int64 (T,). colour: of what lies beyond
    a picture that is smaller than a tile.
    """

    def __init__(self, whole: Pictures, owner: Indices, tiles: Sequence[Tile], colour: tuple[int, ...]) -> None:
        self.whole, self.owner, self.tiles, self.colour = whole, owner, tuple(tiles), colour
        self._numbers = lru_cache(KEPT)(whole.numbers)
        self._turns = [threading.Lock() for _ in range(TURNS)]

    def __len__(self) -> int:
        return len(self.tiles)

    def _called(self, index: int, name: str) -> str:
        return f"{name} from {self.tiles[index].left},{self.tiles[index].top}"

    def name(self, index: int) -> str:
        """That of the picture, and where in it a tile begins: left, top."""
        return self._called(index, self.whole.name(int(self.owner[index])))

    def listed_name(self, index: int) -> str:
        """The same as lists have it."""
        return self._called(index, self.whole.listed_name(int(self.owner[index])))

    def key(self, index: int) -> bytes:
        """That of the picture with the tile's place, hashed."""
        tile = self.tiles[index]
        text = repr((self.whole.key(int(self.owner[index])), tile.left, tile.top, tile.size, self.colour))
        return hashlib.blake2b(text.encode(), digest_size=16).digest()

    def numbers(self, index: int, channels: int, cover: tuple[int, int] | None = None) -> Numbers:
        """A tile at the picture's own resolution, whatever is to be covered. Raises DecodeError."""
        tile, owner = self.tiles[index], int(self.owner[index])
        with self._turns[owner % TURNS]:  # one thread decodes a picture, and others that want tiles of it wait
            numbers = self._numbers(owner, channels, WHOLE)
        part = numbers[tile.top : tile.top + tile.size[0], tile.left : tile.left + tile.size[1]]
        if part.shape[:2] == tile.size:
            return np.ascontiguousarray(part)
        padded = np.empty((*tile.size, *part.shape[2:]), part.dtype)
        padded[:] = self.colour if part.ndim == 3 else part.mean()
        padded[: part.shape[0], : part.shape[1]] = part
        return padded

    def size(self, index: int) -> tuple[int, int]:
        """Height and width of the tile."""
        return self.tiles[index].size

    def is_wide(self, index: int) -> bool:
        """Whether the picture is wide grey."""
        return self.whole.is_wide(int(self.owner[index]))


@dataclass(frozen=True, eq=False, kw_only=True)
class TiledBoxTargets(BoxTargets):
    """The boxes of N tiles, each as whole as in its picture, so that it may reach beyond.

    owner: the number of the picture that each tile is of, int64 (N,). tiles: their places in these, (N,). whole_px: the
    height and width of these, int64 (N, 2).
    """

    owner: Indices
    tiles: tuple[Tile, ...]
    whole_px: Indices

    def take(self, indices: Indices) -> TileBatch:
        """The boxes of some tiles, cut at their edges, with what is to be found in their pictures."""
        batch, tiles = super().take(indices), [self.tiles[index] for index in indices.tolist()]
        corners = np.array([(tile.left, tile.top) for tile in tiles], np.int64).reshape(-1, 2)
        plain = {each.name: getattr(batch, each.name) for each in fields(batch)}
        home, whole = self._home(indices, tiles, corners), self.whole_px[indices]
        return TileBatch(**plain, corners=corners, owner=self.owner[indices], whole_px=whole, home=home)

    def _home(self, indices: Indices, tiles: list[Tile], corners: Indices) -> Home:
        """The boxes whose middle is among the pixels that one of these tiles, and no other, answers for."""
        rows, tile = self._rows(indices), np.repeat(np.arange(len(indices)), self.per_picture[indices])
        boxes = self.boxes[rows] + np.tile(corners[tile], 2)
        first = np.array([(each.columns.start, each.rows.start) for each in tiles]).reshape(-1, 2)[tile]
        end = np.array([(each.columns.stop, each.rows.stop) for each in tiles]).reshape(-1, 2)[tile]
        middle = (boxes[:, :2] + boxes[:, 2:]) / 2
        own = ((middle >= first) & (middle < end)).all(1)
        rows = rows[own]
        return Home(boxes[own], self.labels[rows], tile[own], self.ignored[rows], self.own_areas[rows])


def tiled(dataset: Dataset, preprocess: Preprocess) -> Dataset:
    """Each picture of a data set as tiles of the size that a network sees, at its own resolution, in its split.

    A smaller picture is one tile, which reaches over it. Of an object a tile has what is in it; of which that is less
    than `LEAST_LEFT`, nothing is asked. Raises StriateError where pictures have no boxes.
    """
    targets, pictures = dataset.targets, dataset.pictures
    if not isinstance(targets, BoxTargets) or targets.task != DETECTION:
        raise StriateError(f"tiles are for detection, and {dataset.source} is for {targets.task}; leave --tiles out")
    places = [tiles_of((int(h), int(w)), preprocess.resize) for h, w in targets.sizes_px.tolist()]
    tiles = [tile for each in places for tile in each]
    owner = np.repeat(np.arange(len(places)), [len(each) for each in places])
    counts, rows, boxes = _in_tiles(targets, owner, tiles)
    first = np.concatenate([[0], np.cumsum([len(each) for each in places])])
    splits = {
        split: np.concatenate([np.arange(first[n], first[n + 1]) for n in indices.tolist()] or [np.zeros(0, np.int64)])
        for split, indices in dataset.splits.items()
    }
    ids = tuple(targets.picture_ids[number] for number in owner.tolist()) if targets.picture_ids else ()
    own = {each.name: getattr(targets, each.name) for each in fields(BoxTargets)} | {
        "boxes": boxes,
        "labels": targets.labels[rows],
        "ignored": targets.ignored[rows],
        "areas": targets.own_areas[rows],
        "starts": np.concatenate([[0], np.cumsum(counts)]),
        "sizes_px": np.tile(np.array(preprocess.resize, targets.sizes_px.dtype), (len(tiles), 1)),
        "picture_ids": ids,
    }
    whole_px = targets.sizes_px[owner].astype(np.int64)
    of_tiles = TiledBoxTargets(**own, owner=owner, tiles=tuple(tiles), whole_px=whole_px)
    parts = TiledPictures(pictures, owner, tiles, preprocess.mean_colour)
    return replace(dataset, pictures=parts, targets=of_tiles, splits=splits)


def _in_tiles(targets: BoxTargets, owner: Indices, tiles: list[Tile]) -> tuple[list[int], Indices, Boxes]:
    """Of each tile how many boxes reach into it, their rows, and where they are in it, (M, 4), whole."""
    counts, rows, boxes = [], [np.zeros(0, np.int64)], [np.zeros((0, 4))]
    for number, tile in zip(owner.tolist(), tiles, strict=True):
        there = np.arange(targets.starts[number], targets.starts[number + 1])
        moved = targets.boxes[there] - (tile.left, tile.top) * 2
        inside = (moved[:, :2] < tile.size[::-1]).all(1) & (moved[:, 2:] > 0).all(1)
        counts.append(int(inside.sum()))
        rows.append(there[inside])
        boxes.append(moved[inside])
    return counts, np.concatenate(rows), np.concatenate(boxes)


def whole_pictures(dataset: Dataset, numbers: Indices) -> tuple[Dataset, Indices]:
    """A data set with the pictures that its tiles are of, and the numbers of these, each once, as tiles come.

    numbers: of tiles, or of pictures that are none.
    """
    if not isinstance(dataset.pictures, TiledPictures):
        return dataset, numbers
    owners = dict.fromkeys(dataset.pictures.owner[numbers].tolist())
    return replace(dataset, pictures=dataset.pictures.whole), np.array(list(owners), np.int64)
