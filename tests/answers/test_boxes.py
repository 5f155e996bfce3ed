"""What is read of a network's numbers for localisation, and how it is drawn."""

from __future__ import annotations

import json

import numpy as np
import pytest

from striate.answers import DRAW, reader
from striate.answers.box_drawing import FOUND
from striate.answers.boxes import read
from striate.answers.classes import NO_NUMBERS
from striate.core.errors import StriateError

OUTPUT = np.array([[[0, 0, 0, 1, 1], [np.log(3), 0.25, 0.5, 0.75, 1.5]], [[5, -0.5, 0.1, 0.4, 0.9], [0, 0, 0, 1, 1]]])


def test_the_box_is_that_of_the_likeliest_class_cut_at_the_edges():
    first, second = reader("localisation")(OUTPUT, ("ant", "bee"), ["a.png", "b.png"], 2)
    assert (first.label, first.box) == ("bee", (0.25, 0.5, 0.75, 1.0))
    assert first.probability == pytest.approx(0.75)
    assert (second.label, second.box) == ("ant", (0.0, 0.1, 0.4, 0.9))
    assert first.box_at(20, 40) == (10, 10, 30, 20)
    told = first.to_dict()
    assert json.loads(json.dumps(told)) == told
    assert list(first.cells(lambda: (20, 40)).items())[2:] == [("x0", 10), ("y0", 10), ("x1", 30), ("y1", 20)]
    assert first.facts()["box"] == "from 25%, 50% to 75%, 100%"


def test_edges_that_have_changed_places_are_put_in_order():
    answer = read(np.array([[[0, 0.75, 0.5, 0.25, 0.25]]]), ("ant",), ["a.png"], 1)[0]
    assert answer.box == (0.25, 0.25, 0.75, 0.5)


@pytest.mark.parametrize("shape", [(1, 2, 4), (2, 2, 5), (1, 3, 5), (1, 10)])
def test_numbers_of_another_shape_are_refused(shape):
    with pytest.raises(StriateError, match=r"must be a number and a box for each of its 2 classes, got the shape"):
        read(np.zeros(shape), ("ant", "bee"), ["a.png"], 1)


@pytest.mark.parametrize("side", [8, 64, 900])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_frame_is_where_the_box_is(side, channels):
    answer = read(OUTPUT, ("ant", "bee"), ["a.png", "b.png"], 1)[1]
    pixels = np.full((side, 2 * side, channels), 9, np.uint8)
    drawn = DRAW["localisation"](answer, pixels)
    height = side * max(1, 256 // (2 * side))  # small ones are enlarged by a whole number
    assert drawn.shape == (height, 2 * height, 3)
    assert drawn[round(0.7 * height), round(0.4 * 2 * height) - 1].tolist() == list(FOUND)
    assert drawn[-1, -1].tolist() == [9, 9, 9]
    assert (pixels == 9).all()


def test_an_answer_that_is_no_number_is_a_problem_of_its_picture():
    output = np.array([[[1.0, 0, 0, 1, 1]], [[1.0, 0, np.nan, 1, 1]], [[np.nan, 0, 0, 1, 1]]], np.float32)
    told = [getattr(each, "problem", None) for each in read(output, ("bee",), ["a.png", "b.png", "c.png"], 1)]
    assert told == [None, NO_NUMBERS, NO_NUMBERS]
