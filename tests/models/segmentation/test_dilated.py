"""Dilation: the context module against table 1 of its paper, dilated ResNets against plain ones and torchvision's."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from of_others import drawn, torchvision_module
from striate.core.errors import StriateError
from striate.models import create_model
from striate.models.resnet import ResNet
from striate.models.segmentation import PixelwiseNetwork, dilate
from striate.models.segmentation.dilated import BASIC, LARGE, context_module, identity_
from striate.models.segmentation.fcn_resnet import FCNResNet

torch.set_num_threads(1)


def convs_of(network: nn.Module) -> list[nn.Conv2d]:
    return [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]


def test_the_context_module_is_table_1() -> None:
    fields, side = [], 1
    for layer in convs_of(context_module(5, BASIC)):
        side += layer.dilation[0] * (layer.kernel_size[0] - 1)
        fields.append(side)
    assert fields == [3, 5, 9, 17, 33, 65, 67, 67]
    assert [layer.out_channels // 5 for layer in convs_of(context_module(5, LARGE))] == [2, 2, 4, 8, 16, 32, 32, 1]
    weights = sum(layer.weight.numel() for layer in convs_of(context_module(21, BASIC)))
    assert weights == 64 * 21**2  # section 3: about 64 C^2


@torch.no_grad()
def test_the_basic_context_module_begins_as_the_identity() -> None:
    maps = torch.rand(1, 5, 9, 11)
    torch.testing.assert_close(context_module(5, BASIC)(maps), maps)


@torch.no_grad()
def test_the_large_context_module_begins_near_the_identity() -> None:
    torch.manual_seed(0)
    maps = torch.rand(1, 5, 40, 40)
    assert (context_module(5, LARGE)(maps) - maps).abs().max().item() < 0.1


def test_equation_5_by_hand() -> None:
    """Two classes, four maps read, eight written: 2 / 8 where the classes are the same."""
    layer = nn.Conv2d(4, 8, kernel_size=3)
    identity_(layer, classes=2)
    quarter = (layer.weight[:, :, 1, 1] - 0.25).abs() < 1e-6
    assert quarter.int().tolist() == [[1, 1, 0, 0]] * 4 + [[0, 0, 1, 1]] * 4
    assert layer.weight[:, :, 0, 0].abs().max().item() < 0.01


def test_the_front_end_has_the_dilations_of_section_4() -> None:
    with torch.device("meta"):
        network = create_model("dilated_frontend")
    dilations = [layer.dilation[0] for layer in convs_of(network)]
    assert dilations == [1] * 10 + [2] * 3 + [4] + [1, 1]
    with torch.device("meta"):
        dense = create_model("vgg16")
    assert isinstance(network, PixelwiseNetwork)
    shapes = [layer.weight.numel() for layer in convs_of(network)][:-1]
    dense_shapes = [layer.weight.numel() for layer in dense.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    assert shapes == dense_shapes[:-1]


@pytest.mark.parametrize("stride", [8, 16])
@pytest.mark.parametrize("name", ["resnet18", "resnet18_a", "resnet50", "resnet50_paper", "plain18"])
@torch.no_grad()
def test_a_dilated_resnet_gives_the_numbers_of_the_plain_one(name: str, stride: int) -> None:
    with torch.device("meta"):
        plain, dense = create_model(name, 2).eval(), create_model(name, 2).eval()
    tensors = drawn(plain.state_dict())
    plain.load_state_dict(tensors, assign=True)
    dense.load_state_dict(tensors, assign=True)
    assert isinstance(dense, ResNet)
    dilate(dense, stride)
    plain, dense = plain.double(), dense.double()
    images = torch.randn(1, 3, 101, 96, dtype=torch.float64)
    expected, found = plain.forward_features(images), dense.forward_features(images)
    assert found.shape[2:] == (-(-101 // stride), -(-96 // stride))
    step = 32 // stride
    assert expected.std().item() > 1e-3
    torch.testing.assert_close(found[:, :, ::step, ::step], expected, rtol=1e-8, atol=1e-8)


@torch.no_grad()
def test_at_stride_16_the_weights_are_those_of_stride_8_and_so_is_every_second_map() -> None:
    dense, sparse = create_model("fcn_resnet18", 2).eval(), create_model("fcn_resnet18_stride16", 2).eval()
    sparse.load_state_dict(dense.state_dict())
    images = torch.randn(1, 3, 64, 48)
    assert [feature.stride for feature in sparse.features_info] == [4, 8, 16, 16]
    found, expected = (network.get_submodule("backbone")(images) for network in (sparse, dense))
    assert found.shape == (1, 512, 4, 3)
    torch.testing.assert_close(found, expected[:, :, ::2, ::2], rtol=1e-4, atol=1e-4)


def test_other_strides_are_refused() -> None:
    network = create_model("resnet18")
    assert isinstance(network, ResNet)
    with pytest.raises(StriateError, match="the stride of a dilated ResNet must be one of 8, 16, 32, got 4"):
        dilate(network, 4)


@torch.no_grad()
@pytest.mark.parametrize("auxiliary", [True, False])
def test_torchvisions_file_loads_and_answers_alike(tmp_path: Path, auxiliary: bool) -> None:
    theirs = torchvision_module("torchvision.models.segmentation")
    with torch.device("meta"):
        reference = theirs.fcn_resnet50(weights=None, weights_backbone=None, num_classes=4, aux_loss=auxiliary).eval()
    tensors = drawn(reference.state_dict())
    reference.load_state_dict(tensors, assign=True)
    torch.save(tensors, tmp_path / "theirs.pth")
    network = create_model("fcn_resnet50", weights=tmp_path / "theirs.pth").eval()
    assert network.classes == 4
    images = torch.randn(1, 3, 75, 90)
    expected = reference(images)
    assert expected["out"].std().item() > 1e-3
    torch.testing.assert_close(network(images), expected["out"], rtol=1e-4, atol=1e-4)
    if auxiliary:
        (one, main), (weight, second) = network.training_logits(images)
        assert (one, weight) == (1.0, 0.4)
        torch.testing.assert_close(main, expected["out"], rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(second, expected["aux"], rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_stages_come_from_a_resnet() -> None:
    resnet = create_model("resnet18", classes=9)
    network = create_model("fcn_resnet18", classes=2)
    assert isinstance(network, FCNResNet)
    network.begin_with(resnet.state_dict())
    own: Tensor = network.get_submodule("backbone.layer4.1.conv2").weight  # type: ignore[assignment]
    assert torch.equal(own, resnet.get_submodule("layer4.1.conv2").weight)  # type: ignore[arg-type]
    with pytest.raises(StriateError, match="the weights in the ResNet given are not those of"):
        network.begin_with(create_model("resnet20").state_dict())


def test_a_file_of_the_classifier_fills_the_stages(tmp_path: Path) -> None:
    resnet, file = create_model("resnet18"), tmp_path / "resnet18.pth"
    torch.save(resnet.state_dict(), file)
    network = create_model("fcn_resnet18", classes=3, weights=file)
    assert torch.equal(network.get_submodule("backbone.layer4.1.conv2").weight, resnet.layer4[1].conv2.weight)
    torch.save(create_model("resnet34").state_dict(), file)
    with pytest.raises(StriateError, match="the ResNet given are not those of"):
        create_model("fcn_resnet18", classes=3, weights=file)
