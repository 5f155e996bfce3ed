"""A network of each family of the zoo becomes a file, and so does what people make of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from factories import network_of
from striate.models import create_model
from striate.models.linear_probe import LinearProbe

SMALL = {  # and a size at which they are small
    "perceptron": None, "lenet5_1998": None, "nin_cifar": 32, "plain20": 32, "fractalnet20": 32, "quick_regnet26": 32,
    "alexnet_tv": 63, "zfnet": 65, "resnet18_a": 32, "airbench94": 32,
}  # fmt: skip
LARGE = {
    "alexnet": 67, "densenet40_12": 16, "googlenet": 79, "googlenet_tv": 32, "inception_v4": 75, "resnext50_32x4d": 32,
    "resnet34_c": 32, "vgg11_bn": 32, "resnet152": 32, "resnet101_paper": 32, "plain34": 32,
    "plain56": 16, "resnet110": 16,
    "resnext101_32x8d": 32, "densenet121": 32, "densenet_bc100_12": 16, "fractalnet40": 32, "quick_regnet29": 32,
}  # fmt: skip


def drawn_network(name: str, side: int | None):
    torch.manual_seed(0)
    return create_model(name, classes=None if side is None else 6, size=(side, side) if side else None)


@pytest.mark.parametrize("name", SMALL)
def test_networks_of_each_family_become_onnx_files(exported, name):
    found = exported(drawn_network(name, SMALL[name]))
    assert found.record.proof.pictures == 32
    assert found.record.architecture == name


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGE)
def test_larger_ones_too(exported, name):
    assert exported(drawn_network(name, LARGE[name])).record.proof.pictures == 32  # a file that disagrees is not kept


@pytest.mark.parametrize("ending", [".onnx", ".xml", ".pt2"])
def test_a_probe_of_a_network(exported, ending):
    body = network_of("resnet20", 32)
    probe = LinearProbe(body, ("layer1", "layer2", "last"), 7)
    found = exported(probe, f"net{ending}", with_preprocessing=True)
    assert len(found.record.classes) == 7


def test_grey_pictures_that_are_not_square(exported):
    network = create_model("resnet20", classes=3, in_channels=1, size=(24, 40))
    network.preprocess = replace(network.preprocess, resize=(28, 44), mirrored=True)
    found = exported(network, with_preprocessing=True)
    assert found.record.preprocess.channels == 1
    assert found.record.preprocess.mirrored


class Own(nn.Module):
    """A network that gives a dictionary, and has a norm that cannot be folded and an auxiliary head."""

    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.norm, self.conv = nn.BatchNorm2d(3), nn.Conv2d(3, 8, 3, stride=2)
        self.aux, self.head = nn.Linear(8, classes), nn.Linear(8, classes)

    def forward(self, images):
        features = self.conv(self.norm(images)).relu().mean((2, 3))
        return {"aux": self.aux(features), "out": self.head(features)}


@pytest.mark.parametrize("ending", [".onnx", ".xml", ".pt2"])
def test_a_network_of_ones_own(exported, ending):
    network = create_model(Own(), size=(20, 20))
    network.train()
    network(torch.randn(8, 3, 20, 20))  # statistics that are not 0 and 1
    found = exported(network, f"net{ending}")
    assert found.any_size
    assert len(found.record.classes) == 3
