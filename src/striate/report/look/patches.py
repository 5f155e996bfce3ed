"""Patches of the pictures that drive units, cut to what a unit sees."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from PIL import Image
from torch import nn

from striate.analysis.seen_by_calls import Places, seen_by_calls
from striate.core.errors import StriateError
from striate.data.decode import Pixels
from striate.data.scan import Progress
from striate.report.look.subject import Subject
from striate.report.pictures import STORED, Shown, data_uri
from striate.visual.layer_ends import LayerEnd
from striate.visual.units.driven import Driven, driven_units

MOST_LAYERS = 20
"""Whose units are shown, spread evenly over all."""
PATCH_PX = 48
PICTURES = 8
"""Patches of a unit."""
Box = tuple[int, int, int, int]
"""Left, top, width and height in pixels of what the network sees."""


class Patch(NamedTuple):
    """What of a picture drives a unit: the picture, the place in the layer's map, what it sees, and how it looks."""

    picture: str
    value: float
    row: int
    column: int
    sees: Box
    shown: Shown


def driven_of(subject: Subject, progress: Progress) -> list[Driven]:
    """The units of some layers, found in one pass over the pictures, once. In evaluation."""
    if "driven" not in subject.kept:
        sample = subject.sample
        kinds = sample.kinds
        found = driven_units(subject.network, sample.batches(), kinds, some_layers, progress)
        if not found:
            raise StriateError(f"{subject.name} has no layer with weights that gives maps or units of its own")
        subject.kept["driven"] = found
    driven: list[Driven] = subject.kept["driven"]
    return driven


def some_layers(ends: list[LayerEnd]) -> list[LayerEnd]:
    """At most MOST_LAYERS, spread evenly."""
    places = np.unique(np.linspace(0, len(ends) - 1, min(len(ends), MOST_LAYERS)).round().astype(int))
    return [ends[place] for place in places] if ends else []


@dataclass(frozen=True, eq=False)
class Cutter:
    """Cuts patches of pictures that a network sees at one size. channels: of the pictures."""

    network: nn.Module
    size: tuple[int, int, int]

    @cached_property
    def seen(self) -> dict[tuple[str, int], Places]:
        """What each call sees; nothing where nobody can follow the network."""
        try:
            return seen_by_calls(self.network, self.size)
        except StriateError:
            return {}

    def is_exact(self, driven: Driven) -> bool:
        """Whether what its places see is known."""
        places = self.seen.get((driven.end.module, driven.end.call))
        return places is not None and (places.rows, places.columns) == (driven.rows, driven.columns)

    def sees(self, driven: Driven, row: int, column: int) -> Box:
        """What a place of a layer sees of the picture, which ends at its edges; all of it where nobody knows."""
        _, height, width = self.size
        places = self.seen.get((driven.end.module, driven.end.call))
        spans = places.sees(row, column) if places is not None and self.is_exact(driven) else None
        if spans is None:
            return 0, 0, width, height
        (top, bottom), (left, right) = spans
        top, left = max(0, top), max(0, left)
        bottom, right = min(height - 1, bottom), min(width - 1, right)
        if bottom < top or right < left:  # all of it lies in the padding
            return 0, 0, width, height
        return left, top, right - left + 1, bottom - top + 1

    def patches(self, subject: Subject, driven: Driven, unit: int, most: int = PICTURES) -> list[Patch]:
        """What drives a unit most, strongest first."""
        found = []
        for rank in range(min(most, driven.values.shape[1])):
            picture, place = int(driven.pictures[unit, rank]), int(driven.places[unit, rank])
            row, column = divmod(place, driven.columns)
            box = self.sees(driven, row, column)
            name, pixels = subject.sample.names[picture], subject.sample.shown[picture]
            found.append(Patch(name, float(driven.values[unit, rank]), row, column, box, shown_patch(pixels, box)))
        return found


def shown_patch(pixels: Pixels, box: Box, px: int = PATCH_PX) -> Shown:
    """A part of a picture uint8 (H, W, C) as it appears on the page, its longer side `px`; small ones keep squares.

    >>> shown_patch(np.zeros((8, 8, 3), np.uint8), (1, 2, 6, 3)).height
    24
    """
    left, top, width, height = box
    part = pixels[top : top + height, left : left + width]
    picture = Image.fromarray(part[:, :, 0] if part.shape[2] == 1 else part)
    scale = px / max(width, height)
    stored = [max(1, round(side * scale * STORED)) for side in (width, height)]
    how = Image.Resampling.NEAREST if scale > 2 else Image.Resampling.LANCZOS
    uri = data_uri(picture.resize((stored[0], stored[1]), how), "JPEG")
    return Shown(uri, max(1, round(width * scale)), max(1, round(height * scale)), pixelated=False)
