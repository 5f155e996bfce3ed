"""DenseNets: published sizes, table 1's shapes, and the dense connection itself."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
import torch

from striate.models.densenet import DenseBlock, bottleneck_layer, plain_layer

torch.set_num_threads(1)

# arXiv:1608.06993, table 2 (CIFAR); table 1 has no counts for ImageNet, those are torchvision's
PRINTED = [
    ("densenet40_12", "1.0e6"),
    ("densenet100_12", "7.0e6"),
    ("densenet100_24", "27.2e6"),
    ("densenet_bc100_12", "0.8e6"),
    ("densenet_bc250_24", "15.3e6"),
    ("densenet_bc190_40", "25.6e6"),
]


@pytest.mark.parametrize(("name", "printed"), PRINTED)
def test_published_parameters(name: str, printed: str, parameters_of: Callable[[str], int]) -> None:
    unit = Decimal(1).scaleb(int(Decimal(printed).as_tuple().exponent))
    assert abs(parameters_of(name) - Decimal(printed)) <= unit


def test_imagenet_parameters(parameters_of: Callable[[str], int]) -> None:
    counts = [parameters_of(f"densenet{layers}") for layers in (121, 161, 169, 201)]
    assert counts == [7_978_856, 28_681_000, 14_149_480, 20_013_928]


def test_macs(on_meta: Callable, macs_of: Callable) -> None:
    assert round(macs_of(on_meta("densenet121"), (3, 224, 224)) / 1e9, 3) == 2.834


def test_shapes_of_table_1(on_meta: Callable, shapes_of: Callable) -> None:
    paths = ["conv0", "pool0", "denseblock1", "transition1", "denseblock2", "transition2", "denseblock3",
             "transition3", "denseblock4"]  # fmt: skip
    assert shapes_of(on_meta("densenet121"), (3, 224, 224), [f"features.{path}" for path in paths]) == [
        (64, 112, 112), (64, 56, 56), (256, 56, 56), (128, 28, 28), (512, 28, 28), (256, 14, 14),
        (1024, 14, 14), (512, 7, 7), (1024, 7, 7),
    ]  # fmt: skip


def test_weight_layers(on_meta: Callable) -> None:
    """L counts convolutions and the classifier: 121 = 1 + 2 * (6 + 12 + 24 + 16) + 3 + 1."""
    for name, layers in (("densenet121", 121), ("densenet201", 201), ("densenet40_12", 40), ("densenet_bc100_12", 100)):
        weighted = [p for n, p in on_meta(name).named_parameters() if p.dim() > 1]
        assert len(weighted) == layers


@pytest.mark.parametrize("layer", [plain_layer, bottleneck_layer])
def test_every_layer_reads_all_before_it(layer: Callable) -> None:
    """L (L + 1) / 2 connections: the maps of layer l change no earlier maps and all later ones."""
    torch.manual_seed(0)
    block = DenseBlock(layer, layers=4, channels=3, growth=2).eval()
    x = torch.randn(1, 3, 6, 6)
    before = block(x)
    assert before.shape == (1, 3 + 4 * 2, 6, 6)
    assert torch.equal(before[:, :3], x)
    with torch.no_grad():
        block.denselayer2.norm1.weight.mul_(2)
    changed = [not torch.equal(a, b) for a, b in zip(block(x)[0, 3:].split(2), before[0, 3:].split(2), strict=True)]
    assert changed == [False, True, True, True]


def test_slow_and_obvious_route() -> None:
    """The block by its definition: layer l applied to [x0, x1, ..., x(l-1)]."""
    torch.manual_seed(0)
    block = DenseBlock(bottleneck_layer, layers=3, channels=4, growth=3).eval()
    x = torch.randn(2, 4, 5, 5)
    maps = [x]
    for layer in block.children():
        maps.append(layer(torch.cat(maps, dim=1)))
    assert torch.equal(block(x), torch.cat(maps, dim=1))
