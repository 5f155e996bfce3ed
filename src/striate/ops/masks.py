"""Masks of objects: as run lengths, as COCO writes them, and of polygons. Nothing here needs torch.

A mask is bool (H, W). Its run lengths go down the columns, left to right: how many pixels are not of the object, then
how many are, and so on, the first of which may be 0. Polygons, texts and overlaps are those of pycocotools 2.0.11
(cocodataset/cocoapi, common/maskApi.c), pixel for pixel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from striate.core.errors import StriateError

Mask = npt.NDArray[np.bool_]
Whole = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]

FINER = 5  # of an outline against the pixels
MOST_STEPS = 1 << 24
MOST_SIDE_PX, MOST_PIXELS = 2**31 - 1, 1 << 28
BITS, SIGN, MORE, FIRST = 5, 0x10, 0x20, 48
"""Of a letter of COCO's texts: bits of a number; which of them is its sign, in the last letter; whether another letter
follows; the letter that stands for 0."""
MOST_LETTERS = 7  # of a number, 35 bits


@dataclass(frozen=True)
class Runs:
    """A mask by its run lengths. size: height and width."""

    counts: Whole
    size: tuple[int, int]

    @classmethod
    def of_counts(cls, counts: Sequence[int] | Whole, size: tuple[int, int]) -> Runs:
        """Of COCO's list. Raises StriateError where the runs do not fill the picture.

        >>> Runs.of_counts([1, 2, 1], (2, 2)).mask().tolist()
        [[False, True], [True, False]]
        """
        # Python's numbers, as those of a file may be too large for others, whose sum would wrap around to what fits.
        runs = counts.tolist() if isinstance(counts, np.ndarray) else list(counts)
        if not 0 <= min(size) <= max(size) <= MOST_SIDE_PX or size[0] * size[1] > MOST_PIXELS:
            raise StriateError(f"a mask has {size[0]}x{size[1]} pixels; at most {MOST_PIXELS:,} can be read")
        if min(runs, default=0) < 0 or sum(runs) != size[0] * size[1]:
            raise StriateError(
                f"the runs of a mask have {sum(runs):,} pixels, its picture of {size[0]}x{size[1]} has "
                f"{size[0] * size[1]:,}; runs are whole numbers that fill it"
            )
        return cls(np.array(runs, np.int64), size)

    @classmethod
    def of_text(cls, text: str | bytes, size: tuple[int, int]) -> Runs:
        """Of COCO's compressed text. Raises StriateError for what is none, and where the runs do not fill the picture.

        >>> Runs.of_text("121", (2, 2)).counts.tolist()
        [1, 2, 1]
        """
        stored = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
        letters = np.frombuffer(stored, np.uint8).astype(np.int64) - FIRST
        last = np.flatnonzero((letters & MORE) == 0)
        lengths = np.diff(last, prepend=-1)
        whole = not len(letters) or (len(last) and last[-1] == len(letters) - 1)
        if not whole or ((letters < 0) | (letters >= 2 * MORE)).any() or (lengths > MOST_LETTERS).any():
            raise StriateError(f"{text[:20]!r} is no compressed mask as COCO writes it; its letters run from 0 to o")
        starts = last - lengths + 1
        place = np.arange(len(letters)) - np.repeat(starts, lengths)
        values = np.add.reduceat((letters & (MORE - 1)) << (BITS * place), starts) if len(last) else last
        values = values - np.where(letters[last] & SIGN, 1 << (BITS * lengths), 0)
        values[1::2] = values[1::2].cumsum()  # from the fourth on, each is told by the one two before it
        values[2::2] = values[2::2].cumsum()
        return cls.of_counts(values, size)

    @classmethod
    def of_mask(cls, mask: Mask) -> Runs:
        """Of pixels (H, W), those that are not 0.

        >>> Runs.of_mask(np.array([[True, False], [True, False]])).counts.tolist()
        [0, 2, 2]
        """
        flat = np.asarray(mask, bool).T.ravel()
        height, width = mask.shape
        return _between(np.flatnonzero(np.diff(flat, prepend=False)), (height, width))

    @classmethod
    def of_window(cls, mask: Mask, corner: tuple[int, int], size: tuple[int, int]) -> Runs:
        """Of the pixels of a part of a picture, bool (h, w), all else being 0. corner: its row and column there.

        >>> Runs.of_window(np.array([[True], [True]]), (1, 1), (3, 3)).counts.tolist()
        [4, 2, 3]
        """
        changes = np.diff(np.pad(mask, ((1, 1), (0, 0))).view(np.int8), axis=0) != 0  # (h + 1, w)
        column, row = np.nonzero(changes.T)
        places, times = np.unique((column + corner[1]) * size[0] + row + corner[0], return_counts=True)
        return _between(places[times == 1], size)  # what ends where the next column begins goes on

    def mask(self) -> Mask:
        """Its pixels, bool (H, W)."""
        inside = np.arange(len(self.counts)) % 2 == 1
        height, width = self.size
        return np.ascontiguousarray(np.repeat(inside, self.counts).reshape(width, height).T)

    def text(self) -> str:
        """COCO's compressed text.

        >>> Runs.of_counts([1, 2, 1], (2, 2)).text()
        '121'
        """
        values = self.counts.copy()
        values[3:] -= self.counts[1:-2]
        groups = values[:, None] >> (BITS * np.arange(MOST_LETTERS))
        ends = (groups >> BITS) == np.where(groups & SIGN, -1, 0)  # what is left is the sign over again
        length = ends.argmax(1)[:, None]
        places = np.arange(MOST_LETTERS)
        letters = (groups & (MORE - 1)) + FIRST + np.where(places < length, MORE, 0)
        return bytes(letters[places <= length].tolist()).decode("ascii")

    @property
    def area(self) -> int:
        """Pixels of the object."""
        return int(self.counts[1::2].sum())

    def edges(self) -> Whole:
        """Where runs begin and end in the picture's pixels, down the columns, int64 (R + 1,): 0 first, all last."""
        return np.concatenate([np.zeros(1, np.int64), self.counts.cumsum()])


def polygon_runs(corners: Numbers, size: tuple[int, int]) -> Runs:
    """The pixels inside a polygon, x and y (P, 2) in pixels from the picture's corner; size: height and width.

    The outline is walked in steps of a fifth of a pixel; where it passes from column to column, what lies below changes
    sides. Raises StriateError for an outline longer than 3 million pixels.

    >>> polygon_runs(np.array([[1, 0], [3, 0], [3, 2], [1, 2]]), (2, 4)).mask().astype(int).tolist()
    [[0, 1, 1, 0], [0, 1, 1, 0]]
    """
    height, width = size
    along, down = _outline(np.asarray(corners, np.float64).reshape(-1, 2))
    passes = np.flatnonzero(along[1:] != along[:-1])
    column = (np.minimum(along[1:], along[:-1])[passes] + 0.5) / FINER - 0.5
    row = (np.minimum(down[1:], down[:-1])[passes] + 0.5) / FINER - 0.5
    seen = (np.floor(column) == column) & (column >= 0) & (column <= width - 1)
    row = np.ceil(row[seen].clip(0, height))
    places, times = np.unique(column[seen].astype(np.int64) * height + row.astype(np.int64), return_counts=True)
    return _between(places[times % 2 == 1], size)


def require_polygon(corners: Numbers) -> None:
    """Raise StriateError for corners (P, 2) that are in no picture, or whose outline is longer than 3 million."""
    if not (np.abs(corners) < MOST_STEPS).all():
        raise StriateError(
            f"a polygon's corner is at {corners[np.abs(corners).max(1).argmax()].tolist()}, not in pixels"
        )
    _, wide, high = _sides(corners)
    steps = int(np.maximum(wide, high).sum())
    if steps > MOST_STEPS:
        raise StriateError(
            f"the outline of a polygon is {steps // FINER:,} pixels long, at most {MOST_STEPS // FINER:,} "
            "are; its corners are in pixels"
        )


def _sides(corners: Numbers) -> tuple[Whole, Whole, Whole]:
    """Corners in fifths of pixels, (P, 2), and how far each is from the next: along and down, (P,)."""
    fine = (FINER * corners + 0.5).astype(np.int64)
    wide, high = np.abs(np.roll(fine, -1, 0) - fine).T
    return fine, wide, high


def _outline(corners: Numbers) -> tuple[Whole, Whole]:
    """The points along a closed outline, in whole fifths of pixels: along (T,) and down (T,)."""
    require_polygon(corners)
    fine, wide, high = _sides(corners)
    start, end, steps = fine, np.roll(fine, -1, 0), np.maximum(wide, high)
    # Each side is walked from its end of the lower number and told from its start, as rounding goes by the direction.
    lying = wide >= high
    turned = np.where(lying, start[:, 0] > end[:, 0], start[:, 1] > end[:, 1])
    first, last = np.where(turned[:, None], end, start), np.where(turned[:, None], start, end)
    slope = (last - first) / np.maximum(steps, 1)[:, None]
    side = np.repeat(np.arange(len(fine)), steps + 1)
    place = np.arange(len(side)) - np.repeat(np.cumsum(steps + 1) - steps - 1, steps + 1)
    place = np.where(turned[side], steps[side] - place, place)
    points = np.where(
        (np.arange(2) == 1 - lying[side, None]),
        first[side] + place[:, None],
        (first[side] + slope[side] * place[:, None] + 0.5).astype(np.int64),
    )
    return points[:, 0], points[:, 1]


def union(parts: Sequence[Runs], size: tuple[int, int]) -> Runs:
    """The pixels of any of some masks of a picture, such as an object's polygons.

    >>> union([Runs.of_counts([0, 1, 3], (2, 2)), Runs.of_counts([3, 1], (2, 2))], (2, 2)).counts.tolist()
    [0, 1, 2, 1]
    """
    edges = [part.edges()[1:-1] for part in parts]
    places, which = np.unique(np.concatenate([np.zeros(0, np.int64), *edges]), return_inverse=True)
    into = np.concatenate([np.zeros(0), *(1.0 - 2 * (np.arange(len(each)) % 2) for each in edges)])
    inside = np.bincount(which, into, len(places)).cumsum() > 0
    return _between(places[np.diff(inside, prepend=False)], size)


def mask_iou(found: Sequence[Runs], truth: Sequence[Runs], crowd: npt.NDArray[np.bool_] | None = None) -> Numbers:
    """IoU of every mask with every true one, float64 (N, M), 0 of empty ones.

    crowd: which of the true are of many objects, bool (M,); with such, it is the share of the found mask that lies in
    it, as COCO counts.

    >>> one, two = Runs.of_counts([0, 2, 2], (2, 2)), Runs.of_counts([0, 4], (2, 2))
    >>> mask_iou([one], [one, two]).tolist(), mask_iou([one], [two], np.array([True])).tolist()
    ([[1.0, 0.5]], [[1.0]])
    """
    edges = [mask.edges() for mask in found]
    starts = np.concatenate([np.zeros(0, np.int64), *(each[1:-1:2] for each in edges)])
    ends = np.concatenate([np.zeros(0, np.int64), *(each[2::2] for each in edges)])
    of = np.repeat(np.arange(len(found)), [len(mask.counts) // 2 for mask in found])
    area = np.array([float(mask.area) for mask in found])
    iou = np.zeros((len(found), len(truth)))
    for place, mask in enumerate(truth):
        bounds = mask.edges()
        near = (ends > bounds[1]) & (starts < bounds[len(mask.counts) // 2 * 2]) if len(mask.counts) > 1 else ends < 0
        shared = _pixels_before(mask, ends[near]) - _pixels_before(mask, starts[near])
        both = np.bincount(of[near], shared, len(found))
        whole = area if crowd is not None and crowd[place] else area + mask.area - both
        iou[:, place] = both / np.maximum(whole, 1)
    return iou


def _between(places: Whole, size: tuple[int, int]) -> Runs:
    """The mask whose sides change at some places of the picture, ascending."""
    pixels = size[0] * size[1]
    return Runs(np.diff(places[places < pixels], prepend=0, append=pixels), size)


def _pixels_before(mask: Runs, places: Whole) -> Whole:
    """How many of a mask's pixels lie before each of some places of the picture."""
    edges, inside = mask.edges(), np.arange(len(mask.counts) + 1) % 2
    before = np.concatenate([np.zeros(1, np.int64), (mask.counts * inside[:-1]).cumsum()])
    run = np.searchsorted(edges, places, "right") - 1
    pixels: Whole = before[run] + (places - edges[run]) * inside[run]
    return pixels
