"""The part `filters` of `striate look`."""

import numpy as np
import pytest
import torch
from torch import nn

from striate.models import create_model
from striate.report.look.filters import as_picture
from striate.report.look.look import look


def test_every_filter_is_a_picture_once(read_page):
    found = look(create_model("lenet5"), None, ["filters"])
    facts = found.to_dict()["parts"]["filters"]
    section = read_page(found.page()).one("section", id="filters")
    assert facts["layer"] == "features.c1"
    assert sorted(each["unit"] for each in facts["filters"]) == list(range(6))
    assert len(section.all("img")) == 6 == sum(facts["counts"].values())
    assert "The 6 filters of features.c1, 5×5 pixels each" in section.text
    edges = facts["counts"]["edges"] + facts["counts"]["coloured edges"]
    assert sum(facts["directions"]) == edges
    assert len(section.all("svg")) == (edges > 0)


def test_higher_filters_are_shown_by_what_drives_them(read_page):
    network = create_model("(conv4-relu-pool)*2-conv6-relu-fc8-relu", classes=4, size=(16, 16))
    found = look(network, torch.randn(3, 3, 16, 16, generator=torch.Generator().manual_seed(0)), ["filters"])
    section = read_page(found.page()).one("section", id="filters")
    assert [item.text.split(maxsplit=1)[0] for item in section.all("h4")] == ["features.3", "features.6"]
    shown = [image for image in section.all("img") if image.attributes["alt"].endswith("of features.6")]
    assert 0 < len(shown) <= 6
    assert "where pictures are named by --data" in look(network, None, ["filters"]).page().replace(
        "</code>", ""
    ).replace("<code>", "")


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_pictures_of_weights_have_grey_where_they_are_zero(channels):
    weights = np.zeros((channels, 3, 4))
    weights[0, 1, 2] = -2.0
    pixels = as_picture(weights)
    assert pixels.shape == (3, 4, channels if channels in (1, 3) else 1)
    assert pixels.dtype == np.uint8
    grey = np.delete(pixels.reshape(12, -1), 6, axis=0)
    assert (grey == 128).all()
    assert pixels[1, 2, 0] in (0, 255)


def test_a_network_without_filters_says_why():
    network = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2))
    found = look(network, torch.rand(2, 3, 8, 8), ["filters"])
    assert (
        "no convolution or linear layer that reads the picture itself"
        in found.to_dict()["parts"]["filters"]["left_out"]
    )
