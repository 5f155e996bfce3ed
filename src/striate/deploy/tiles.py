"""Pictures larger than a network sees, at their own resolution: in tiles that overlap."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from functools import partial
from typing import Any, Protocol

import numpy as np

from striate.answers import JOINED
from striate.answers.classes import Prediction
from striate.answers.instances import INSTANCES
from striate.answers.tiles import Tile, tiles_of
from striate.core.errors import StriateError
from striate.core.records import Preprocess
from striate.data.decode import DecodeError, Pixels, memory_named
from striate.data.streaming import Undecoded

WHOLE = (1 << 20, 1 << 20)
"""What a decoded picture is to cover, so that none is decoded smaller than it is."""


class Answering(Protocol):
    """What is asked about tiles: a `Predictor`."""

    @property
    def task_name(self) -> str:
        """What it was trained for."""

    @property
    def preprocess(self) -> Preprocess:
        """Of the network."""

    def answers(self, given: Sequence[Undecoded], top: int = 5) -> Iterator[Any]:
        """Answers to pictures, in order."""


def require_tiles(task: str) -> None:
    """Raise StriateError for a task whose answers to parts of a picture are no answer to the whole."""
    if task not in JOINED:
        cut = "does not put masks together that tiles have cut"
        why = f"{task} {cut if task == INSTANCES else 'gives one answer for a picture'}"
        raise StriateError(f"--tiles puts answers for places together, and {why}; leave it out")


def answers_in_tiles(predictor: Answering, given: Sequence[Undecoded], top: int = 5) -> Generator[Any, None, None]:
    """Answers to pictures one by one, each at its own resolution, in tiles of the size that the network sees.

    Every pixel is answered by a tile in whose middle it lies; see `tiles_of`. Where a network sees an eighth of a tile
    around a pixel, or less, the answer is that to the whole picture. Objects that several tiles have found are put
    together (`answers/tiled_boxes.py`); of a picture of the size that the network sees they are those of the whole. In
    memory are one picture, its answer and some tiles. Raises StriateError for a task of one answer a picture.
    """
    require_tiles(predictor.task_name)
    return (_in_tiles(predictor, picture, top) for picture in given)


def _in_tiles(predictor: Answering, picture: Undecoded, top: int) -> Any:
    preprocess = predictor.preprocess
    try:
        with memory_named(picture.name):
            pixels = picture.decode(preprocess.channels, WHOLE, preprocess.white)
    except DecodeError as error:
        return Prediction(picture.name, None, None, (), error.reason)
    height, width, _ = pixels.shape
    tiles = tiles_of((height, width), preprocess.resize)
    cut = [Undecoded(picture.name, _cut(pixels, tile, preprocess)) for tile in tiles]
    join = JOINED[predictor.task_name]
    return join(picture.name, (height, width), zip(tiles, predictor.answers(cut, top), strict=True))


def _cut(pixels: Pixels, tile: Tile, preprocess: Preprocess) -> Callable[[int, tuple[int, int], float | None], Pixels]:
    """A tile as a picture that is still to be decoded."""
    return partial(_tile_of, pixels, tile, preprocess)


def _tile_of(pixels: Pixels, tile: Tile, preprocess: Preprocess, *_: Any) -> Pixels:
    """Pixels of a tile; beyond the picture the mean colour, which is near 0 for the network."""
    height, width = preprocess.resize
    part = pixels[tile.top : tile.top + height, tile.left : tile.left + width]
    if part.shape[:2] == (height, width):
        return part
    whole = np.empty((height, width, pixels.shape[2]), np.uint8)
    whole[:] = preprocess.mean_colour
    whole[: part.shape[0], : part.shape[1]] = part
    return whole
