"""The chart as a picture: at the places of the SVG, in its colours, with labels in the room that was kept for them."""

from __future__ import annotations

import io
import math
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from PIL import Image, ImageColor, ImageFont

from striate.models import ZOO
from striate.report.colours import FAMILIES
from striate.report.comparison.bubble_chart import LETTER_PX, Chart, chart_of
from striate.report.comparison.comparison import compare
from striate.report.comparison.drawing import TEXT_PX
from striate.report.comparison.page import as_svg
from striate.report.comparison.png import SCALE, as_png

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def chart() -> Chart:
    return chart_of(compare(["vgg16", "googlenet", "resnet50", "resnet152", "densenet121"]).drawn, "1 crop")


@pytest.fixture(scope="module")
def pixels(chart: Chart) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(as_png(chart)))).astype(int)


def at(pixels: np.ndarray, x: float, y: float) -> np.ndarray:
    """The colour at a place of the chart."""
    return pixels[int(y * SCALE), int(x * SCALE)]


def circles(chart: Chart, kind: str) -> list[tuple[float, float, float, str]]:
    """Middle, radius and class of the circles that the SVG draws."""
    found = (mark for mark in ET.fromstring(as_svg(chart)).iter(f"{SVG}circle") if kind in mark.attrib["class"])
    return [(*(float(mark.attrib[key]) for key in ("cx", "cy", "r")), mark.attrib["class"]) for mark in found]


def test_the_picture_is_twice_as_sharp_as_the_chart(chart: Chart) -> None:
    picture = Image.open(io.BytesIO(as_png(chart)))
    assert (picture.format, picture.mode, picture.size) == ("PNG", "RGB", (2 * 960, 2 * 600))


def test_circles_have_the_colours_of_their_papers_where_the_svg_has_them(chart: Chart, pixels: np.ndarray) -> None:
    networks = circles(chart, "network")
    assert len(networks) == 5
    for x, y, radius, names in networks:
        (family,) = re.findall(r"family(\d)", names)
        colour = np.array(ImageColor.getrgb(FAMILIES[int(family)][0]))
        pale = 255 - 0.28 * (255 - colour)
        angles = [2 * math.pi * number / 32 for number in range(32)]

        def share(reach: float, wanted: np.ndarray, place=(x, y), angles=tuple(angles)) -> float:
            seen = [at(pixels, place[0] + reach * math.cos(a), place[1] + reach * math.sin(a)) for a in angles]
            return float(np.mean([np.abs(one - wanted).max() <= 6 for one in seen]))

        assert share(radius, colour) > 0.9
        assert share(radius - 3, pale) > 0.6  # but for the grid and the label
        assert share(radius + 3, colour) == share(radius + 3, pale) == 0


def test_the_key_is_drawn_as_rims_alone(chart: Chart, pixels: np.ndarray) -> None:
    keys = circles(chart, "key")
    assert len(keys) == 3
    for x, y, radius, _ in keys:
        assert at(pixels, x, y).tolist() == [255, 255, 255]
        near = [at(pixels, x - radius + off, y) for off in (-0.5, 0.0, 0.5)]  # one of three lies on it whole
        assert min(np.abs(one - ImageColor.getrgb("#59616e")).max() for one in near) <= 6


def test_a_label_is_dark_and_stays_in_the_room_that_was_kept_for_it(chart: Chart, pixels: np.ndarray) -> None:
    for bubble in chart.bubbles:
        box = bubble.label
        left, right = (round((box.x + side * box.width / 2) * SCALE) for side in (-1, 1))
        top, bottom = (round((box.y + side * box.height / 2) * SCALE) for side in (-1, 1))
        dark = pixels[top:bottom, left:right].max(axis=2) < 70
        assert dark.mean() > 0.04
        assert not dark[:1].any() and not dark[-1:].any()


@pytest.mark.parametrize("name", ZOO)
def test_no_name_is_wider_than_its_label(name: str) -> None:
    assert ImageFont.load_default(TEXT_PX["label"] * SCALE).getlength(name) <= LETTER_PX * len(name) * SCALE


def test_equal_charts_are_equal_files(chart: Chart) -> None:
    assert as_png(chart) == as_png(chart)
