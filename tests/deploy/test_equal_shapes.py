"""In fp32 the bits of an answer are those of its picture, whatever else is asked with it."""

from __future__ import annotations

import numpy as np
import torch

import striate
from factories import noise
from striate.answers.classes import Prediction
from striate.core.records import Preprocess
from striate.deploy.equal_shapes import AT_ONCE, at_once, in_equal_shapes


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


def test_in_fp32_other_programs_do_not_change_the_number_of_threads(monkeypatch):
    monkeypatch.setattr("striate.runtime.runtime.threads_beside_others", lambda threads: 1)
    run = striate.load("embedded", precision="fp32")
    with run.computing():
        assert torch.get_num_threads() == run.runtime.threads


def test_a_network_that_answers_by_place_is_asked_one_by_one():
    def by_place(pictures, names):
        return [Prediction("", str(place), 1.0, ()) for place in range(len(pictures))]

    def by_picture(pictures, names):
        return [Prediction(name, str(pixels.max()), 1.0, ()) for name, pixels in zip(names, pictures, strict=True)]

    preprocess = Preprocess((8, 8), (8, 8))
    assert at_once(by_place, preprocess) == 1
    assert at_once(by_picture, preprocess) == AT_ONCE
    pixels = np.stack([np.full((8, 8, 3), number, np.uint8) for number in range(1, 6)])
    answered = in_equal_shapes(by_picture, AT_ONCE, pixels, "abcde")
    assert [(each.path, each.label) for each in answered] == [(name, str(n)) for n, name in enumerate("abcde", 1)]
