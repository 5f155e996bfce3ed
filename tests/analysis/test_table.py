from __future__ import annotations

import csv
import io
import json
import re

import pytest
from torch import nn

from striate.analysis.summary import Summary, summarize
from striate.analysis.table import as_csv, as_markdown, as_text, folded
from striate.meta.weightless import blueprint
from striate.models import create_model

COLUMNS = {"params": "params", "MACs": "macs", "activations": "activations"}


@pytest.fixture(scope="module")
def cost() -> Summary:
    return summarize(blueprint(lambda: create_model("resnet18")))


def text_cells(text: str) -> list[list[str]]:
    """The printed table, cut at the ends of the headings; a number may be wider than its heading but ends with it."""
    lines = text.splitlines()[1:]
    ends = [match.end() for match in re.finditer(r"\S+( px)?", lines[0])][3:]
    table = [line for line in lines[2:] if not line.startswith(("-", "memory", "not counted", "windows"))]
    return [[line[:end].rsplit(" ", 1)[-1] for end in ends] for line in table]


def markdown_cells(text: str) -> list[list[str]]:
    table = [line for line in text.splitlines() if line.startswith("| ")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")][3:] for line in table]


@pytest.mark.parametrize("depth", [None, 1, 2])
@pytest.mark.parametrize(("write", "read"), [(as_text, text_cells), (as_markdown, markdown_cells)])
def test_shown_columns_sum_to_the_shown_total(cost: Summary, write: object, read: object, depth: int | None) -> None:
    *rows, total = read(write(cost, depth))  # type: ignore[operator]
    for column, quantity in enumerate(COLUMNS.values()):
        shown = [int(row[column].replace(",", "")) for row in (*rows, total)]
        assert sum(shown[:-1]) == shown[-1] == getattr(cost, quantity)


def test_csv_adds_up(cost: Summary) -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(cost))))
    assert len(rows) == len(cost.rows)
    for quantity in COLUMNS.values():
        assert sum(int(row[quantity]) for row in rows) == getattr(cost, quantity)
    assert (rows[0]["kind"], rows[0]["out_shape"], rows[1]["field_px"]) == ("Input", "1x3x224x224", "7x7")


def test_whole_text() -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3, stride=3, bias=False), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 4, 10))
    assert str(summarize(model, (3, 7, 7))).splitlines() == [
        "Sequential, one picture of 3x7x7",
        "layer  kind     output  params   MACs  activations  field px  jump px",
        "---------------------------------------------------------------------",
        "       Input    3x7x7        0      0          147         1        1",
        "0      Conv2d   8x2x2      216    864           32         3        3",
        "1      ReLU     8x2x2        0      0            0         3        3",
        "2      Flatten  32           0      0            0         6        0",
        "3      Linear   10         330    320           10         6        0",
        "---------------------------------------------------------------------",
        "total                      546  1,184          189",
        "memory: 2.2 kB of weights; inference at least 716 bytes more (what Python holds and the kernels' work space "
        "come on top); training keeps 716 bytes per picture",
        "not counted as MACs: relu x 1; biases",
        "windows that do not fit, and what they never see at the far end: 0 1 px",
    ]


def test_fold_by_depth(cost: Summary) -> None:
    rows = folded(cost.rows, 1)
    stages = ["layer1", "layer2", "layer3", "layer4"]
    assert [row.path for row in rows] == ["", "conv1", "bn1", "relu", "maxpool", *stages, "avgpool", "fc"]
    layer1 = rows[5]
    assert layer1.kind == "14 rows"  # two blocks of 2 (convolution, norm, ReLU) and an addition
    assert layer1.params == 4 * 64 * 64 * 9 + 4 * 2 * 64
    assert layer1.macs == 4 * 64 * 64 * 9 * 56 * 56
    assert (layer1.in_shape, layer1.out_shape) == ((1, 64, 56, 56), (1, 64, 56, 56))
    assert (layer1.field_px, layer1.jump_px) == (11 + 4 * 2 * 4, 4)


def test_dict_is_json(cost: Summary) -> None:
    told = json.loads(json.dumps(cost.to_dict()))
    assert told["macs"] == cost.macs == sum(row["macs"] for row in told["rows"])
    assert told["rows"][0]["out_shape"] == [1, 3, 224, 224]
    assert told["rows"][1]["field_px"] == [7, 7]


def test_markdown_escapes_names() -> None:
    model = nn.Sequential()
    model.add_module("<b>|_", nn.Linear(2, 2))
    assert "<b>\\|\\_" in as_markdown(summarize(model, (2,)))
