"""Whether masks lie where the edges of their pictures are, or beside them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from striate.ops.pixels import IGNORED

Pixels = npt.NDArray[np.uint8]
Scores = npt.NDArray[np.float64]

REACH_PX = 8
POINTS = 4_000  # of a picture's outlines in each direction: more tell nothing else
LEAST_PICTURES, NEARLY_ALL = 8, 0.9
LEAST_SHIFT_PX = 2  # people draw outlines a pixel beside an edge


class Shift(NamedTuple):
    """Where masks would fit their pictures better.

    down_px, right_px: by how much they are to be moved. better: pictures for which that holds, of so many `pictures`.
    """

    down_px: int
    right_px: int
    better: int
    pictures: int

    @property
    def beside(self) -> str:
        """Where the masks are, which is against where they are to be moved.

        >>> Shift(down_px=-3, right_px=4, better=9, pictures=9).beside
        '4 px to the left of and 3 px below'
        """
        side = "left" if self.right_px > 0 else "right"
        across = f"{abs(self.right_px)} px to the {side} of" if self.right_px else ""
        along = f"{abs(self.down_px)} px {'above' if self.down_px > 0 else 'below'}" if self.down_px else ""
        return " and ".join(filter(None, (across, along)))

    def enlarged(self, times: int) -> Shift:
        """The same in pictures so many times as large each way."""
        return self._replace(down_px=self.down_px * times, right_px=self.right_px * times)


def common_shift(pairs: Iterable[tuple[Pixels, Pixels]]) -> Shift | None:
    """By how much nearly all masks are to be moved to fit; None: they fit, or nothing can be said.

    pairs: pictures, uint8 (H, W, channels), with their masks of class numbers, or IGNORED, uint8 (H, W). Told are
    shifts of 2 to 8 px where in nine pictures of ten, of at least eight, the best place of the mask is within a pixel
    of the shift, and better than where the mask is.
    """
    each = [scores for picture, mask in pairs if (scores := edge_strengths(picture, mask)) is not None]
    if len(each) < LEAST_PICTURES or len({scores.shape for scores in each}) > 1:
        return None
    strengths = np.stack(each)
    reach = strengths.shape[1] // 2
    summed = (strengths / strengths.mean((1, 2), keepdims=True)).sum(0)
    down, right = _largest(summed)
    if max(abs(down - reach), abs(right - reach)) < LEAST_SHIFT_PX:
        return None
    near = [max(abs(y - down), abs(x - right)) <= 1 for y, x in map(_largest, strengths)]
    better = int((near & (strengths[:, down, right] > strengths[:, reach, reach])).sum())
    return Shift(down - reach, right - reach, better, len(each)) if better >= NEARLY_ALL * len(each) else None


def edge_strengths(picture: Pixels, mask: Pixels) -> Scores | None:
    """How much the picture changes on average across the outlines of the mask, moved by up to 8 px, or an eighth.

    Returns (2 reach + 1, 2 reach + 1), mean steps of levels, by how far the mask is moved down and to the right, from
    -reach on; None for a mask without outlines inside, and a picture without edges.

    >>> picture = np.zeros((32, 32, 1), np.uint8)
    >>> picture[:, 20:] = 9
    >>> edge_strengths(picture, (np.arange(32) >= np.full((32, 1), 18)).astype(np.uint8))[4].tolist()  # reach is 4
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 9.0, 0.0, 0.0]
    """
    reach = min(REACH_PX, min(mask.shape) // 8)
    moves = np.arange(-reach, reach + 1)
    strengths, points = np.zeros((len(moves), len(moves))), 0
    for steps, outline in zip(_steps(picture), _outlines(mask), strict=True):
        inside = np.flatnonzero(np.pad(outline[reach : -reach or None, reach : -reach or None], reach))
        inside = inside[:: max(1, len(inside) // POINTS)]
        places = inside[:, None, None] + moves[:, None] * mask.shape[1] + moves
        strengths += steps.ravel()[places].sum(0, dtype=np.float64)
        points += len(inside)
    return strengths / points if points and strengths.any() else None


def _steps(picture: Pixels) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """The largest change of a channel from each pixel to its right and to its lower neighbour, (H, W) each."""
    levels = picture.astype(np.float32)
    right, down = (np.abs(np.diff(levels, axis=axis)).max(2) for axis in (1, 0))
    return np.pad(right, ((0, 0), (0, 1))), np.pad(down, ((0, 1), (0, 0)))


def _outlines(mask: Pixels) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Whether each pixel and its right, and its lower neighbour are of two classes, (H, W) each."""
    known = mask != IGNORED
    right = (mask[:, 1:] != mask[:, :-1]) & known[:, 1:] & known[:, :-1]
    down = (mask[1:] != mask[:-1]) & known[1:] & known[:-1]
    return np.pad(right, ((0, 0), (0, 1))), np.pad(down, ((0, 1), (0, 0)))


def _largest(scores: Scores) -> tuple[int, int]:
    row, column = np.unravel_index(int(scores.argmax()), scores.shape)
    return int(row), int(column)
