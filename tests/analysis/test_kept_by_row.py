from __future__ import annotations

import pytest
import torch
from torch import nn

from striate.analysis.kept_by_row import kept_by_row
from striate.analysis.summary import summarize
from striate.meta.weightless import blueprint
from striate.models import create_model

WHOLE = ["lenet5", "alexnet", "vgg16_bn", "nin", "resnet18", "resnet50", "densenet40_12", "inception_v4"]


@pytest.mark.parametrize("name", WHOLE)
def test_rows_add_up_to_the_total(name: str) -> None:
    model = blueprint(lambda: create_model(name))
    cost = summarize(model)
    kept = kept_by_row(model, cost.rows, cost.input_shape[1:])
    assert cost.kept is not None
    assert sum(row.per_picture_bytes for row in kept) == cost.kept.per_picture_bytes
    assert sum(row.fixed_bytes for row in kept) == cost.kept.fixed_bytes


def test_by_hand() -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Dropout(0.5), nn.Linear(8 * 4 * 4, 5),
    )  # fmt: skip
    rows = summarize(model, (3, 8, 8)).rows
    told = {row.kind: kept for row, kept in zip(rows, kept_by_row(model, rows, (3, 8, 8)), strict=True)}
    image, maps, pooled = 3 * 8 * 8 * 4, 8 * 8 * 8 * 4, 8 * 4 * 4 * 4
    assert told["Input"].per_picture_bytes == image  # the convolution's weights need it
    assert told["Conv2d"].per_picture_bytes == maps  # batch norm needs it
    assert told["BatchNorm2d"].fixed_bytes == 2 * 8 * 4  # mean and deviation of the batch
    assert told["BatchNorm2d"].per_picture_bytes == 0  # ReLU keeps its own output instead
    assert told["ReLU"].per_picture_bytes == maps  # ReLU and pooling need it, once
    assert told["MaxPool2d"].per_picture_bytes == 2 * pooled  # places of the maxima, 8 bytes each
    assert told["Dropout"].per_picture_bytes == 2 * pooled  # what the product needs, and the mask
    assert told["Linear"].per_picture_bytes == 0


def test_a_layer_that_is_used_twice_and_functions_between() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Conv2d(4, 4, 3, padding=1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.layer(torch.sigmoid(self.layer(x)) * x).sum((2, 3))

    model = Twice()
    rows = summarize(model, (4, 6, 6)).rows
    told = [(row.kind, kept.at(1)) for row, kept in zip(rows, kept_by_row(model, rows, (4, 6, 6)), strict=True)]
    maps = 4 * 6 * 6 * 4
    assert told == [
        ("Input", maps), ("Conv2d", 0), ("sigmoid", maps), ("mul", maps), ("Conv2d", 0), ("sum", 0),
    ]  # fmt: skip


def test_the_model_is_left_as_it_was() -> None:
    model = nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1)).eval()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    kept_by_row(model, summarize(model, (1, 4, 4)).rows, (1, 4, 4))
    assert not model.training and not any("forward" in vars(module) for module in model.modules())
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
