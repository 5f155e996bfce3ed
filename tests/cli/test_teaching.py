"""`striate optimizers`: parse, compare, write."""

import json


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
