"""One contract over the whole zoo: a new network is tested by being listed."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from striate.core.errors import StriateError
from striate.models import ZOO, Network, create_model, list_models
from striate.models.perceptron import Perceptron
from striate.models.weights import fill

ALL = list_models()
SMALL_PARAMETERS = 12_000_000  # networks up to this size also run with real numbers here
torch.set_num_threads(1)


@pytest.fixture(params=ALL)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def meta(name: str, **asked: int) -> Network:
    with torch.device("meta"):
        return create_model(name, **asked)


def smallest(model: Network) -> tuple[int, int]:
    if isinstance(model, Perceptron):
        return model.preprocess.size
    return model.smallest_px, model.smallest_px


def pictures(model: Network, count: int = 2, device: str = "meta") -> torch.Tensor:
    return torch.rand(count, model.in_channels, *smallest(model), device=device)


def test_every_name_is_a_builder_that_can_be_imported() -> None:
    models = importlib.import_module("striate.models")
    for each, builder in ZOO.items():
        assert getattr(models, each) is builder is getattr(models, builder.__name__)
        assert each in models.__all__
        assert builder.__doc__


@pytest.mark.parametrize(("classes", "in_channels"), [(1, 4), (7, 1)])
def test_any_classes_and_channels(name: str, classes: int, in_channels: int) -> None:
    model = meta(name, classes=classes, in_channels=in_channels)
    assert model.in_channels == in_channels == model.preprocess.channels
    assert model.architecture == name
    assert model(pictures(model)).shape == (2, classes)


def test_shapes_at_the_papers_size(name: str, on_meta: Callable[[str], Network]) -> None:
    model = on_meta(name)
    images = torch.empty(3, model.in_channels, *model.preprocess.size, device="meta")
    features = model.forward_features(images)
    classes = model(images).shape[1]
    assert model.forward_head(features).shape == (3, classes)
    assert model.forward_head(features, pre_logits=True).shape[0] == 3
    assert classes in (10, 1000)


def test_pre_logits_are_what_the_last_layer_reads(name: str, on_meta: Callable[[str], Network]) -> None:
    model = on_meta(name)
    features = model.forward_features(pictures(model))
    read: list[torch.Size] = []
    handle = model.get_classifier().register_forward_pre_hook(lambda _, inputs: read.append(inputs[0].shape))
    model.forward_head(features)
    handle.remove()
    assert read == [model.forward_head(features, pre_logits=True).shape]


def test_every_parameter_gets_a_gradient(name: str) -> None:
    model = meta(name, classes=7).train()
    outputs = model.training_logits(pictures(model))
    assert outputs[0][0] == 1.0
    assert all(logits.shape == (2, 7) for _, logits in outputs)
    sum(weight * logits.sum() for weight, logits in outputs).backward()
    trained = {n: p for n, p in model.named_parameters() if p.requires_grad}
    assert [n for n, p in trained.items() if p.grad is None] == []
    assert [n for n, p in trained.items() if p.grad.shape != p.shape] == []


def test_head_reset(name: str) -> None:
    model = meta(name)
    path = model.classifier_name
    assert model.get_classifier() is model.get_submodule(path)
    before = {n: p for n, p in model.named_parameters() if not n.startswith(path)}
    model.reset_classifier(3)
    assert model(pictures(model)).shape == (2, 3)
    assert all(p.is_meta for p in model.parameters())
    after = {n: p for n, p in model.named_parameters() if not n.startswith(path)}
    changed = [n for n in before if after[n] is not before[n]]
    assert all(n.startswith("aux") for n in changed), changed
    assert all(logits.shape == (2, 3) for _, logits in model.train().training_logits(pictures(model)))
    with pytest.raises(StriateError, match=f"{name}: classes must be at least 1, got 0"):
        model.reset_classifier(0)


def test_features_info_is_true(name: str, shapes_of: Callable[..., list[tuple[int, ...]]]) -> None:
    """Channels by running; stride by growing the picture: s * m more pixels must give m more cells."""
    model = meta(name).eval()
    assert model.features_info
    if isinstance(model, Perceptron):
        assert model.features_info[0].channels == model.get_classifier().in_features
        return
    side = max(smallest(model)[0], 40)
    paths = [feature.name for feature in model.features_info]
    here = shapes_of(model, (model.in_channels, side, side), paths)
    coarsest = max(feature.stride for feature in model.features_info)
    larger = shapes_of(model, (model.in_channels, side + 3 * coarsest, side + 2 * coarsest), paths)
    for feature, (channels, height, width), grown in zip(model.features_info, here, larger, strict=True):
        cells = coarsest // feature.stride
        assert channels == feature.channels
        assert grown == (channels, height + 3 * cells, width + 2 * cells)


def works(model: Network, side: int) -> bool:
    """Whether the arithmetic itself allows a size, the declared one not asked."""
    images = torch.empty(2, model.in_channels, side, side, device="meta")
    try:
        with torch.no_grad():
            model._heads(images)
    except RuntimeError:
        return False
    return True


def test_smallest_size_found_by_trial(name: str) -> None:
    model = meta(name).train()
    if isinstance(model, Perceptron):
        pytest.skip("reads exactly one size; tested below")
    low, high = 0, 1 if works(model, 1) else max(model.preprocess.size)
    assert works(model, high)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if works(model, middle) else (middle, high)
    assert model.smallest_px == high
    if low:
        with pytest.raises(
            StriateError,
            match=rf"^{name}: a {low}x{low} picture is too small: layer '(\S+)' \((\w+)\) gets \d+x\d+; "
            rf"the smallest that works is {high}x{high}$",
        ) as caught:
            model(torch.empty(2, model.in_channels, low, low, device="meta"))
        layer = str(caught.value).split("'")[1]
        assert next(model.get_submodule(layer).children(), None) is None
    with pytest.raises(StriateError, match="size must be at least 1, got 0"):
        create_model(name, size=(0, 8))


@pytest.mark.parametrize("name", ["perceptron", "mlp"])
def test_perceptrons_read_one_size(name: str) -> None:
    model = create_model(name, size=(8, 12))
    assert model(torch.zeros(2, 1, 8, 12)).shape == (2, 10)
    layer = {"perceptron": "classifier", "mlp": "hidden.1"}[name]
    with pytest.raises(StriateError, match=f"layer '{layer}' reads every pixel of a 8x12 picture, got 8x13"):
        model(torch.zeros(2, 1, 8, 13))


def test_wrong_pictures_are_refused(name: str, on_meta: Callable[[str], Network]) -> None:
    model = on_meta(name)
    channels = model.in_channels
    height, width = model.preprocess.size
    with pytest.raises(StriateError, match=rf"{name}: pictures must be \(N, {channels}, H, W\), got \(1, 5, "):
        model(torch.empty(1, 5, height, width, device="meta"))
    with pytest.raises(StriateError, match=rf"pictures must be \(N, {channels}, H, W\), got \({channels}, "):
        model(torch.empty(channels, height, width, device="meta"))


def test_state_dict_names_every_tensor_once(name: str, on_meta: Callable[[str], Network]) -> None:
    state = on_meta(name).state_dict(keep_vars=True)
    assert len({id(tensor) for tensor in state.values()}) == len(state)
    assert all(tensor.is_contiguous() for tensor in state.values())
    fill(meta(name), dict(state), source="itself")


def test_with_real_numbers(name: str, tmp_path: Path, parameters_of: Callable[[str], int]) -> None:
    """Train and eval mode, finite gradients, and a round trip through a safetensors file."""
    if parameters_of(name) > SMALL_PARAMETERS:
        pytest.skip("large: its family's smallest member runs")
    torch.manual_seed(1)
    model = create_model(name, classes=5)
    images = pictures(model, count=4, device="cpu")
    loss = sum(weight * logits.square().mean() for weight, logits in model.train().training_logits(images))
    loss.backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)
    with torch.no_grad():
        model.eval()
        outputs = model(images)
        assert torch.isfinite(outputs).all()
        assert torch.equal(outputs, model(images))
        torch.testing.assert_close(outputs[:1], model(images[:1]), rtol=1e-4, atol=1e-5)
    save_file(model.state_dict(), tmp_path / "weights.safetensors")
    again = create_model(name, classes=5, weights=tmp_path / "weights.safetensors").eval()
    with torch.no_grad():
        assert torch.equal(outputs, again(images))


def test_which_networks_have_dropout(on_meta: Callable[[str], Network]) -> None:
    with_dropout = [n for n in ALL if any(isinstance(m, nn.Dropout) for m in on_meta(n).modules())]
    assert {"alexnet", "vgg16"} <= set(with_dropout)
    assert not {"lenet5", "resnet50", "resnet20", "perceptron"} & set(with_dropout)
