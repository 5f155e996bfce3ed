"""The pyramid against torchvision's, and by hand."""

from __future__ import annotations

from collections import OrderedDict

import pytest
import torch
from torch import nn

from of_others import drawn, torchvision_module
from striate.core.errors import StriateError
from striate.models import create_model
from striate.models.detection.pyramid import FeaturePyramid, PyramidBackbone, Subsampled, TwoBeyond

torch.set_num_threads(1)


def test_a_deeper_level_is_enlarged_and_added() -> None:
    """Every convolution passes its middle on: 1 at the finer stage, 2 at the deeper one."""
    pyramid = FeaturePyramid([1, 1], 1, Subsampled())
    for layer in pyramid.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.dirac_(layer.weight)
    fine, deep, beyond = pyramid([torch.ones(1, 1, 4, 4), torch.full((1, 1, 2, 2), 2.0)])
    assert (fine == 3).all()
    assert (deep == 2).all()
    assert beyond.tolist() == [[[[2.0]]]]


@pytest.mark.parametrize("beyond", [Subsampled(), TwoBeyond(8)])
@torch.no_grad()
def test_levels_are_torchvisions(beyond: nn.Module) -> None:
    others = torchvision_module("torchvision.ops.feature_pyramid_network")
    extra = others.LastLevelMaxPool() if isinstance(beyond, Subsampled) else others.LastLevelP6P7(8, 8)
    ours, theirs = FeaturePyramid([4, 6, 10], 8, beyond), others.FeaturePyramidNetwork([4, 6, 10], 8, extra)
    tensors = drawn(theirs.state_dict())
    ours.load_state_dict(tensors)
    theirs.load_state_dict(tensors)
    stages = [torch.randn(2, channels, side, side + 1) for channels, side in ((4, 13), (6, 7), (10, 4))]
    levels = theirs(OrderedDict((str(number), maps) for number, maps in enumerate(stages)))
    for own, level in zip(ours(stages), levels.values(), strict=True):
        torch.testing.assert_close(own, level)


def on_resnet() -> PyramidBackbone:
    resnet = create_model("resnet18")
    return PyramidBackbone(resnet, resnet.features_info[1:], 16, TwoBeyond(16))


def test_a_pyramid_begins_with_the_weights_of_its_network() -> None:
    source, backbone = create_model("resnet18", classes=7), on_resnet()
    backbone.begin_with(source.state_dict(), "a resnet18")
    for name, tensor in backbone.body.state_dict().items():
        assert torch.equal(tensor, source.state_dict()[name])
    with pytest.raises(StriateError, match="a resnet34 are not those of Sequential: unexpected layer1.2"):
        backbone.begin_with(create_model("resnet34").state_dict(), "a resnet34")


def test_a_pyramid_on_any_network_has_its_strides() -> None:
    with torch.device("meta"):
        regnet = create_model("quick_regnet26")
        backbone = PyramidBackbone(regnet, regnet.features_info[1:], 16, Subsampled())
        levels = backbone(torch.empty(1, 3, 64, 96))
    assert [tuple(level.shape) for level in levels] == [(1, 16, 64 // n, 96 // n) for n in (4, 8, 16, 32)]
