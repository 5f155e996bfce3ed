"""What a prompt and a notebook show of records."""

from __future__ import annotations

import torch
from torch import nn

import striate
from striate.analysis.effective_field import effective_field
from striate.deploy.predictions import Prediction
from striate.tasks.classification import Evaluation


def test_records_are_a_few_lines(embedded):
    evaluation = Evaluation(
        tuple(f"c{n}" for n in range(400)), torch.eye(400).long(), 400, 1.0, *(torch.zeros(400) for _ in range(3))
    )
    shown = [
        striate.load("embedded"),
        striate.summarize(striate.create_model("resnet18")),
        evaluation,
        effective_field(nn.Sequential(nn.Conv2d(3, 4, 3)), size=(3, 9, 9), layer="0", pictures=1),
        striate.get_recipe("fast"),
    ]
    for record in shown:
        lines = repr(record).splitlines()
        assert lines[0] == type(record).__name__
        assert 2 < len(lines) <= 18
        assert max(map(len, lines)) < 140
        assert "tensor" not in repr(record)
        assert record._repr_html_().count("<tr>") == len(lines) - 1


def test_names_are_text_in_a_notebook():
    prediction = Prediction("<b>\x1b[2J.png", "<i>", 0.5, (("<i>", 0.5),))
    assert "<td>&lt;b&gt;\\x1b[2J.png</td>" in prediction._repr_html_()
    assert "<th>&lt;i&gt;</th><td>50.0%</td>" in prediction._repr_html_()
    assert repr(prediction) == "Prediction\n  path  <b>\\x1b[2J.png\n  <i>   50.0%"


def test_a_recipe_shows_what_is_not_default():
    assert repr(striate.Recipe("lenet5", epochs=7)) == "Recipe\n  model   lenet5\n  epochs  7"
