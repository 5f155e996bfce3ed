"""A coarse grid of a mask: the commonest class of each cell, drawn with names where they fit."""

from __future__ import annotations

import numpy as np
import pytest

from striate.answers.label_grid import draw, label_grid
from striate.answers.masks import Segmentation
from striate.answers.palette import colour_of


def test_cells_that_divide_the_picture_are_its_blocks():
    mask = np.random.default_rng(0).integers(0, 4, (24, 36), np.uint8)
    grid = label_grid(mask, 6)
    assert grid.shape == (4, 6)
    for row, column in np.ndindex(4, 6):
        block = mask[6 * row : 6 * row + 6, 6 * column : 6 * column + 6]
        assert grid[row, column] == np.bincount(block.ravel()).argmax()


@pytest.mark.parametrize(("size", "cells", "shape"), [
    ((50, 100), 7, (4, 7)), ((100, 50), 1, (1, 1)), ((3, 400), 10, (1, 10)), ((5, 5), 9, (5, 5)),
])  # fmt: skip
def test_any_size_has_cells_about_square_and_never_more_than_pixels(size, cells, shape):
    assert label_grid(np.full(size, 3, np.uint8), cells).tolist() == np.full(shape, 3).tolist()


def test_a_drawing_has_the_colours_of_its_cells_lines_names_and_a_legend():
    mask = np.zeros((100, 200), np.uint8)
    mask[:, 100:] = 1
    mask[10:15, 10:15] = 1  # lost: few of its cell
    pixels = np.zeros((100, 200, 3), np.uint8)
    drawn = draw(Segmentation("a.png", mask, ("sky", "sea", "unseen")), pixels, 4)
    assert drawn.shape[1] == 200 and drawn.shape[0] > 100
    for place, number in (((12, 12), 0), ((60, 110), 1)):
        assert np.abs(drawn[place] - np.array(colour_of(number)) / 2).max() <= 1
    assert (drawn[50, :] == 255).all() and (drawn[:100, 50] == 255).all()  # lines
    black = (drawn[:49, 1:49] < 20).all(2)  # letters of a name
    assert 20 < black.sum() < 400
    narrow = draw(Segmentation("a.png", mask, ("sky", "a sea of many letters", "unseen")), pixels, 4)
    assert not (narrow[:49, 102:149] < 20).all(2).any()
