"""The part `units` of `striate look`."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from striate.models import create_model
from striate.report.look import units
from striate.report.look.look import look


@pytest.fixture
def by_colour(tmp_path):
    """Folders of red and of green pictures, no names that a network has."""
    drawn = np.random.default_rng(0)
    for name, channel in (("red", 0), ("green", 1)):
        (tmp_path / name).mkdir()
        for number in range(4):
            pixels = drawn.integers(0, 40, (12, 16, 3), np.uint8)
            pixels[..., channel] += 180
            Image.fromarray(pixels).save(tmp_path / name / f"{number}.png")
    return tmp_path


def colours():
    """One unit for red, one for green, one that is dead, and a mean over all of the picture."""
    network = nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2))
    with torch.no_grad():
        network[0].weight.copy_(torch.eye(3)[:, :, None, None])
        network[0].bias.copy_(torch.tensor([0.0, 0.0, -99.0]))
        network[4].weight.copy_(torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]))
    return network


def test_units_are_found_by_what_the_pictures_lie_in(by_colour, read_page, monkeypatch):
    monkeypatch.setattr(units, "STEPS", 2)
    found = look(colours(), by_colour, ["units"], split="all")
    facts = found.to_dict()["parts"]["units"]
    layer = facts["layers"][0]
    assert (layer["layer"], layer["units"], layer["dead"], layer["classes"][:2]) == ("0", 3, [2], ["red", "green"])
    assert {one["unit"] for one in layer["shown"]} == {0, 1}
    strongest = next(one for one in layer["shown"] if one["unit"] == 0)["pictures"]
    assert len(strongest) == 8 and all("red" in one["picture"] for one in strongest[:4])
    assert all(one["sees"][2:] == (1, 1) and one["sees"][:2] == (one["column"], one["row"]) for one in strongest)
    assert facts["by_class"]["green"][0]["unit"] == 1
    section = read_page(found.page()).one("section", id="units")
    assert "Unit 0: red" in section.text and "3 units, 1 dead" in section.text
    assert [link.text for link in section.all("a")] == ["green", "red"]
    for link in section.all("a"):
        card = section.one("article", id=str(link.attributes["href"]).removeprefix("#"))
        first = facts["by_class"][link.text][0]
        assert card.text.startswith(f"{link.text} {first['layer']} unit {first['unit']}, selectivity ")
        strongest = next(one for one in layer["shown"] if one["unit"] == first["unit"])["pictures"][:3]
        assert all(f"{link.text}/" in one["picture"] for one in strongest)
        told = [f"Of {one['picture'].rpartition('/')[2]}, {one['value']:.3g}" for one in strongest]
        assert [patch.attributes["alt"] for patch in card.all("img")[:3]] == told


def test_maps_have_the_colours_of_the_folders_that_pictures_lie_in(by_colour):
    network = create_model("(conv8-relu)*2-pool-conv8-relu-fc16-relu", classes=4, size=(16, 16))
    page = look(network, by_colour, ["maps"], split="all").page()
    assert page.count('fill="var(--family0)"') == page.count('fill="var(--family1)"') > 4
    assert "the nearest pictures tell the class of" in page and "green/0.png: green" in page


def test_without_classes_units_are_those_that_stand_out(read_page):
    found = look(colours(), torch.randn(3, 3, 6, 6, generator=torch.Generator().manual_seed(0)), ["units"])
    facts = found.to_dict()["parts"]["units"]
    assert facts["by_class"] == {} and set(facts["layers"][0]["classes"]) == {None}
    assert "Nobody says the classes of these pictures" in read_page(found.page()).one("section", id="units").text


def test_a_network_without_weights_has_no_units():
    found = look(nn.Sequential(nn.MaxPool2d(2), nn.Flatten()), torch.rand(2, 1, 4, 4), ["units"])
    assert "no layer with weights that gives maps or units" in found.to_dict()["parts"]["units"]["left_out"]
