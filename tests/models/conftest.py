"""What the tests of the zoo share: networks on meta (no weights allocated), an independent count of MACs."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest
import torch
from torch import Tensor, nn

from striate.models import Network, create_model
from striate.models.perceptron import Perceptron

Build = Callable[..., Network]
Count = Callable[[nn.Module, tuple[int, ...]], int]


@cache
def _on_meta(name: str, classes: int | None = None, in_channels: int | None = None) -> Network:
    with torch.device("meta"):
        return create_model(name, classes=classes, in_channels=in_channels).eval()


@pytest.fixture(scope="session")
def on_meta() -> Build:
    """A network on meta, in eval mode; every test gets the same one, so leave it as it is."""
    return _on_meta


def smallest_size(model: Network) -> tuple[int, int]:
    """Height and width of the smallest picture that the network says it takes."""
    if isinstance(model, Perceptron):
        return model.preprocess.size
    return model.smallest_px, model.smallest_px


@pytest.fixture(scope="session")
def pictures() -> Callable[..., Tensor]:
    """Pictures of the smallest size that a network takes, on meta unless told."""

    def draw(model: Network, count: int = 2, device: str = "meta") -> Tensor:
        return torch.rand(count, model.in_channels, *smallest_size(model), device=device)

    return draw


@pytest.fixture
def parameters_of(on_meta: Build) -> Callable[[str], int]:
    """Number of trainable parameters of a network of the zoo."""
    return lambda name: sum(p.numel() for p in on_meta(name).parameters() if p.requires_grad)


def _macs(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> int:
    if isinstance(layer, nn.Conv2d):  # every output number reads one filter
        return output[0].numel() * layer.weight[0].numel()
    if isinstance(layer, nn.ConvTranspose2d):  # every input number is spread over one filter
        return inputs[0][0].numel() * layer.weight[0].numel()
    if isinstance(layer, nn.Linear):
        return layer.weight.numel()
    return 0


@pytest.fixture
def macs_of() -> Count:
    """Multiply-accumulates of convolutions and linear layers for one picture (C, H, W), without biases."""

    def count(model: nn.Module, size: tuple[int, ...]) -> int:
        total = 0

        def add(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            nonlocal total
            total += _macs(layer, inputs, output)

        leaves = [module for module in model.modules() if next(module.children(), None) is None]
        handles = [leaf.register_forward_hook(add) for leaf in leaves]
        try:
            model(torch.empty(1, *size, device="meta"))
        finally:
            for handle in handles:
                handle.remove()
        return total

    return count


@pytest.fixture
def shapes_of() -> Callable[[nn.Module, tuple[int, ...], list[str]], list[tuple[int, ...]]]:
    """(C, H, W) of the outputs of the named layers, in the order of the names."""

    def run(model: nn.Module, size: tuple[int, ...], paths: list[str]) -> list[tuple[int, ...]]:
        shapes: dict[str, tuple[int, ...]] = {}
        handles = []
        for path in paths:

            def note(_: nn.Module, __: object, output: Tensor, path: str = path) -> None:
                shapes[path] = tuple(output.shape[1:])

            handles.append(model.get_submodule(path).register_forward_hook(note))
        try:
            model(torch.empty(1, *size, device="meta"))
        finally:
            for handle in handles:
                handle.remove()
        return [shapes[path] for path in paths]

    return run
