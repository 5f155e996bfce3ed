"""Tiles take every pixel once, each from where it has enough around it."""

from __future__ import annotations

import numpy as np
import pytest

from striate.answers.masks import Segmentation, joined
from striate.answers.tiles import ALIGNED_PX, tiles_of

SIZES = [((100, 300), (128, 128)), ((360, 480), (360, 480)), ((721, 961), (360, 480)), ((7, 500), (64, 64)),
         ((33, 40), (32, 32)), ((50, 50), (5, 7)), ((4000, 31), (96, 32)), ((9, 9), (1, 1))]  # fmt: skip


@pytest.mark.parametrize(("size", "tile"), SIZES)
def test_every_pixel_is_taken_once_from_inside_a_tile(size, tile):
    taken = np.zeros(size, int)
    for each in tiles_of(size, tile):
        taken[each.rows, each.columns] += 1
        for inside, side in zip(each.inside, tile, strict=True):
            assert 0 <= inside.start < inside.stop <= side
    assert (taken == 1).all()


@pytest.mark.parametrize(("size", "tile"), SIZES)
def test_what_is_taken_has_an_eighth_of_a_tile_around_it_or_the_border(size, tile):
    for each in tiles_of(size, tile):
        for start, span, whole, side in zip((each.top, each.left), (each.rows, each.columns), size, tile, strict=True):
            margin = side // 8
            assert span.start == 0 or span.start - start >= margin
            assert span.stop == whole or start + side - span.stop >= margin
            assert start >= 0 and (start + side <= whole or start == 0)


@pytest.mark.parametrize(("size", "tile"), SIZES)
def test_no_tile_is_there_twice_and_all_but_the_last_are_aligned(size, tile):
    tiles = tiles_of(size, tile)
    places = [(each.top, each.left) for each in tiles]
    assert len(set(places)) == len(places)
    for axis in (0, 1):
        if tile[axis] >= 2 * ALIGNED_PX:
            last = max(place[axis] for place in places)
            assert all(place[axis] % ALIGNED_PX == 0 for place in places if place[axis] != last)


def test_masks_of_tiles_become_the_mask_they_were_cut_from():
    whole = np.random.default_rng(0).integers(0, 5, (90, 133), np.uint8)
    parts = [
        (each, Segmentation("a.png", whole[each.top : each.top + 64, each.left : each.left + 64], ("a", "b")))
        for each in tiles_of(whole.shape, (64, 64))
    ]
    found = joined("a.png", whole.shape, parts)
    assert (found.mask == whole).all()
    assert (found.path, found.names) == ("a.png", ("a", "b"))
