"""What a network for segmentation says of a picture: a class for every pixel."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from striate.answers.tiles import Tile
from striate.core.errors import StriateError
from striate.core.one_screen import OneScreen

SEGMENTATION = "segmentation"
IGNORED = 255
"""What a mask has, in place of a class number, where nothing is asked."""

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, repr=False, eq=False)
class Segmentation(OneScreen):
    """A class for every pixel of a picture.

    mask: class numbers, uint8 (H, W), at the size that the network sees, which shows all of the picture. names: of all
    classes, in the order of their numbers.
    """

    path: str
    mask: Pixels
    names: tuple[str, ...]

    @property
    def shares(self) -> dict[str, float]:
        """The share of the picture's area that each class has, 0..1."""
        counts = np.bincount(self.mask.ravel(), minlength=len(self.names))
        return dict(zip(self.names, (counts / self.mask.size).tolist(), strict=True))

    @property
    def largest(self) -> list[tuple[int, str, float]]:
        """The classes in the picture, with their numbers and shares, the largest first."""
        found = [(number, name, share) for number, (name, share) in enumerate(self.shares.items()) if share]
        return sorted(found, key=lambda each: -each[2])

    def mask_at(self, height: int, width: int) -> Pixels:
        """The mask at another size, such as the picture's own: each pixel is the nearest one.

        >>> Segmentation("a.png", np.array([[0, 1]], np.uint8), ("sky", "sea")).mask_at(1, 4).tolist()
        [[0, 0, 1, 1]]
        """
        return nearest(self.mask, height, width)

    def told(self, top: int) -> str:
        """The largest classes in words.

        >>> Segmentation("a.png", np.array([[0, 1, 1, 1]], np.uint8), ("sky", "sea")).told(5)
        'sea 75.0%, sky 25.0%'
        """
        return ", ".join(f"{name} {share:.1%}" for _, name, share in self.largest[:top])

    def cells(self, size_px: Callable[[], tuple[int, int]]) -> dict[str, Any]:
        """What a table has of it: a column for each class. size_px: of the picture, which is not asked for."""
        return self.shares

    def to_dict(self) -> dict[str, Any]:
        """For JSON, without the mask."""
        return {"path": self.path, "shares": self.shares}

    def facts(self) -> dict[str, object]:
        """What a prompt shows: the largest classes."""
        return {"path": self.path, **{name: f"{share:.1%}" for _, name, share in self.largest}}


def nearest(pixels: Pixels, height: int, width: int) -> Pixels:
    """A mask or a picture, uint8 (H, W) or (H, W, channels), at another size: each pixel is the nearest one."""
    rows, columns = (
        np.floor((np.arange(side) + 0.5) * came / side).astype(np.int64)
        for side, came in zip((height, width), pixels.shape, strict=False)
    )
    return pixels[np.ix_(rows, columns)]


def read(output: npt.NDArray[Any], names: tuple[str, ...], paths: Sequence[str], top: int) -> list[Segmentation]:
    """A mask for each picture, of the likeliest class of each pixel; of equal ones the first.

    output: logits (N, K, H, W), or class numbers (N, H, W). top: of no meaning here.
    Raises StriateError for another shape.

    >>> read(np.array([[[[0.0, 2.0]], [[1.0, 1.0]]]]), ("sky", "sea"), ["a.png"], 1)[0].mask.tolist()
    [[1, 0]]
    """
    if output.ndim not in (3, 4) or len(output) != len(paths) or (output.ndim == 4 and output.shape[1] != len(names)):
        raise StriateError(
            f"the network's answer to {len(paths)} pictures must be {len(names)} maps for each, as it names "
            f"{len(names)} classes, got the shape {output.shape}; its file is damaged"
        )
    numbers = output.argmax(1) if output.ndim == 4 else output
    if numbers.size and not 0 <= numbers.min() <= numbers.max() < len(names):
        raise StriateError(
            f"the network's answer has class numbers up to {numbers.max()}, and it names {len(names)} classes; its "
            "file is damaged"
        )
    masks = numbers.astype(np.uint8)
    return [Segmentation(path, mask, names) for path, mask in zip(paths, masks, strict=True)]


def joined(path: str, size: tuple[int, int], parts: Iterable[tuple[Tile, Segmentation]]) -> Segmentation:
    """The mask of a whole picture, of the answers to its tiles. size: its height and width."""
    mask: Pixels = np.empty(size, np.uint8)
    names: tuple[str, ...] = ()
    for tile, answer in parts:
        names = answer.names
        mask[tile.rows, tile.columns] = answer.mask[tile.inside]
    return Segmentation(path, mask, names)
