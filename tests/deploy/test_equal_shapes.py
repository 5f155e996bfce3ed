"""In fp32 the bits of an answer are those of its picture, whatever else is asked with it."""

from __future__ import annotations

import numpy as np
import pytest

import striate
from factories import encoded, noise
from striate.answers.classes import Prediction
from striate.core.records import Preprocess
from striate.deploy.equal_shapes import TOGETHER, in_equal_shapes, most_together


def test_a_picture_is_answered_alike_alone_among_others_and_anywhere():
    run = striate.load("embedded", precision="fp32")
    pixels, names = noise(7, run.preprocess.resize[0]), [str(number) for number in range(7)]
    with run.computing():
        together = [each.to_dict() for each in run.answer(pixels, names, 200)]
        alone = [
            each.to_dict() for one in range(7) for each in run.answer(pixels[one : one + 1], names[one : one + 1], 200)
        ]
        backwards = [each.to_dict() for each in run.answer(pixels[::-1].copy(), names[::-1], 200)]
    assert alone == together == backwards[::-1]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_folders_streams_and_single_pictures_are_answered_alike(precision, tmp_path):
    for number, pixels in enumerate(noise(37, 90)):
        (tmp_path / f"{number:02}.png").write_bytes(encoded(pixels))
    paths = sorted(tmp_path.iterdir())
    run = striate.load("embedded", precision=precision)
    of_folder = [each.to_dict() for each in run.predict(tmp_path, top=200)]
    assert of_folder[:7] == [each.to_dict() for each in run.predict(paths[:7], top=200)]
    assert of_folder[:3] == [run.predict(path, top=200)[0].to_dict() for path in paths[:3]]


def test_a_network_that_answers_by_place_or_number_is_asked_by_ones_or_fours():
    def by_place(pictures, names):
        return [Prediction("", str(place), 1.0, ()) for place in range(len(pictures))]

    def by_picture(pictures, names):
        return [Prediction(name, str(pixels.max()), 1.0, ()) for name, pixels in zip(names, pictures, strict=True)]

    def by_number(pictures, names):
        return [Prediction(name, str(len(pictures)), 1.0, ()) for name in names]

    preprocess = Preprocess((8, 8), (8, 8))
    assert most_together(by_place, preprocess) == 1
    assert most_together(by_number, preprocess) == TOGETHER
    assert most_together(by_picture, preprocess) is None
    pixels = np.stack([np.full((8, 8, 3), number, np.uint8) for number in range(1, 6)])
    for together in (1, TOGETHER, None):
        answered = in_equal_shapes(by_picture, together, pixels, "abcde")
        assert [(each.path, each.label) for each in answered] == [(name, str(n)) for n, name in enumerate("abcde", 1)]
