"""`step`: its list of layers, numbers, page, what cannot be."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    file = tmp_path_factory.mktemp("picture") / "p.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (32, 32), np.uint8)).save(file)
    return file


def test_layers_are_listed(striate, picture):
    told = json.loads(striate("step", "lenet5", picture, "--json").out)
    assert told[0] == {"layer": "features.c1", "operation": "conv2d", "shape": [1, 6, 28, 28]}
    assert "features.c1" in striate("step", "lenet5", picture).out


def test_the_numbers_make_the_answer(striate, picture, tmp_path):
    page = tmp_path / "s.html"
    words = ("step", "lenet5", picture, "--layer", "features.c3", "--at", "3,5,7", "--class", "2", "--output", page)
    told = json.loads(striate(*words, "--json").out)
    read, weights, bias = told["terms"]
    assert (read["of"], weights["of"], bias["of"]) == ("input", "features.c3.weight", "features.c3.bias")
    products = [x * w for x, w in zip(read["values"], weights["values"], strict=True)]
    assert sum(products) + bias["values"][0] == pytest.approx(told["torch_value"], abs=1e-12)
    assert weights["gradients"] == pytest.approx([told["gradient"] * x for x in read["values"]], abs=1e-15)
    assert read["places"][0] == [0, 0, 5, 7] and len(products) == 6 * 25
    update = told["update"]
    assert update["new"] == pytest.approx(update["value"] + 0.01 * update["gradient"])
    assert update["after"] == pytest.approx(update["predicted"], abs=1e-3)
    assert "features.c3</bdi> at 3, 5, 7" in page.read_text("utf-8")
    assert "features.c3.bias" in striate(*words).out or "features.c3.weight" in striate(*words).out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--layer", "features.c33"), "unknown layer 'features.c33'; did you mean 'features.c3'"),
        (
            ("--layer", "features.c1", "--at", "6,0,0"),
            "gives 6 x 28 x 28 numbers, so the place is from 0,0,0 to 5,27,27",
        ),
        (("--layer", "features.c1", "--at", "1,x"), "--at takes whole numbers from 0 with commas between"),
        (("--layer", "features.c1", "--class", "10"), "has classes 0 to 9, got 10"),
        (("--layer", "features.c1", "--class", "cat"), "has no names of classes; name one by its number, got 'cat'"),
    ],
)
def test_what_cannot_be_is_one_sentence(striate, picture, words, sentence, tmp_path):
    assert sentence in striate("step", "lenet5", picture, *words, "--output", tmp_path / "s.html").mistake()
    assert not (tmp_path / "s.html").exists()
