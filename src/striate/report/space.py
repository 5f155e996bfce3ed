"""Pictures as the features of a network place them: a map drawn with thumbnails, neighbours side by side."""

from __future__ import annotations

import base64
import colorsys
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from striate.data.decode import Pixels
from striate.report.pictures import Shown, shown

MAP_PX, THUMBNAIL_PX, FRAME_PX = 880, 36, 3
MOST_NAMED = 30
"""Classes whose names stand on the map; more would hide it."""

Places = npt.NDArray[np.float64]
Colour = tuple[int, int, int]
Thumbnail = tuple["Picture", Shown]


@dataclass(frozen=True)
class Picture:
    """A picture of a class. name: file, as the user knows it. pixels: uint8 (H, W, channels), 1 or 3 channels."""

    name: str
    label: str
    pixels: Pixels


@dataclass(frozen=True)
class LookUp:
    """A picture that was not trained on, and the training pictures nearest to it, nearest first."""

    query: Picture
    before: list[Picture]
    after: list[Picture]


@dataclass(frozen=True)
class FeatureSpace:
    """What the features of a network make of pictures that were not trained on, before training and after it.

    before, after: places in the unit square, (N, 2), one per picture. like_before, like_after: share of them whose
    nearest training picture is of their class. Where training left the features as they were, `before`, `like_before`
    and the `before` of each look-up are empty or None.
    """

    weights: str
    pictures: list[Picture]
    before: Places | None
    after: Places
    like_before: float | None
    like_after: float
    look_ups: list[LookUp]


@dataclass(frozen=True)
class Name:
    """A class name on the map, in the middle of its pictures."""

    text: str
    x: float
    y: float
    colour: str


@dataclass(frozen=True)
class MapDrawing:
    """A map for the page: a picture of all thumbnails as a data: URI, class names and, for each thumbnail, its corner
    and what it is. Pixels of a square of `side`.
    """

    title: str
    uri: str
    names: list[Name]
    corners: list[tuple[float, float, str]]
    side: int = MAP_PX
    thumbnail: int = THUMBNAIL_PX


def maps_of(space: FeatureSpace) -> list[MapDrawing]:
    """The map before training, if it differs, and the one after it."""
    if space.before is None:
        return [draw_map("The features, as training left them", space.pictures, space.after)]
    return [
        draw_map(title, space.pictures, places)
        for title, places in (("Before training", space.before), ("After it", space.after))
    ]


def draw_map(title: str, pictures: Sequence[Picture], places: Places) -> MapDrawing:
    """Thumbnails at their places, each in a frame of its class's colour; the last ones lie on top."""
    labels = sorted({picture.label for picture in pictures})
    colours = {label: class_colour(number) for number, label in enumerate(labels)}
    corners = np.rint(places * (MAP_PX - THUMBNAIL_PX)).astype(int)
    canvas = Image.new("RGBA", (MAP_PX, MAP_PX), (0, 0, 0, 0))
    for picture, (x, y) in zip(pictures, corners.tolist(), strict=True):
        canvas.paste(framed(picture.pixels, colours[picture.label]), (x, y))
    return MapDrawing(
        title,
        webp_uri(canvas),
        class_names(pictures, corners + THUMBNAIL_PX / 2, colours) if len(labels) <= MOST_NAMED else [],
        [(x, y, f"{p.label}: {p.name}") for p, (x, y) in zip(pictures, corners.tolist(), strict=True)],
    )


def framed(pixels: Pixels, colour: Colour) -> Image.Image:
    """A thumbnail in a frame, THUMBNAIL_PX high and wide; small pictures stay squares of pixels.

    >>> framed(np.zeros((8, 8, 1), np.uint8), (255, 0, 0)).getpixel((0, 0))
    (255, 0, 0)
    """
    inner = THUMBNAIL_PX - 2 * FRAME_PX
    picture = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).convert("RGB")
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    kernel = Image.Resampling.NEAREST if side <= inner else Image.Resampling.LANCZOS
    thumbnail = picture.resize((inner, inner), kernel, box=(left, top, left + side, top + side))
    frame = Image.new("RGB", (THUMBNAIL_PX, THUMBNAIL_PX), colour)
    frame.paste(thumbnail, (FRAME_PX, FRAME_PX))
    return frame


def class_colour(number: int) -> Colour:
    """A colour for each class, neighbours in number far apart in hue: steps of the golden ratio.

    >>> class_colour(0), class_colour(1)
    ((230, 69, 69), (69, 116, 230))
    """
    red, green, blue = colorsys.hsv_to_rgb(number * 0.6180339887 % 1, 0.7, 0.9 - 0.25 * (number // 8 % 2))
    return round(255 * red), round(255 * green), round(255 * blue)


def class_names(
    pictures: Sequence[Picture], centres: npt.NDArray[np.float64], colours: dict[str, Colour]
) -> list[Name]:
    """Each class's name at the median of its pictures."""
    labels = np.array([picture.label for picture in pictures])
    middles = {label: np.median(centres[labels == label], axis=0) for label in colours}
    return [
        Name(label, float(middles[label][0]), float(middles[label][1]), "#{:02x}{:02x}{:02x}".format(*colour))
        for label, colour in colours.items()
    ]


def webp_uri(picture: Image.Image) -> str:
    """A picture with transparent parts as a data: URI, a tenth of what PNG takes for photographs."""
    file = io.BytesIO()
    picture.save(file, "WEBP", quality=80)
    return f"data:image/webp;base64,{base64.b64encode(file.getvalue()).decode()}"


def shown_look_ups(space: FeatureSpace) -> list[tuple[Thumbnail, list[tuple[str, list[Thumbnail]]]]]:
    """For each look-up the query, and its rows of neighbours by "before" and "after", ready for the page."""
    return [
        (
            thumbnail(look_up.query),
            [
                (name, [thumbnail(picture) for picture in pictures])
                for name, pictures in (("before", look_up.before), ("after", look_up.after))
                if pictures
            ],
        )
        for look_up in space.look_ups
    ]


def thumbnail(picture: Picture) -> Thumbnail:
    """A picture with what shows it on the page."""
    return picture, shown(picture.pixels)
