"""The map and the neighbours on the page: thumbnails where they belong, in their class's colour, texts escaped."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from striate.report.page import render
from striate.report.space import (
    FRAME_PX,
    MAP_PX,
    THUMBNAIL_PX,
    FeatureSpace,
    LookUp,
    Picture,
    class_colour,
    draw_map,
    framed,
    maps_of,
)


def picture(label, value=90, side=8, name="a.png"):
    return Picture(name, label, np.full((side, side, 3), value, np.uint8))


@pytest.fixture
def space():
    pictures = [picture("cat", 0), picture("cat", 40), picture("<dog>", 200), picture("<dog>", 255, name="<b>.png")]
    places = np.array([[0.0, 0], [0, 0.5], [1, 1], [1, 0.5]])
    look_up = LookUp(pictures[3], [picture("cat")] * 2, [picture("<dog>")] * 2)
    return FeatureSpace("embedded", pictures, places[::-1].copy(), places, 0.5, 0.75, [look_up])


def pixels_of(uri):
    head, _, body = uri.partition(";base64,")
    assert head == "data:image/webp"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(body, validate=True))).convert("RGBA")).astype(int)


def test_thumbnails_stand_at_their_places_in_their_colour(space):
    drawing = draw_map("After it", space.pictures, space.after)
    pixels = pixels_of(drawing.uri)
    assert pixels.shape == (MAP_PX, MAP_PX, 4)
    inside = MAP_PX - THUMBNAIL_PX
    assert [corner[:2] for corner in drawing.corners] == [
        (0, 0),
        (0, inside / 2),
        (inside, inside),
        (inside, inside / 2),
    ]
    middle = THUMBNAIL_PX // 2
    for (x, y, _), value in zip(drawing.corners, (0, 40, 200, 255), strict=True):
        assert abs(pixels[int(y) + middle, int(x) + middle, 0] - value) < 12  # the file loses a little
    assert pixels[MAP_PX // 4, MAP_PX // 2, 3] == 0  # nothing there
    assert np.abs(pixels[-2, -middle, :3] - class_colour(0)).max() < 40  # "<dog>" is the first label


def test_names_stand_in_the_middle_of_their_class(space):
    names = {name.text: name for name in draw_map("", space.pictures, space.after).names}
    middle = (MAP_PX - THUMBNAIL_PX) / 4 + THUMBNAIL_PX / 2
    assert (names["cat"].x, names["cat"].y) == (THUMBNAIL_PX / 2, middle)
    assert names["<dog>"].colour == "#{:02x}{:02x}{:02x}".format(*class_colour(0))


def test_one_map_where_training_left_the_features_alone(space):
    assert [drawing.title for drawing in maps_of(space)] == ["Before training", "After it"]
    alone = FeatureSpace("embedded", space.pictures, None, space.after, None, 0.75, [])
    assert len(maps_of(alone)) == 1


def test_a_wide_picture_is_cut_and_framed():
    wide = np.zeros((10, 30, 1), np.uint8)
    wide[:, 10:20] = 255
    thumbnail = np.asarray(framed(wide, (1, 2, 3)))
    assert thumbnail.shape == (THUMBNAIL_PX, THUMBNAIL_PX, 3)
    assert thumbnail[0, 0].tolist() == [1, 2, 3]
    assert thumbnail[FRAME_PX:-FRAME_PX, FRAME_PX:-FRAME_PX].min() == 255


def test_the_section_says_it_and_escapes_what_strangers_wrote(space, make_facts, read_page):
    page = render(make_facts(space=space))
    section = read_page(page).one("section", id="space")
    links = [link.attributes["href"][1:] for link in read_page(page).one("nav").all("a")]
    assert links == [part.attributes["id"] for part in read_page(page).all("section") if "id" in part.attributes]
    assert "of the same class for 75 % of them, before training for 50 %." in section.text
    assert "<dog>" not in page
    assert "<b>.png" not in page
    assert len(section.all("svg")) == 2
    assert [remark.text for remark in section.all("p", class_="remark")] == ["before training", "after training"]
    assert len(section.all("img")) == 1 + 2 + 2
