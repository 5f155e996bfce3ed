"""A map of reasons over its picture: orange is for the class, blue is against it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from striate.data.decode import Pixels

FOR, AGAINST = (232, 96, 12), (36, 100, 207)
LIGHTEST = 0.35
"""Of the picture's contrast, what is left below the colours."""
STRONGEST = 99.5
"""Per cent of a map's places that are not as strong as its full colour: single pixels would hide the rest."""


def heated(pixels: Pixels, reasons: npt.NDArray[np.floating]) -> Pixels:
    """A picture uint8 (H, W, 1 or 3) in pale grey below the colours of a map (H, W): uint8 (H, W, 3).

    A map that is the same everywhere leaves the picture without colour, unless all of it is for the class.

    >>> heated(np.zeros((1, 2, 1), np.uint8), np.array([[1.0, -1.0]])).tolist() == [[list(FOR), list(AGAINST)]]
    True
    """
    strengths = np.abs(reasons)
    full = max(float(np.percentile(strengths, STRONGEST)), float(strengths.max()) * 0.05, 1e-30)
    opacity = (strengths / full).clip(0, 1)[..., None]
    grey = 255 - LIGHTEST * (255 - pixels.astype(np.float64).mean(2, keepdims=True))
    colours = np.where(reasons[..., None] < 0, AGAINST, FOR)
    mixed: Pixels = (grey * (1 - opacity) + colours * opacity).round().astype(np.uint8)
    return mixed
