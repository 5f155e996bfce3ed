from __future__ import annotations

import json

import pytest

from striate.analysis.screen import EVERY_ROW, screen
from striate.analysis.stages import SCREEN
from striate.core.errors import StriateError
from striate.meta.weightless import blueprint
from striate.models import ZOO, create_model


def shown(name: str, **options):
    return screen(blueprint(lambda: create_model(name)), **options)


@pytest.mark.parametrize("name", [name for name in ZOO if name != "resnet1202"])
def test_every_network_fits_a_screen_and_adds_up(name: str) -> None:
    table = shown(name)
    assert 3 <= len(table.lines) <= SCREEN
    assert sum(line.row.params for line in table.lines) == table.summary.params
    assert sum(line.row.macs for line in table.lines) == table.summary.macs
    assert sum(line.row.activations for line in table.lines) == table.summary.activations
    assert sum(line.kept.at(8) for line in table.lines) == table.summary.kept.at(8)
    assert bool(table.folding) == (len(table.lines) < len(table.summary.rows))


def test_stages_of_the_deepest_residual_network() -> None:
    paths = [line.row.path for line in shown("resnet152").lines]
    assert paths == ["", "conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4", "avgpool", "fc"]


def test_activations_are_on_the_line_of_their_layer() -> None:
    table = shown("resnet18")
    assert [(line.row.path, line.row.kind) for line in table.lines[1:6]] == [
        ("conv1", "Conv2d, BatchNorm2d, ReLU"),
        ("maxpool", "MaxPool2d"),
        ("layer1.0.conv1", "Conv2d, BatchNorm2d, ReLU"),
        ("layer1.0.conv2", "Conv2d, BatchNorm2d, add, ReLU"),
        ("layer1.1.conv1", "Conv2d, BatchNorm2d, ReLU"),
    ]
    assert table.sentences()[0] == "element-wise rows are on the line of their layer; --depth all shows all 69 rows"


@pytest.mark.parametrize(("depth", "lines"), [(1, 11), (2, 5 + 50 + 2 - 1), (EVERY_ROW, 515), (99, 515)])
def test_depth(depth: int, lines: int) -> None:
    table = shown("resnet152", depth=depth)
    columns = table.columns()
    assert {len(cells) for cells in columns.values()} == {len(table.lines) + 1}
    assert (table.folding, len(table.lines)) == ("", lines + (depth == 2))
    assert columns["params"][-1] == "60,192,808" and columns["MACs"][-1] == "11,513,626,624"


def test_folding_networks_whose_norm_pools_over_channels() -> None:
    lines = shown("alexnet", depth=1).lines
    assert [line.row.path for line in lines if line.row.macs] == ["features", "classifier"]


def test_sentences() -> None:
    said = shown("googlenet", batch=8).sentences()
    assert "1.583 GMACs = 3.165 GFLOP for one picture" in said
    assert "6,379,728 of the parameters are read by training only, in auxiliary heads" in said
    assert any(sentence.startswith("training keeps 386.7 MB for a batch of 8") for sentence in said)
    assert any(sentence.startswith("not counted as MACs: relu x 57") for sentence in said)


def test_what_only_training_makes_has_its_own_line() -> None:
    last = shown("googlenet").lines[-1]
    assert last.row.kind == "only in training" and last.kept.at(1) > 0


def test_dict_is_json() -> None:
    told = json.loads(json.dumps(shown("resnet18", batch=4).to_dict()))
    assert told["flops"] == 2 * told["macs"] == 2 * sum(row["macs"] for row in told["rows"])
    assert (told["batch"], told["training_params"], "timing" in told) == (4, 0, False)
    assert told["kept_bytes"] > 3 * told["saved_bytes"]


def test_measured_rows_add_up() -> None:
    table = screen(create_model("lenet5"), batch=2, timed=True)
    columns = table.columns()
    assert list(columns) == ["layer", "kind", "output", "params", "MACs", "ms", "GFLOP/s", "of ceiling"]
    measured = {row.path: row.forward_ms for row in table.timing.rows}
    assert all(line.forward_ms == measured[line.row.path] > 0 for line in table.lines if line.row.path)
    assert sum(measured.values()) == pytest.approx(sum(line.forward_ms for line in table.lines))
    assert "GFLOP/s" in table.sentences()[-1] and "2 pictures" in table.sentences()[-1]
    assert len(table.to_dict()["timing"]["rows"]) == len(table.summary.rows) - 1


def test_numbers_below_one() -> None:
    with pytest.raises(StriateError, match="batch must be at least 1, got 0"):
        shown("lenet5", batch=0)
    with pytest.raises(StriateError, match="depth must be at least 1, got 0"):
        shown("lenet5", depth=0)
