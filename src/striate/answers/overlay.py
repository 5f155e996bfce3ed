"""Masks as people look at them: colours over the picture, outlines, a legend; and as files that programs read."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from striate.answers.masks import IGNORED, Pixels, Segmentation
from striate.answers.palette import colour_of

OPACITY = 0.5
ROW_PX, MARGIN_PX, LETTERS_PX = 18, 6, 12  # of the legend, at its smallest
AT_ONCE_PIXELS = 2**20  # of a large picture, whose numbers between the two take sixteen times its bytes
PLAIN_WIDTH = 480  # of a picture for which the legend has that size


@cache
def colours() -> Pixels:
    """The colours of all class numbers, uint8 (256, 3)."""
    return np.array([colour_of(number) for number in range(256)], np.uint8)


def overlaid(pixels: Pixels, mask: Pixels, opacity: float = OPACITY) -> Pixels:
    """A picture with its classes in their colours, and their outlines in full; where IGNORED it stays as it is.

    pixels: uint8 (H, W, 1 or 3). mask: uint8 (H, W). Returns uint8 (H, W, 3).

    >>> overlaid(np.zeros((1, 1, 1), np.uint8), np.array([[0]], np.uint8)).tolist() == [[[34, 80, 121]]]
    True
    """
    drawn = np.broadcast_to(pixels, (*mask.shape, 3)).copy()
    edges, rows = outlines(mask), max(1, AT_ONCE_PIXELS // mask.shape[1])
    for start in range(0, len(mask), rows):
        part, classes = drawn[start : start + rows], mask[start : start + rows, :, None]
        strength = np.where(edges[start : start + rows, :, None], 1.0, opacity).astype(np.float32)
        mixed = part + (colours()[classes[..., 0]] - part.astype(np.float32)) * strength
        np.copyto(part, mixed.round().astype(np.uint8), where=classes != IGNORED)
    return drawn


def outlines(mask: Pixels) -> npt.NDArray[np.bool_]:
    """The pixels whose right or lower neighbour is of another class, (H, W)."""
    edge = np.zeros(mask.shape, bool)
    edge[:, :-1] |= mask[:, 1:] != mask[:, :-1]
    edge[:-1] |= mask[1:] != mask[:-1]
    return edge


def with_legend(pixels: Pixels, entries: Sequence[tuple[int, str]]) -> Pixels:
    """A picture (H, W, 3) above the names of some classes, each with its colour; entries: class number and text."""
    scale = max(1.0, pixels.shape[1] / PLAIN_WIDTH)
    row, margin, font = round(ROW_PX * scale), round(MARGIN_PX * scale), ImageFont.load_default(LETTERS_PX * scale)
    places, (x, y) = [], (margin, margin)
    for number, name in entries:
        text = " ".join(name.split())
        width = row + round(font.getlength(text)) + 2 * margin
        if x + width > pixels.shape[1] and x > margin:
            x, y = margin, y + row
        places.append((x, y, number, text))
        x += width
    height = (y + row + margin) if entries else 0
    canvas = Image.new("RGB", (pixels.shape[1], pixels.shape[0] + height), "white")
    canvas.paste(Image.fromarray(pixels))
    draw = ImageDraw.Draw(canvas)
    for x, y, number, text in places:
        top, side = pixels.shape[0] + y, row - margin
        draw.rectangle((x, top, x + side, top + side), fill=colour_of(number))
        draw.text((x + row, top), text, fill="black", font=font)
    return np.asarray(canvas)


def draw(answer: Segmentation, pixels: Pixels) -> Pixels:
    """What was answered over its picture, uint8 (H, W, 1 or 3) of any size, with a legend of the classes in it."""
    mask = answer.mask_at(*pixels.shape[:2])
    return with_legend(overlaid(pixels, mask), [(n, f"{name} {share:.0%}") for n, name, share in answer.largest])


def mask_file(mask: Pixels) -> Image.Image:
    """Class numbers as a picture of a palette, to be saved as PNG: programs read numbers, people see colours."""
    picture = Image.fromarray(mask)
    picture.putpalette(colours().tobytes())
    return picture
