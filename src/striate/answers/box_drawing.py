"""Boxes as people look at them: a frame around what was found, its class above it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from striate.answers.boxes import Box, Localisation

Pixels = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]
FOUND: Colour = (226, 38, 54)
TRUE: Colour = (30, 170, 80)
PLAIN_PX = 400  # longer side of a picture for which lines are 2 px and letters 13
LETTERS_PX, MARGIN_PX = 13, 3
SMALL_PX = 256
SIDE_OF_A_LINE = (
    10  # times as wide as a line is a box at least, unless that is of one pixel: small ones are seen through
)


def framed(pixels: Pixels, box: Box, colour: Colour, text: str = "") -> Pixels:
    """A picture with a box around a part of it, uint8 (H, W, 3). pixels: uint8 (H, W, 1 or 3). box: in its pixels.

    >>> framed(np.zeros((9, 9, 1), np.uint8), (2, 2, 7, 7), (9, 8, 7))[2, 4].tolist()
    [9, 8, 7]
    """
    picture = Image.fromarray(np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3))))
    scale = max(1.0, max(picture.size) / PLAIN_PX)
    line = 1 if max(picture.size) < SMALL_PX / 2 else round(2 * scale)
    left, top, right, bottom = (round(edge) for edge in box)
    right, bottom = max(left + 1, right), max(top + 1, bottom)
    line = min(line, max(1, min(right - left, bottom - top) // SIDE_OF_A_LINE))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((left, top, right - 1, bottom - 1), outline=colour, width=line)
    if text := " ".join(text.split()):
        font, margin = ImageFont.load_default(LETTERS_PX * scale), round(MARGIN_PX * scale)
        width, height = round(font.getlength(text)) + 2 * margin, round(LETTERS_PX * scale) + 2 * margin
        y = top - height if top >= height else top
        draw.rectangle((left, y, left + width, y + height), fill=colour)
        draw.text((left + margin, y), text, fill=_ink(colour), font=font)
    return np.asarray(picture)


def _ink(colour: Colour) -> str:
    """The colour of letters on a colour: black on bright ones, whose luma (ITU-R BT.601) is beyond three fifths."""
    red, green, blue = colour
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.6 * 255 else "white"


def draw(answer: Localisation, pixels: Pixels) -> Pixels:
    """What was answered, in its picture, uint8 (H, W, 1 or 3) of any size; a small one is enlarged, for the letters."""
    pixels = enlarged_for_letters(pixels)
    box = answer.box_at(*pixels.shape[:2])
    return framed(pixels, box, FOUND, f"{answer.label} {answer.probability:.0%}")


def enlarged_for_letters(pixels: Pixels) -> Pixels:
    """A small picture, uint8 (H, W, channels), a whole number of times as large, so that letters do not cover it."""
    times = max(1, SMALL_PX // max(pixels.shape[:2]))
    return pixels.repeat(times, 0).repeat(times, 1)
