"""Colours by which classes are told apart in pictures, as many as masks can have."""

from __future__ import annotations

import colorsys

GOLDEN = 0.618034  # of a turn: however many there are, no two that follow each other are near
FIRST = 0.58  # a blue
RINGS = ((0.72, 0.95), (0.95, 0.75), (0.5, 0.85))  # saturation and value, in turn


def colour_of(number: int) -> tuple[int, int, int]:
    """The colour of a class by its number: red, green and blue, 0..255, the same in every picture.

    >>> colour_of(0), len({colour_of(number) for number in range(255)})
    ((68, 159, 242), 255)
    """
    saturation, value = RINGS[number % len(RINGS)]
    red, green, blue = colorsys.hsv_to_rgb((FIRST + number * GOLDEN) % 1, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)
