"""The part `activations` of `striate look`: what is drawn against what the network gives."""

import numpy as np
import pytest
import torch
from torch import nn

from striate.models import create_model
from striate.report.look.activations import ASIDE_PX, SHEET_PX, UP_PX, look_at_activations, stacked
from striate.report.look.look import look
from striate.report.look.subject import Choice, subject_of


def found_of(network, images):
    return look_at_activations(subject_of(network, images, Choice()), lambda done, total: None).values["layers"]


def test_the_strongest_unit_stands_in_front_with_its_kernel():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Conv2d(6, 8, 3, groups=2)).eval()
    image = torch.rand(1, 3, 12, 10)
    first, second = found_of(network, image)
    maps = network[:2](image)[0]
    assert (first.path, first.shape) == ("0", (6, 10, 8))
    assert first.unit == int(maps.amax((1, 2)).argmax())
    assert first.silent == int((maps.amax((1, 2)) <= 0).sum())
    shares = maps[first.unit] / maps[first.unit].max()
    assert np.abs(first.map[..., 0] - 255 * shares.detach().numpy()).max() <= 0.51
    assert (len(first.kernel), first.kernel[0].shape, first.read) == (1, (3, 3, 3), ())
    # the second layer reads half of the maps each
    assert second.read == ((0, 1, 2) if second.unit < 4 else (3, 4, 5))
    weights = network[2].weight[second.unit].detach().numpy()
    kernel = np.stack([slice[..., 0] for slice in second.kernel])
    assert np.abs(kernel - 127.5 * (1 + weights / np.abs(weights).max())).max() <= 0.51


def test_a_stack_shows_every_sheet_the_first_in_front():
    sheets = [np.full((5, 5), 10 * (number + 1), np.uint8) for number in range(4)]
    stack = stacked(sheets)[..., 0]
    assert stack.shape == (SHEET_PX + 2 + 3 * UP_PX, SHEET_PX + 2 + 3 * ASIDE_PX)
    areas = [int((stack == 10 * (number + 1)).sum()) for number in range(4)]
    assert areas[0] == SHEET_PX**2
    assert areas[1] == areas[2] == areas[3] > SHEET_PX * (UP_PX + ASIDE_PX) * 0.8


def test_every_layer_is_on_the_page_and_the_last_has_names(read_page):
    network = create_model("lenet5", classes=3)
    network.class_names = ("cat", "dog", "fox")
    found = look(network, torch.rand(2, 1, 32, 32), ["activations"])
    layers = found.to_dict()["parts"]["activations"]["layers"]
    assert [layer["layer"] for layer in layers][:2] == ["features.c1", "features.s2"]
    section = read_page(found.page()).one("section", id="activations")
    items = section.all("li")
    assert [item.one("code").text for item in items] == [layer["layer"] for layer in layers]
    assert sorted(head.text for head in items[-1].all("th")) == ["cat", "dog", "fox"]


def test_a_network_of_functions_alone_says_why():
    class Functions(nn.Module):
        def forward(self, x):
            return x.mean((2, 3))

    found = look(Functions(), torch.rand(1, 3, 8, 8), ["activations"]).to_dict()["parts"]["activations"]
    assert found["left_out"] == "Functions has no layer that gives maps or units of its own, so none can be shown"


@pytest.mark.parametrize("channels", [1, 5])
def test_kernels_over_other_channels(channels):
    (layer,) = found_of(nn.Sequential(nn.Conv2d(channels, 4, 3)), torch.rand(1, channels, 8, 8))
    assert layer.read == (() if channels == 1 else (0, 1, 2, 3, 4))
    assert {picture.shape for picture in layer.kernel} == {(3, 3, 1)}
