"""Which parts of a picture its views show: by hand for the papers' sets, and what holds for any picture."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from striate.core.errors import StriateError
from striate.core.records import Preprocess
from striate.data.picture import to_batch, to_network_size
from striate.data.views import VIEWS, Box, View, cut, seen_size, view_set, views_of
from striate.data.working_size import to_working_size

USUAL = Preprocess((224, 224))


def boxes(name, picture, preprocess=USUAL):
    return [(view.scaled, view.box[:2]) for view in views_of(VIEWS[name], picture, preprocess) if not view.mirrored]


def test_the_ten_are_corners_and_middle_of_the_256_square():
    places = [(0, 0), (0, 32), (32, 0), (32, 32), (16, 16)]
    assert boxes("10", (300, 500)) == [((256, 256), place) for place in places]
    views = views_of(VIEWS["10"], (300, 500), USUAL)
    assert len(views) == 10 and {view.size for view in views} == {(224, 224)}
    assert views[1] == views[0]._replace(mirrored=True)


def test_without_a_margin_the_picture_is_scaled_to_one():
    assert boxes("10", (32, 32), Preprocess((32, 32), (32, 32)))[-2:] == [((37, 37), (5, 5)), ((37, 37), (2, 2))]


def test_the_144_are_four_scales_three_squares_six_parts_and_mirror_images():
    views = views_of(VIEWS["144"], (375, 500), USUAL)
    assert len(views) == len({*views}) == 144
    assert [*dict.fromkeys(view.scaled for view in views)] == [(256, 341), (288, 384), (320, 427), (352, 469)]
    left, middle = [(0, 0), (0, 32), (32, 0), (32, 32), (16, 16)], [(0, 42), (0, 74), (32, 42), (32, 74), (16, 58)]
    right = [(0, 85), (0, 117), (32, 85), (32, 117), (16, 101)]
    first = boxes("144", (375, 500))[:18]
    assert [place for _, place in first] == [*left, (0, 0), *middle, (0, 42), *right, (0, 85)]
    assert views[10] == View((256, 341), Box(0, 0, 256, 256), (224, 224))
    assert boxes("144", (500, 375))[17] == ((341, 256), (85, 0))  # the last square of a tall picture is below


@pytest.mark.parametrize(
    ("name", "short_sides"), [("dense", [224, 256, 288]), ("multi-scale", [224, 256, 384, 480, 640])]
)
def test_whole_pictures_come_at_the_sizes_of_the_papers(name, short_sides):
    views = [view for view in views_of(VIEWS[name], (300, 600), USUAL) if not view.mirrored]
    assert [view.box for view in views] == [Box(0, 0, side, 2 * side) for side in short_sides]
    assert all(view.size == view.scaled for view in views)
    stretched = views_of(VIEWS[name], (300, 600), Preprocess((224, 224), fit="stretch"))
    assert {view.scaled for view in stretched} == {(side, side) for side in short_sides}


def test_of_a_very_long_picture_the_middle_is_looked_at():
    assert boxes("dense", (10, 1000))[0] == ((224, 896), (0, 0))
    shown = cut(np.zeros((10, 1000, 3), np.uint8), views_of(VIEWS["dense"], (10, 1000), USUAL), USUAL)
    assert shown[0].shape == (224, 896, 3)


def test_what_is_cut_is_cut_scaled_and_mirrored():
    pixels = np.arange(4 * 6, dtype=np.uint8).reshape(4, 6, 1)
    own = Preprocess((2, 2), (4, 4), (0.5,), (0.5,))
    plain, turned = cut(pixels, [View((4, 6), Box(1, 2, 2, 2), (2, 2), mirrored) for mirrored in (False, True)], own)
    assert plain[:, :, 0].tolist() == [[8, 9], [14, 15]]
    assert turned[:, :, 0].tolist() == [[9, 8], [15, 14]]
    (whole,) = cut(pixels, [View((4, 6), Box(0, 0, 4, 6), (1, 1))], own)
    assert whole.item() == 12  # the mean of 0 to 23, rounded


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(sorted(VIEWS)),
    st.tuples(st.integers(1, 90), st.integers(1, 90)),
    st.sampled_from([(20, 24), (20, 20), (12, 16)]),
    st.sampled_from(["cover", "contain", "stretch"]),
)
def test_views_lie_in_the_picture_and_come_as_they_say(name, picture, resize, fit):
    own = Preprocess((20, 20), resize, fit=fit)
    views = views_of(VIEWS[name], picture, own)
    for view in views:
        (top, left, height, width), scaled = view.box, view.scaled
        assert 0 <= top <= scaled[0] - height and 0 <= left <= scaled[1] - width
        assert VIEWS[name].dense or view.size == seen_size(own)
    shown = cut(np.zeros((*picture, 3), np.uint8), views, own)
    assert [part.shape[:2] for part in shown] == [view.size for view in views]


@settings(deadline=None, max_examples=40)
@given(st.tuples(st.integers(1, 60), st.integers(1, 60)), st.sampled_from([(25, 26), (20, 20)]), st.integers(0, 9))
def test_the_centre_is_what_the_network_sees(picture, resize, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (*picture, 3), np.uint8)
    own = Preprocess((20, 20), resize)
    (shown,) = cut(pixels, views_of(VIEWS["centre"], picture, own), own)
    seen = to_network_size(to_batch(to_working_size(pixels, own)[None].copy()), own)[0]
    assert np.array_equal(shown, seen.permute(1, 2, 0))


def test_an_unknown_set_is_refused():
    with pytest.raises(
        StriateError, match="unknown set of views '12'; known are 10, 144, centre, dense, flip, multi-scale"
    ):
        view_set("12")
