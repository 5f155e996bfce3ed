"""One contract over the whole zoo, part one: names, shapes, sizes. A new network is tested by being listed."""

from __future__ import annotations

import importlib
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from striate.core.errors import StriateError
from striate.models import ZOO, Network, create_model, list_models
from striate.models.perceptron import Perceptron

ALL = list_models()
Build = Callable[..., Network]
Draw = Callable[..., Tensor]


@pytest.fixture(params=ALL)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_every_name_is_a_builder_that_can_be_imported() -> None:
    models = importlib.import_module("striate.models")
    for each, builder in ZOO.items():
        assert getattr(models, each) is builder is getattr(models, builder.__name__)
        assert each in models.__all__
        assert builder.__doc__


@pytest.mark.parametrize(("classes", "in_channels"), [(1, 4), (7, 1)])
def test_any_classes_and_channels(name: str, classes: int, in_channels: int, on_meta: Build, pictures: Draw) -> None:
    model = on_meta(name, classes, in_channels)
    assert model.in_channels == in_channels == model.preprocess.channels
    assert model.architecture == name
    assert model(pictures(model)).shape == (2, classes)


def test_shapes_at_the_papers_size(name: str, on_meta: Build) -> None:
    model = on_meta(name)
    images = torch.empty(3, model.in_channels, *model.preprocess.size, device="meta")
    features = model.forward_features(images)
    logits = model.forward_head(features)
    assert logits.shape in ((3, 10), (3, 200), (3, 1000))
    assert model(images).shape == logits.shape


def test_pre_logits_are_what_the_last_layer_reads(name: str, on_meta: Build, pictures: Draw) -> None:
    model = on_meta(name)
    assert model.get_classifier() is model.get_submodule(model.classifier_name)
    features = model.forward_features(pictures(model))
    read: list[torch.Size] = []
    handle = model.get_classifier().register_forward_pre_hook(lambda _, inputs: read.append(inputs[0].shape))
    model.forward_head(features)
    handle.remove()
    assert read == [model.forward_head(features, pre_logits=True).shape]


def test_features_info_is_true(name: str, on_meta: Build, shapes_of: Callable[..., list[tuple[int, ...]]]) -> None:
    """Channels by running; stride by growing the picture: s * m more pixels must give m more cells."""
    model = on_meta(name)
    assert model.features_info
    if isinstance(model, Perceptron):
        assert model.features_info[0].channels == model.get_classifier().in_features
        return
    side = max(model.smallest_px, 40)
    paths = [feature.name for feature in model.features_info]
    here = shapes_of(model, (model.in_channels, side, side), paths)
    coarsest = max(feature.stride for feature in model.features_info)
    larger = shapes_of(model, (model.in_channels, side + 3 * coarsest, side + 2 * coarsest), paths)
    for feature, (channels, height, width), grown in zip(model.features_info, here, larger, strict=True):
        cells = coarsest // feature.stride
        assert channels == feature.channels
        assert grown == (channels, height + 3 * cells, width + 2 * cells)


def works(model: Network, side: int) -> bool:
    """Whether the arithmetic itself allows a size, auxiliary heads included, the declared one not asked."""
    images = torch.empty(2, model.in_channels, side, side, device="meta")
    try:
        with torch.no_grad():
            model._heads(images)
    except RuntimeError:
        return False
    return True


def test_smallest_size_found_by_trial(name: str, on_meta: Build) -> None:
    model = on_meta(name)
    if isinstance(model, Perceptron):
        pytest.skip("reads exactly one size; tested below")
    declared = model.smallest_px
    tried = sorted({1, max(declared // 2, 1), max(declared - 1, 1), declared})
    found = next(side for side in tried if works(model, side))
    assert found == declared
    if found > 1:
        below = found - 1
        with pytest.raises(
            StriateError,
            match=rf"^{name}: a {below}x{below} picture is too small: layer '(\S+)' \((\w+)\) gets \d+x\d+; "
            rf"the smallest that works is {found}x{found}$",
        ) as caught:
            model(torch.empty(2, model.in_channels, below, below, device="meta"))
        layer = str(caught.value).split("'")[1]
        assert next(model.get_submodule(layer).children(), None) is None


def test_a_size_below_one_is_refused() -> None:
    with pytest.raises(StriateError, match="resnet20: size must be at least 1, got 0"):
        create_model("resnet20", size=(0, 8))


def test_the_layer_that_fails_is_named() -> None:
    """62 px: conv1 gives 13, pool1 6, pool2 2, and pool5 cannot lay a 3x3 window into 2x2."""
    with torch.device("meta"):
        model = create_model("alexnet")
    message = (
        r"^alexnet: a 62x62 picture is too small: layer 'features\.pool5' \(MaxPool2d\) gets 2x2; "
        r"the smallest that works is 67x67$"
    )
    with pytest.raises(StriateError, match=message):
        model(torch.empty(1, 3, 62, 62, device="meta"))


@pytest.mark.parametrize("name", ["perceptron", "mlp"])
def test_perceptrons_read_one_size(name: str) -> None:
    model = create_model(name, size=(8, 12))
    assert model(torch.zeros(2, 1, 8, 12)).shape == (2, 10)
    layer = {"perceptron": "classifier", "mlp": "hidden.1"}[name]
    with pytest.raises(StriateError, match=f"layer '{layer}' reads every pixel of a 8x12 picture, got 8x13"):
        model(torch.zeros(2, 1, 8, 13))


def test_wrong_pictures_are_refused(name: str, on_meta: Build) -> None:
    model = on_meta(name)
    channels = model.in_channels
    height, width = model.preprocess.size
    with pytest.raises(StriateError, match=rf"{name}: pictures must be \(N, {channels}, H, W\), got \(1, 5, "):
        model(torch.empty(1, 5, height, width, device="meta"))
    with pytest.raises(StriateError, match=rf"pictures must be \(N, {channels}, H, W\), got \({channels}, "):
        model(torch.empty(channels, height, width, device="meta"))


def test_which_networks_have_dropout(on_meta: Build) -> None:
    with_dropout = {n for n in ALL if any(isinstance(m, nn.Dropout) for m in on_meta(n).modules())}
    assert {"alexnet", "vgg16", "googlenet", "nin", "inception_v4", "fractalnet20"} <= with_dropout
    assert not {"lenet5", "resnet50", "resnet20", "densenet121", "perceptron"} & with_dropout


def test_pixels_that_are_not_normalised_are_refused_in_one_sentence():
    network = create_model("resnet20")
    with pytest.raises(
        StriateError,
        match=r"resnet20: pictures must be floating-point numbers that are normalised, got torch\.uint8; "
        r"striate\.data\.picture\.normalise\(pictures, network\.preprocess\) makes them of 0\.\.255",
    ):
        network(torch.zeros(2, 3, 32, 32, dtype=torch.uint8))
