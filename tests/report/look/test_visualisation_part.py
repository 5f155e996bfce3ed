"""The part `visualisation` of `striate look`, and the page of a dream."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from striate.core.errors import StriateError
from striate.models import create_model
from striate.report.look import visualisation
from striate.report.look.dream import dream
from striate.report.look.look import look
from striate.visual.attribution.score import in_evaluation
from striate.visual.dreams.objectives import channel, whole_layer
from striate.visual.dreams.octaves import dreamt, exaggerated
from striate.visual.dreams.painting import usual_palette


@pytest.fixture(autouse=True)
def few_steps(monkeypatch):
    monkeypatch.setattr(visualisation, "STEPS", 2)


def network():
    torch.manual_seed(0)
    return create_model("(conv8-relu)*2-pool-conv8-relu-pool-conv8-relu-fc16-relu", classes=4, size=(24, 32))


def test_three_depths_classes_and_a_picture_are_made_up(read_page):
    found = look(network(), torch.randn(2, 3, 24, 32, generator=torch.Generator().manual_seed(1)), ["visualisation"])
    facts = found.to_dict()["parts"]["visualisation"]
    section = read_page(found.page()).one("section", id="visualisation")
    assert [len(layer["channels"]) for layer in facts["layers"]] == [6, 6, 6]
    assert facts["layers"][0]["channels"] == [0, 1, 3, 4, 6, 7]
    assert facts["classes"] == ["class 0", "class 1", "class 2", "class 3"]
    assert len(section.all("img")) == 3 * 6 + 4 + 3 * 2
    assert "Early:" in section.text and "Late:" in section.text and "What it sees in picture 0" in section.text
    assert "What it sees in" not in look(network(), None, ["visualisation"]).page()


@pytest.mark.parametrize("channels", [1, 6])
def test_grey_pictures_and_those_of_many_channels_are_made_up(channels):
    module = nn.Sequential(nn.Conv2d(channels, 4, 3, stride=2), nn.ReLU(), nn.Conv2d(4, 4, 3, stride=2))
    found = look(module, torch.randn(1, channels, 20, 20), ["visualisation"])
    assert found.to_dict()["parts"]["visualisation"]["classes"] == [f"class {n}" for n in range(4)]
    assert found.page().count("<img") >= 2 * 4


def test_a_network_without_maps_says_why():
    class Plain(nn.Module):
        def forward(self, images):
            return images.flatten(1)[:, :2]

    found = look(Plain(), torch.rand(2, 3, 2, 2), ["visualisation"])
    assert "no stage of maps with more than one place" in found.to_dict()["parts"]["visualisation"]["left_out"]


def test_a_dream_makes_more_of_what_is_there_and_a_caricature_is_alike():
    """A filter that sees bright places: a dream brightens the bright half, and a caricature is bright where it is."""
    bright = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.ReLU())
    with torch.no_grad():
        bright[0].weight.fill_(1.0)
    image = torch.full((1, 1, 40, 48), -1.0)
    image[..., 24:] = 0.5
    palette = usual_palette(1)
    with in_evaluation(bright, 0):
        dreamed = dreamt(bright, whole_layer("1"), image, palette, steps=4)
        drawn = exaggerated(bright, "1", image, palette, steps=60)
        darker = dreamt(bright, -1 * channel("1", 0), image, palette, steps=4)
    assert dreamed.shape == image.shape
    assert float(dreamed[..., 26:].mean()) > 0.5 + 0.1
    assert float((dreamed[..., :22] - image[..., :22]).abs().max()) < 0.1  # where the layer finds nothing
    assert float(darker[..., 26:].mean()) < 0.5 - 0.1
    assert float(drawn[..., 28:].mean()) > 0.5 > 0.0 > float(drawn[..., :20].mean())


def test_a_dream_is_a_page_of_three_pictures(tmp_path, read_page):
    Image.fromarray(np.arange(40 * 60 * 3, dtype=np.uint8).reshape(40, 60, 3)).save(tmp_path / "photo.png")
    found = dream(network(), tmp_path / "photo.png", "features.6")
    facts = found.to_dict()["parts"]["dream"]
    section = read_page(found.page()).one("section", id="dream")
    assert len(section.all("img")) == 3
    assert (facts["layer"], facts["size"]) == ("features.6", [24, 32])
    assert found.summary.endswith(f" parameters, shown {tmp_path / 'photo.png'}.")
    with pytest.raises(StriateError, match="unknown layer of .* 'feature.6'; did you mean 'features.6'"):
        dream(network(), tmp_path / "photo.png", "feature.6")
