import json
from pathlib import Path

import numpy as np
import pytest

from detected import ANT, EMPTY, SHIFTED, SIZE, drawn_data, evaluated
from striate.answers.box_drawing import FOUND, TRUE
from striate.tasks.detection.examples import MISSED_BOX, costliest_errors, window


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return drawn_data(tmp_path_factory.mktemp("drawn"))


@pytest.fixture(scope="module")
def examples(data):
    return costliest_errors(*evaluated(data)[:1], data, evaluated(data)[1])


def of_kind(examples, kind):
    return [each for each in examples if each.kind == kind]


def test_every_kind_is_shown_with_its_picture_and_told(examples):
    told = {(each.kind, Path(each.name).stem, each.caption) for each in examples}
    assert told == {
        ("class", "b", "bee (85%) in place of ant"),
        ("double", "b", "a second bee (60%)"),
        ("place", "c", "ant (75%), IoU 0.39"),
        ("background", "c", "cat (55%) where nothing is"),
        ("both", "d", "bee (50%) near ant, IoU 0.39"),
        ("missed", "c", "missed: 1 cat"),
        ("missed", "d", "missed: 1 ant"),
        ("right", "a", "2 of 2 found"),
        ("right", "d", "1 of 2 found, 1 false"),
        ("right", "f", "6 of 6 found"),
    }


def test_what_costs_most_comes_first_and_what_went_well_last(data, examples):
    costs = evaluated(data)[0].costs
    kinds = [each.kind for each in examples]
    wrong = list(dict.fromkeys(kind for kind in kinds if kind != "right"))
    assert wrong == sorted(wrong, key=lambda kind: -costs[kind])
    assert kinds[-3:] == ["right"] * 3
    assert [Path(each.name).stem for each in of_kind(examples, "right")] == ["f", "a", "d"]


def test_boxes_are_drawn_where_they_are(examples):
    (place,) = of_kind(examples, "place")
    assert place.pixels.shape == (240, 320, 3)  # all of the picture, twice as large
    for (left, top, right, bottom), colour in ((ANT, TRUE), (SHIFTED, FOUND)):
        for y, x in ((top, right - 5), (bottom - 0.5, left + 15), (top + 5, right - 0.5)):
            assert tuple(place.pixels[int(2 * y), int(2 * x)]) == colour, (y, x)
    missed = of_kind(examples, "missed")[0]
    assert (missed.pixels == MISSED_BOX).all(2).sum() > 100
    assert not any((each.pixels == MISSED_BOX).all(2).any() for each in examples if each.kind != "missed")


def test_examples_are_json_without_their_pictures(examples):
    told = [json.loads(json.dumps(each.to_dict())) for each in examples]
    (wrong,) = (each for each in told if each["kind"] == "class")
    assert wrong | {"name": "", "score": 0.85} == {
        "name": "", "kind": "class", "said": "bee (85%) in place of ant", "objects": 2, "label": "bee", "score": 0.85,
        "truth": "ant", "iou": 1.0,
    }  # fmt: skip


def test_a_picture_that_is_gone_is_left_out(tmp_path):
    data = drawn_data(tmp_path)
    found, numbers = evaluated(data)
    (tmp_path / "c.png").write_bytes(b"no picture")
    assert {Path(each.name).stem for each in costliest_errors(found, data, numbers)} == {"a", "b", "d", "f"}


def test_what_is_about_a_small_error_is_shown(examples):
    (nothing,) = of_kind(examples, "background")
    at = window(np.array([EMPTY], np.float64), np.array(SIZE))
    assert at == (40, 30, 160, 120)  # three times as high as the box, moved into the picture
    assert nothing.pixels.shape == (240, 320, 3)
    scale = 320 / 120
    left, top, right, bottom = (round(scale * (edge - first)) for edge, first in zip(EMPTY, at[:2] * 2, strict=True))
    assert tuple(nothing.pixels[top, (left + right) // 2]) == FOUND
    assert tuple(nothing.pixels[(top + bottom) // 2, left]) == FOUND
    assert nothing.pixels[(top + bottom) // 2, (left + right) // 2].max() < 160
