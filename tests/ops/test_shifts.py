"""Masks beside their pictures are told by how much, and nothing is said of masks that fit, or fit nowhere."""

from __future__ import annotations

import numpy as np
import pytest

from striate.ops.pixels import IGNORED
from striate.ops.shifts import Shift, common_shift, edge_strengths


def scene(number: int, height: int = 64, width: int = 80) -> tuple[np.ndarray, np.ndarray]:
    """Four rectangles of a colour each on noise, with their mask."""
    random = np.random.default_rng(number)
    mask = np.zeros((height, width), np.uint8)
    for value in (1, 2, 1, 2):
        top, left = random.integers(0, height - 12), random.integers(0, width - 12)
        mask[top : top + random.integers(8, 28), left : left + random.integers(8, 28)] = value
    colours = np.array([(60, 90, 120), (150, 90, 60), (90, 150, 90)])
    return random.normal(colours[mask], 25).clip(0, 255).astype(np.uint8), mask


def moved(mask: np.ndarray, down: int, right: int) -> np.ndarray:
    """A mask moved, with nothing asked where it has left."""
    wide = np.full((mask.shape[0] + 40, mask.shape[1] + 40), IGNORED, np.uint8)
    wide[20 + down : 20 + down + mask.shape[0], 20 + right : 20 + right + mask.shape[1]] = mask
    return wide[20:-20, 20:-20]


@pytest.mark.parametrize(("down", "right"), [(3, 0), (0, -4), (-6, 5), (8, 8), (-2, 2)])
def test_masks_that_were_moved_are_to_be_moved_back(down, right):
    pairs = [(picture, moved(mask, down, right)) for picture, mask in map(scene, range(12))]
    assert common_shift(pairs) == Shift(-down, -right, 12, 12)


def test_nothing_is_said_of_masks_that_fit():
    assert common_shift(map(scene, range(12))) is None


def test_nothing_is_said_of_an_outline_drawn_a_pixel_beside_the_edge():
    assert common_shift((picture, moved(mask, 1, 1)) for picture, mask in map(scene, range(12))) is None


def test_nothing_is_said_where_masks_belong_to_other_pictures():
    assert common_shift((scene(number)[0], scene(number + 100)[1]) for number in range(40)) is None


def test_nothing_is_said_where_every_mask_is_moved_elsewhere():
    random = np.random.default_rng(0)
    pairs = [(picture, moved(mask, *random.integers(-6, 7, 2))) for picture, mask in map(scene, range(20))]
    assert common_shift(pairs) is None


def test_nothing_is_said_of_few_pictures_nor_of_masks_without_outlines():
    assert common_shift((picture, moved(mask, 4, 4)) for picture, mask in map(scene, range(7))) is None
    assert common_shift((scene(number)[0], np.zeros((64, 80), np.uint8)) for number in range(12)) is None
    assert edge_strengths(np.zeros((64, 80, 3), np.uint8), scene(0)[1]) is None


def test_what_is_ignored_has_no_outline():
    picture, mask = scene(0)
    assert edge_strengths(picture, np.where(mask == 1, 0, IGNORED).astype(np.uint8)) is None


def test_pictures_of_a_few_pixels_are_taken_as_they_are():
    assert common_shift([(np.zeros((4, 5, 1), np.uint8), np.eye(4, 5, dtype=np.uint8))] * 9) is None
