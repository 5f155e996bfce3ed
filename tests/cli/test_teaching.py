"""`striate optimizers` and `striate views`: parse, compute, write."""

import json

import numpy as np
import pytest
from PIL import Image


def test_the_verb_tells_what_it_took(striate, tmp_path):
    drawing = tmp_path / "o.svg"
    answer = striate("optimizers", "ravine", "--steps", "5", "--output", str(drawing), "--json")
    told = json.loads(answer.out)
    newton = next(walk for walk in told["walks"] if walk["method"] == "Newton")
    assert newton["evaluations"] == {"heights": 2, "gradients": 1, "hessians": 1} and newton["steps"] == 1
    assert told["file"] == str(drawing) and drawing.exists()


def test_another_ending_and_another_surface_are_told(striate):
    refused = striate("optimizers", "--output", "o.gif").mistake()
    assert refused == "striate: --output must end with .html or .svg, got 'o.gif'"
    assert "unknown surface 'beal'; did you mean 'beale'?" in striate("optimizers", "beal").mistake()


def test_views_have_equal_answers_and_pyramids_lose_nothing(striate, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (30, 1_500), np.uint8)
    Image.fromarray(noise).save(tmp_path / "wide.png")
    answer = striate("views", tmp_path / "wide.png", "--output", tmp_path / "v.html", "--json")
    told = json.loads(answer.out)
    # By hand, the first window: 3 - 1 + 2 - 16 + 2 - 2.
    assert told["answers"].popitem()[1][0] == [-12, -8, 5]
    assert len({str(rows) for rows in told["answers"].values()}) == 1 and len(told["answers"]) == 4
    assert told["weights"] == {"fully connected": 48, "locally connected": 18, "convolution": 3}
    assert told["pyramids"]["levels"] == [[20, 1024], [10, 512], [5, 256], [3, 128], [2, 64]]
    assert told["pyramids"]["largest_error"] < 1e-6
    assert (tmp_path / "v.html").read_text("utf-8").count("<img") == 10


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        ("none.png", "none.png cannot be read (No such file or directory)"),
        ("text.png", "is not a picture in a known format"),
    ],
)
def test_a_picture_that_is_none_is_told(striate, tmp_path, file, sentence):
    (tmp_path / "text.png").write_text("no picture at all")
    refused = striate("views", tmp_path / file, "--output", tmp_path / "v.html").mistake()
    assert sentence in refused
    assert not (tmp_path / "v.html").exists()
