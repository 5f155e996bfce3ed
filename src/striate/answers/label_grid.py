"""A picture as a coarse grid of which every cell has one class, as lectures draw scene labelling."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from striate.answers.masks import Pixels, Segmentation
from striate.answers.overlay import LETTERS_PX, overlaid, with_legend

LINE = (255, 255, 255)


def label_grid(mask: Pixels, cells: int) -> Pixels:
    """The commonest class number of each cell, uint8 (rows, columns); of equally common ones the first.

    mask: uint8 (H, W). cells: along the longer side; the shorter one has as many as leave them about square.

    >>> label_grid(np.array([[0, 0, 1, 1], [0, 2, 1, 2]], np.uint8), 2).tolist()
    [[0, 1]]
    """
    rows, columns = _shape(mask.shape, cells)
    down, across = (np.arange(side) * count // side for side, count in zip(mask.shape, (rows, columns), strict=True))
    classes = int(mask.max(initial=0)) + 1
    numbers = (down[:, None] * columns + across) * classes + mask
    counts = np.bincount(numbers.ravel(), minlength=rows * columns * classes)
    commonest: Pixels = counts.reshape(rows, columns, classes).argmax(2).astype(np.uint8)
    return commonest


def _shape(size: tuple[int, ...], cells: int) -> tuple[int, int]:
    rows, columns = (min(side, max(1, round(cells * side / max(size)))) for side in size)
    return rows, columns


def draw(answer: Segmentation, pixels: Pixels, cells: int) -> Pixels:
    """The picture, uint8 (H, W, 1 or 3), under cells in the colours of their classes, with names where they fit.

    cells: along the longer side. Returns uint8 (H, W, 3) with a legend of the classes in the grid below.
    """
    height, width = pixels.shape[:2]
    grid = label_grid(answer.mask_at(height, width), cells)
    in_cells = Segmentation(answer.path, grid, answer.names)
    picture = Image.fromarray(overlaid(pixels, in_cells.mask_at(height, width)))
    canvas, (rows, columns) = ImageDraw.Draw(picture), grid.shape
    tops, lefts = (_edges(side, count) for side, count in ((height, rows), (width, columns)))
    for top in tops[1:-1]:
        canvas.line((0, top, width, top), fill=LINE)
    for left in lefts[1:-1]:
        canvas.line((left, 0, left, height), fill=LINE)
    font = ImageFont.load_default(LETTERS_PX)
    for row, column in np.ndindex(rows, columns):
        name = " ".join(answer.names[grid[row, column]].split())
        inside = lefts[column + 1] - lefts[column], tops[row + 1] - tops[row]
        if font.getlength(name) < inside[0] and inside[1] > LETTERS_PX:
            middle = lefts[column] + inside[0] / 2, tops[row] + inside[1] / 2
            canvas.text(middle, name, fill="black", font=font, anchor="mm")
    entries = [(number, f"{name} {share:.0%}") for number, name, share in in_cells.largest]
    return with_legend(np.asarray(picture), entries)


def _edges(side: int, count: int) -> list[int]:
    """Where cells begin along a side, and its end: as `label_grid` parts it."""
    return [-(-place * side // count) for place in range(count + 1)]
