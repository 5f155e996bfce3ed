"""Views of a picture that a network is asked about besides its centre: which parts of it, and at which scales.

A set of views is a record in `VIEWS`. Scales are sevenths of what the network sees, so that 8 is the usual 256 px of a
network for 224: 7 is the whole short side, 14 half of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from striate.core.errors import unknown_name
from striate.core.records import Preprocess
from striate.data.decode import Pixels
from striate.data.working_size import fitted, to_working_size

MOST_LONG = 4  # times the short side: of a longer picture the middle is looked at, where all of it would be

Size = tuple[int, int]


class Box(NamedTuple):
    """A part of a scaled picture, in its pixels."""

    top: int
    left: int
    height: int
    width: int


class View(NamedTuple):
    """What is shown of a picture: scaled to a height and width, cut to a box, that brought to `size`, then mirrored."""

    scaled: Size
    box: Box
    size: Size
    mirrored: bool = False


Parts = Callable[[Size, Size, Size], list[tuple[Box, Size]]]
"""Of a scaled picture, its field (what its scale asks for, the picture or its middle), and what a network sees."""


@dataclass(frozen=True)
class ViewSet:
    """A named set of views.

    about: what it is, and whose. sevenths: the scales; none: the working size of the network. parts: boxes of a scaled
    picture. mirrored: each is shown as its mirror image too. dense: each is all of the picture, of any size.
    """

    about: str
    sevenths: tuple[int, ...]
    parts: Parts
    mirrored: bool = True
    dense: bool = False


def _centre(scaled: Size, field: Size, size: Size) -> list[tuple[Box, Size]]:
    return [(_middle(Box(0, 0, *scaled), size), size)]


def _corners_and_centre(scaled: Size, field: Size, size: Size) -> list[tuple[Box, Size]]:
    """Five parts of the field in the middle of a picture."""
    return [(box, size) for box in _five(_middle(Box(0, 0, *scaled), field), size)]


def _of_three_squares(scaled: Size, field: Size, size: Size) -> list[tuple[Box, Size]]:
    """Of the first, middle and last field along the long side: five parts, and itself, made smaller."""
    down, right = (whole - part for whole, part in zip(scaled, field, strict=True))
    squares = [Box(down * step // 2, right * step // 2, *field) for step in range(3)]
    return [(box, size) for square in squares for box in (*_five(square, size), square)]


def _whole(scaled: Size, field: Size, size: Size) -> list[tuple[Box, Size]]:
    return [(Box(0, 0, *scaled), scaled)]


def _middle(box: Box, size: Size) -> Box:
    return Box(box.top + (box.height - size[0]) // 2, box.left + (box.width - size[1]) // 2, *size)


def _five(box: Box, size: Size) -> list[Box]:
    """The four corners of a box, and its middle."""
    below, beside = box.top + box.height - size[0], box.left + box.width - size[1]
    corners = [Box(top, left, *size) for top in (box.top, below) for left in (box.left, beside)]
    return [*corners, _middle(box, size)]


VIEWS = {
    "centre": ViewSet("the middle of the picture: the network's ordinary answer", (), _centre, mirrored=False),
    "flip": ViewSet("the middle and its mirror image", (), _centre),
    "10": ViewSet("corners and middle, and their mirror images (Krizhevsky et al. 2012)", (), _corners_and_centre),
    "144": ViewSet(
        "four scales, three squares of each, of these corners, middle and all, and their mirror images "
        "(Szegedy et al., arXiv:1409.4842, section 7)",
        (8, 9, 10, 11),
        _of_three_squares,
    ),
    "dense": ViewSet(
        "the whole picture at three scales, and its mirror image (Simonyan and Zisserman, arXiv:1409.1556, 3.2)",
        (7, 8, 9),
        _whole,
        dense=True,
    ),
    "multi-scale": ViewSet(
        "the whole picture at five scales (He et al., arXiv:1512.03385, section 3.4)",
        (7, 8, 12, 15, 20),
        _whole,
        mirrored=False,
        dense=True,
    ),
}
CENTRE = "centre"


def view_set(name: str) -> ViewSet:
    """A set of views by its name. Raises StriateError for one that there is not."""
    if name not in VIEWS:
        raise unknown_name("set of views", name, VIEWS)
    return VIEWS[name]


def seen_size(preprocess: Preprocess) -> Size:
    """Height and width of what a network sees, in pixels of pictures before they are enlarged for it.

    >>> seen_size(Preprocess((224, 224))), seen_size(Preprocess((80, 80), (64, 64)))
    ((224, 224), (64, 64))
    """
    return preprocess.resize if preprocess.enlarges else preprocess.size


def fields(views: ViewSet, preprocess: Preprocess) -> list[Size]:
    """Height and width that a picture covers at each scale; without scales one, with a margin where a part is cut.

    >>> fields(VIEWS["dense"], Preprocess((224, 224)))
    [(224, 224), (256, 256), (288, 288)]
    >>> fields(VIEWS["10"], Preprocess((32, 32), (32, 32)))
    [(37, 37)]
    """
    height, width = seen_size(preprocess)
    if views.sevenths:
        return [(math.ceil(height * part / 7), math.ceil(width * part / 7)) for part in views.sevenths]
    if views.parts is _centre or (preprocess.resize != preprocess.size and not preprocess.enlarges):
        return [preprocess.resize]
    return [(math.ceil(height * 8 / 7), math.ceil(width * 8 / 7))]


def views_of(views: ViewSet, picture: Size, preprocess: Preprocess) -> list[View]:
    """The views of a picture by its height and width, each as often as it counts.

    >>> whole, mirrored = views_of(VIEWS["flip"], (300, 500), Preprocess((224, 224)))
    >>> whole
    View(scaled=(256, 256), box=Box(top=16, left=16, height=224, width=224), size=(224, 224), mirrored=False)
    """
    found, size = list[View](), seen_size(preprocess)
    for field in fields(views, preprocess):
        scaled = _scaled(picture, field, preprocess) if views.sevenths else field
        for box, shown in views.parts(scaled, field, size):
            found += [View(scaled, box, shown, mirrored) for mirrored in (False, True)[: 1 + views.mirrored]]
    return found


def _scaled(picture: Size, field: Size, preprocess: Preprocess) -> Size:
    """A picture's height and width where it covers a field; the field itself of a network that sees whole pictures."""
    if preprocess.fit != "cover":
        return field
    (height, width), _ = fitted(picture, preprocess.at(field))
    return min(height, MOST_LONG * field[0]), min(width, MOST_LONG * field[1])


def cut(pixels: Pixels, views: list[View], preprocess: Preprocess) -> list[Pixels]:
    """What each view shows of a picture, uint8 (h, w, channels). pixels: uint8 (H, W, channels).

    >>> square = View((256, 427), Box(0, 0, 256, 256), (224, 224))
    >>> cut(np.zeros((300, 500, 3), np.uint8), [square], Preprocess((224, 224)))[0].shape
    (224, 224, 3)
    """
    scaled = {size: to_working_size(pixels, preprocess.at(size)) for size in {view.scaled for view in views}}
    return [_shown(scaled[view.scaled], view) for view in views]


def _shown(pixels: Pixels, view: View) -> Pixels:
    top, left, height, width = view.box
    part = pixels[top : top + height, left : left + width]
    if view.size != (height, width):
        part = to_working_size(np.ascontiguousarray(part), Preprocess(view.size, view.size, fit="stretch"))
    return part[:, ::-1] if view.mirrored else part
