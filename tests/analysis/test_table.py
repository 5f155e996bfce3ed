from __future__ import annotations

import json

import pytest
import torch
from torch import nn

from striate.analysis.summary import Summary, summarize
from striate.analysis.table import as_text, folded
from striate.models import create_model


@pytest.fixture(scope="module")
def cost() -> Summary:
    with torch.device("meta"):
        return summarize(create_model("resnet18"))


def column_sum(text: str, heading: str) -> tuple[int, int]:
    """Sum of the printed cells of a column, and the printed total."""
    _, headings, _, *lines = text.splitlines()
    end = headings.index(heading) + len(heading)
    cells = [
        int(line[:end].rsplit(" ", 1)[-1].replace(",", "")) for line in lines if line[:1].isalnum() or line[:1] == " "
    ]
    return sum(cells[:-1]), cells[-1]


@pytest.mark.parametrize("depth", [None, 1, 2])
@pytest.mark.parametrize(("heading", "total"), [("params", "params"), ("MACs", "macs"), ("activations", "activations")])
def test_printed_columns_sum_to_the_printed_total(cost: Summary, heading: str, total: str, depth: int | None) -> None:
    text = as_text(cost, depth).rpartition("\n")[0]
    assert column_sum(text, heading) == (getattr(cost, total), getattr(cost, total))


def test_whole_text() -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 10))
    assert str(summarize(model, (3, 8, 8))).splitlines() == [
        "Sequential, one picture of 3x8x8",
        "layer  kind     output  params    MACs  activations",
        "---------------------------------------------------",
        "       Input    3x8x8        0       0          192",
        "0      Conv2d   8x6x6      216   7,776          288",
        "1      ReLU     8x6x6        0       0            0",
        "2      Flatten  288          0       0            0",
        "3      Linear   10       2,890   2,880           10",
        "---------------------------------------------------",
        "total                    3,106  10,656          490",
        "not counted as MACs: relu x 1; biases",
    ]


def test_fold_by_depth(cost: Summary) -> None:
    paths = [row.path for row in folded(cost.rows, 1)]
    assert paths == ["", "conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4", "avgpool", "fc"]
    layer1 = folded(cost.rows, 1)[5]
    assert layer1.params == 4 * 64 * 64 * 9 + 4 * 2 * 64
    assert layer1.macs == 4 * 64 * 64 * 9 * 56 * 56
    assert (layer1.in_shape, layer1.out_shape) == ((1, 64, 56, 56), (1, 64, 56, 56))


def test_dict_is_json(cost: Summary) -> None:
    told = json.loads(json.dumps(cost.to_dict()))
    assert told["macs"] == cost.macs == sum(row["macs"] for row in told["rows"])
    assert told["rows"][0]["out_shape"] == [1, 3, 224, 224]
