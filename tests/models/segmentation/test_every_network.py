"""One contract over all networks for segmentation. A new network is tested by being listed."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import nn

import striate
from striate.analysis.summary import summarize
from striate.core.errors import StriateError
from striate.models import DETECTORS, INSTANCES, NAMED, SEGMENTATION, ZOO, Network, create_model, list_models
from striate.models.segmentation import PixelwiseNetwork

torch.set_num_threads(1)
Build = Callable[..., Network]


@pytest.fixture(params=list(SEGMENTATION))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_every_name_is_a_builder_that_can_be_imported() -> None:
    module = importlib.import_module("striate.models.segmentation")
    assert not ZOO.keys() & SEGMENTATION.keys()
    assert list(NAMED) == [*ZOO, *SEGMENTATION, *DETECTORS, *INSTANCES]
    assert list_models(task="segmentation") == list(SEGMENTATION)
    for each, builder in SEGMENTATION.items():
        assert getattr(module, each) is builder
        assert each in module.__all__
        assert builder.__doc__


def test_a_task_without_networks_is_refused() -> None:
    with pytest.raises(StriateError, match="task 'segmentatoin'"):
        list_models(task="segmentatoin")


def largest_multiple(network: Network) -> int:
    assert isinstance(network, PixelwiseNetwork)
    return max(network.multiple_px, network.smallest_px)


@pytest.mark.parametrize(("classes", "in_channels"), [(1, 4), (7, 1)])
def test_any_size_classes_and_channels(name: str, classes: int, in_channels: int, on_meta: Build) -> None:
    network = on_meta(name, classes, in_channels)
    assert (network.architecture, network.classes) == (name, classes)
    assert network.in_channels == in_channels == network.preprocess.channels
    least = network.smallest_px
    for height, width in ((least, least + 1), (least + 36, least + 51), (256, 240)):
        logits = network(torch.empty(2, in_channels, height, width, device="meta"))
        assert logits.shape == (2, classes, height, width)


def test_too_small_pictures_are_refused(name: str, on_meta: Build) -> None:
    network = on_meta(name)
    if (least := network.smallest_px) > 1:
        with pytest.raises(StriateError, match=f"the smallest that works is {least}x{least}"):
            network(torch.empty(1, network.in_channels, least, least - 1, device="meta"))


def test_classifier_and_stages_are_where_they_are_said_to_be(name: str, on_meta: Build) -> None:
    network = on_meta(name, 5)
    layer = network.get_classifier()
    assert isinstance(layer, nn.Conv2d) and layer.out_channels == 5
    side = 4 * max(largest_multiple(network), 64)
    seen: dict[str, torch.Size] = {}
    for feature in network.features_info:
        network.get_submodule(feature.name).register_forward_hook(
            lambda _, __, output, path=feature.name: seen.__setitem__(path, output.shape)
        )
    network(torch.empty(1, network.in_channels, side, side, device="meta"))
    for feature in network.features_info:
        assert seen[feature.name][1] == feature.channels
        assert seen[feature.name][2] == pytest.approx(side / feature.stride, abs=200 / feature.stride + 1)


def test_other_classes_later(name: str) -> None:
    with torch.device("meta"):
        network = create_model(name, classes=3)
        network.reset_classifier(6)
        fresh = create_model(name, classes=6)
    assert {key: value.shape for key, value in network.state_dict().items()} == {
        key: value.shape for key, value in fresh.state_dict().items()
    }
    assert [path for path, _ in network.named_modules()] == [path for path, _ in fresh.named_modules()]
    with pytest.raises(StriateError, match=f"{name}: classes must be at least 1, got 0"):
        network.reset_classifier(0)


def test_every_parameter_gets_a_gradient(name: str) -> None:
    """By operators alone: a graph is recorded on meta as elsewhere."""
    with torch.device("meta"):
        network = create_model(name, classes=3).train()
    images = torch.empty(2, network.in_channels, *[network.smallest_px + 31] * 2, device="meta")
    heads = network.training_logits(images)
    assert heads[0][0] == 1.0
    assert all(logits.shape == (2, 3, *images.shape[2:]) for _, logits in heads)
    sum(weight * logits.sum() for weight, logits in heads).backward()
    assert [path for path, parameter in network.named_parameters() if parameter.grad is None] == []


def test_its_cost_is_told(name: str, on_meta: Build) -> None:
    network = on_meta(name)
    found = summarize(network, size=(max(network.smallest_px, 64),) * 2)
    assert found.macs > 0
    assert found.run_on == "meta"
    assert found.params == sum(parameter.numel() for parameter in network.parameters())
    ran = [row for row in found.rows if row.kind != "not run"]  # an auxiliary head does not
    assert ran[-1].out_shape[1] == network.classes


def test_classes_of_whole_pictures_are_not_learned_by_it(tmp_path: Path) -> None:
    for label in ("cat", "dog"):
        (tmp_path / "photos" / label).mkdir(parents=True)
        for number in range(6):
            Image.new("RGB", (32, 32), (number, 0, 0)).save(tmp_path / "photos" / label / f"{number}.png")
    with pytest.raises(
        StriateError, match="fcn8s answers with a class for every pixel, and classification asks for one class a pic"
    ):
        striate.train(tmp_path / "photos", model="fcn8s", run=tmp_path / "run")
