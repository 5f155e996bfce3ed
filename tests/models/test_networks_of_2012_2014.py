"""AlexNet's variants, ZFNet and Network in Network: shapes and counts of their sources, by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from striate.models import create_model

torch.set_num_threads(1)


def test_one_tower_by_hand(parameters_of: Callable[[str], int], on_meta: Callable, macs_of: Callable) -> None:
    convolutions = (
        (11 * 11 * 3 + 1) * 96
        + (5 * 5 * 96 + 1) * 256
        + (3 * 3 * 256 + 1) * 384
        + (3 * 3 * 384 + 1) * 384
        + (3 * 3 * 384 + 1) * 256
    )
    dense = (256 * 6 * 6 + 1) * 4096 + (4096 + 1) * 4096 + (4096 + 1) * 1000
    assert parameters_of("alexnet_single") == convolutions + dense == 62_378_344
    assert macs_of(on_meta("alexnet_single"), (3, 227, 227)) == (
        96 * 363 * 55**2 + 256 * 2400 * 27**2 + (384 * 2304 + 384 * 3456 + 256 * 3456) * 13**2
        + 9216 * 4096 + 4096**2 + 4096 * 1000
    )  # fmt: skip
    assert round(macs_of(on_meta("alexnet_single"), (3, 227, 227)) / 1e9, 3) == 1.135
    assert round(macs_of(on_meta("alexnet"), (3, 227, 227)) / 1e9, 3) == 0.724


def test_order_of_pooling_and_normalisation(on_meta: Callable) -> None:
    paper = [name for name, _ in on_meta("alexnet").features.named_children()]
    slides = [name for name, _ in on_meta("alexnet_single").features.named_children()]
    assert paper.index("norm1") < paper.index("pool1")
    assert slides.index("pool1") < slides.index("norm1")


def test_slide_shapes_of_the_single_tower(on_meta: Callable, shapes_of: Callable) -> None:
    layers = ("conv1", "pool1", "norm1", "conv2", "pool2", "norm2", "conv3", "conv4", "conv5", "pool5")
    assert shapes_of(on_meta("alexnet_single"), (3, 227, 227), [f"features.{layer}" for layer in layers]) == [
        (96, 55, 55), (96, 27, 27), (96, 27, 27), (256, 27, 27), (256, 13, 13), (256, 13, 13),
        (384, 13, 13), (384, 13, 13), (256, 13, 13), (256, 6, 6),
    ]  # fmt: skip


def test_torchvisions_alexnet(parameters_of: Callable[[str], int], on_meta: Callable) -> None:
    assert parameters_of("alexnet_tv") == 61_100_840
    assert len(on_meta("alexnet_tv").state_dict()) == 16


def test_zfnet_shapes_of_figure_3(on_meta: Callable, shapes_of: Callable) -> None:
    layers = ("conv1", "pool1", "conv2", "pool2", "conv3", "conv4", "conv5", "pool5")
    assert shapes_of(on_meta("zfnet"), (3, 224, 224), [f"features.{layer}" for layer in layers]) == [
        (96, 110, 110), (96, 55, 55), (256, 26, 26), (256, 13, 13),
        (384, 13, 13), (384, 13, 13), (256, 13, 13), (256, 6, 6),
    ]  # fmt: skip


def test_zfnet_by_hand(parameters_of: Callable[[str], int]) -> None:
    def by_hand(third: int, fourth: int, fifth: int) -> int:
        first_two = (7 * 7 * 3 + 1) * 96 + (5 * 5 * 96 + 1) * 256
        rest = (9 * 256 + 1) * third + (9 * third + 1) * fourth + (9 * fourth + 1) * fifth
        return first_two + rest + (fifth * 36 + 1) * 4096 + 4097 * 4096 + 4097 * 1000

    assert parameters_of("zfnet") == by_hand(384, 384, 256)
    assert parameters_of("zfnet_wide") == by_hand(512, 1024, 512)


def test_network_in_network_shapes(on_meta: Callable, shapes_of: Callable) -> None:
    paths = ["features.5", "features.6", "features.14", "classifier", "pool"]
    assert shapes_of(on_meta("nin_cifar"), (3, 32, 32), paths) == [
        (96, 32, 32), (96, 16, 16), (192, 8, 8), (10, 8, 8), (10, 1, 1),
    ]  # fmt: skip
    paths = ["features.5", "features.6", "features.13", "features.20", "classifier", "pool"]
    assert shapes_of(on_meta("nin"), (3, 224, 224), paths) == [
        (96, 54, 54), (96, 27, 27), (256, 13, 13), (384, 6, 6), (1000, 6, 6), (1000, 1, 1),
    ]  # fmt: skip


def test_network_in_network_by_hand(parameters_of: Callable[[str], int]) -> None:
    first = (25 * 3 + 1) * 192 + 193 * 160 + 161 * 96
    second = (25 * 96 + 1) * 192 + 2 * 193 * 192
    third = (9 * 192 + 1) * 192 + 193 * 192 + 193 * 10
    assert parameters_of("nin_cifar") == first + second + third == 966_986
    by_hand = (121 * 3 + 1) * 96 + 2 * 97 * 96 + (25 * 96 + 1) * 256 + 2 * 257 * 256
    by_hand += (9 * 256 + 1) * 384 + 2 * 385 * 384 + (9 * 384 + 1) * 1024 + 1025 * 1024 + 1025 * 1000
    assert parameters_of("nin") == by_hand


def test_network_in_network_head_is_a_convolution() -> None:
    model = create_model("nin_cifar", classes=4).eval()
    assert isinstance(model.get_classifier(), nn.Conv2d)
    model.reset_classifier(6)
    images = torch.rand(1, 3, 32, 32)
    maps = model.get_classifier()(model.forward_features(images))
    assert torch.equal(model(images), maps.relu().mean((2, 3)))


@pytest.mark.parametrize("name", ["nin_cifar", "alexnet_tv"])
def test_signal_survives_initialisation(name: str) -> None:
    torch.manual_seed(0)
    model = create_model(name, classes=10).eval()
    with torch.no_grad():
        outputs = model.forward_features(torch.randn(2, 3, *model.preprocess.size))
    assert 0.05 < outputs.std().item() < 20
