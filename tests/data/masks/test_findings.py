"""What is said of masks, from counts alone."""

from __future__ import annotations

import numpy as np
import pytest

from factories import noise
from striate.data.masks import findings
from striate.data.masks.mask_file import RawMask
from striate.data.masks.survey import seen_in

NAMES = ("sky", "road", "car")
PIXELS = np.array([[90, 10, 0, 0], [0, 0, 0, 100], [50, 49, 1, 0]])  # the last of each row is ignored


def sizes(*pairs: tuple[int, int]) -> np.ndarray:
    return np.array(pairs, np.int32)


def test_sizes_by_a_factor_turned_or_otherwise_other_and_unread_pictures_say_nothing():
    other = findings.other_sizes
    assert other(["a.png", "b.png"], sizes((4, 6), (5, 5)), sizes((4, 6), (0, 0))) == []
    (said,) = other(["a.png", "b.png"], sizes((4, 6), (2, 3)), sizes((4, 6), (6, 9)))
    assert said.startswith("b.png has 3x2 pixels and its picture 9x6, 3 times as many each way; give masks")
    (said,) = other(["a.png", "b.png"], sizes((4, 6), (2, 3)), sizes((6, 4), (2, 4)))
    assert said.startswith("a.png has 6x4 pixels and its picture 4x6, as if one of them were turned (2 masks differ);")


def test_beside_the_classes():
    assert findings.beside_the_classes({}, NAMES) == []
    (said,) = findings.beside_the_classes({f"{n}.png": "has the number 9, which is no class" for n in range(5)}, NAMES)
    assert said.startswith("0.png has the number 9, which is no class; 1.png")
    assert said.endswith("and 2 more masks; classes are sky, road, car, and 255 where nothing is asked")


def test_nothing_to_learn():
    assert findings.nothing_to_learn("photos", NAMES, PIXELS, np.array([0])) == []
    (said,) = findings.nothing_to_learn("photos", NAMES, PIXELS, np.array([1]))
    assert said == "photos: every pixel of the 1 training mask is ignored"
    (said,) = findings.nothing_to_learn("photos", NAMES, np.array([[0, 7, 0, 3]]), np.array([0]))
    assert said == "photos: masks to train on hold one class only ('road'); at least two are needed"


def test_empty_masks_are_named():
    (said,) = findings.empty_masks(["a.png", "b.png", "c.png"], PIXELS)
    assert said == "1 mask with every pixel ignored, from which nothing is learned: b.png"
    assert findings.empty_masks(["a.png"], PIXELS[:1]) == []


def test_masks_of_background_alone_are_named_where_a_class_is_the_background():
    pixels = np.array([[5, 4, 1], [9, 0, 1], [0, 0, 10], [0, 10, 0], [10, 0, 0]])
    listed = [f"{name}.png" for name in "abcde"]
    said = findings.background_alone(listed, ("background", "foreground"), pixels)
    assert said == ("2 masks hold background alone: b.png, e.png",)
    assert findings.background_alone(listed, ("sky", "road"), pixels) == ()
    assert findings.background_alone(["a.png"], ("Background", "car"), pixels[:1]) == ()


def test_classes_in_one_split_only():
    warnings = findings.in_one_split_only(NAMES, {"train": np.array([9, 0, 0]), "val": np.array([0, 4, 0])})
    assert warnings == [
        "class road has no pixel in train: nothing can learn it",
        "class sky has no pixel in val: nothing tells how well it is learned there",
        "class car has no pixel in any mask",
    ]


def test_shares_of_labelled_pixels():
    assert findings.shares(PIXELS).tolist() == pytest.approx([140 / 200, 59 / 200, 1 / 200])
    assert findings.shares(np.zeros((2, 4), np.int64)).tolist() == [0, 0, 0]
    (said,) = findings.unequal(NAMES, PIXELS)
    assert said.startswith("classes are unbalanced: sky has 70.00% of the labelled pixels, car 0.50%; look at IoU")
    assert findings.unequal(NAMES, PIXELS[:1]) == []


def test_photographs_are_told_from_masks():
    areas = np.kron(np.arange(48).reshape(6, 8), np.ones((10, 10))).astype(np.uint32)
    photograph = noise(1, 60, 1)[0, :, :, 0].astype(np.uint32)
    assert not findings.looks_like_a_picture(seen_in(RawMask(areas, coloured=False), "m.png"))
    assert findings.looks_like_a_picture(seen_in(RawMask(photograph, coloured=False), "m.png"))
