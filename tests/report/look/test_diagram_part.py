"""The part `diagram` of `striate look`: links, cards, and fields drawn where gradients are found."""

import shutil
import subprocess

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from striate.models import create_model
from striate.report.look.look import look


def looked(network, pictures=None):
    found = look(network, pictures, ["diagram"])
    return found, found.to_dict()["parts"]["diagram"]


def small():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 6, 5, stride=2), nn.Sigmoid(), nn.AvgPool2d(2), nn.Conv2d(6, 4, 3, padding=1), nn.BatchNorm2d(4)
    )


def test_every_link_has_its_card_and_every_card_its_link(read_page):
    found, facts = looked(create_model("resnet20"), torch.rand(1, 3, 32, 32))
    page = read_page(found.page())
    section = page.one("section", id="diagram")
    links = [link.attributes["href"] for link in section.all("a")]
    cards = [card.attributes["id"] for card in section.all("article")]
    assert links == [f"#{card}" for card in cards]
    assert len(links) == len(set(links)) == len(facts["boxes"])
    first = section.one("article", id="layer-1")
    assert [rect.attributes["class"] for rect in first.all("rect")] == ["seen"]
    told = first.text
    assert told.startswith("Conv 3×3, BatchNorm, ReLU conv1. Gives 16×32×32. Its middle sees 3×3 px.")
    assert [rect.attributes["class"] for rect in section.one("article", id="layer-4").all("rect")] == [
        "seen",
        "seen last",
    ]


def test_the_field_of_a_card_is_what_gradients_reach():
    network, image = small().eval(), torch.rand(1, 3, 31, 31)
    _, facts = looked(network, image)
    for box, end in zip(facts["boxes"][1:], (2, 3, 5), strict=True):
        image.requires_grad_()
        maps = network[:end](image)
        middle = maps[0, :, maps.shape[2] // 2, maps.shape[3] // 2].sum()
        (gradient,) = torch.autograd.grad(middle, image)
        rows, columns = (gradient.abs().sum((0, 1)).sum(axis).nonzero().flatten().tolist() for axis in (1, 0))
        ((x, y, width, height),) = box["sees"]
        assert (rows[0], rows[-1], columns[0], columns[-1]) == (y, y + height - 1, x, x + width - 1)


def test_edges_are_those_of_the_network():
    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 1)

        def forward(self, x):
            return x + self.conv(x)

    _, facts = looked(Residual(), torch.rand(1, 3, 8, 8))
    assert facts["layers"] == ["Input", "conv", "add"]
    assert facts["edges"] == [[0, 1], [0, 2], [1, 2]]


@pytest.mark.parametrize("channels", [1, 4])
def test_pictures_of_any_channels(channels, read_page):
    found, _ = looked(nn.Sequential(nn.Conv2d(channels, 2, 3)), torch.rand(2, channels, 9, 12))
    field = read_page(found.page()).one("article", id="layer-1").one("svg")
    box = [float(number) for number in field.attributes["viewbox"].split()]
    assert box == pytest.approx([-0.72, -0.54, 13.44, 10.08])


def test_without_pictures_a_network_of_the_zoo_has_its_size(read_page):
    found, facts = looked(create_model("lenet5"))
    assert facts["boxes"][0]["output"] == "1×32×32"
    section = read_page(found.page()).one("section", id="diagram")
    assert "what the middle of its map sees of a picture" in section.text
    assert len(section.all("rect", class_="blank")) == 1


BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)


def orange_height(page, number, picture):
    """Pixels from the top to the bottom of what is drawn in a field's orange, where a card is asked for."""
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--enable-logging=stderr"]
    kept = [f"--user-data-dir={picture.with_name('profile')}", f"--screenshot={picture}", "--window-size=1200,1600"]
    command = [BROWSER, *options, *kept, f"{page.as_uri()}#layer-{number}"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert [line for line in ended.stderr.splitlines() if "CONSOLE" in line] == []
    red, green, blue = np.moveaxis(np.asarray(Image.open(picture).convert("RGB")).astype(int), 2, 0)
    rows = np.flatnonzero(((red > 200) & (green > 60) & (green < 130) & (blue < 60)).any(1))
    return rows[-1] - rows[0] + 1


@pytest.mark.browser
@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")
def test_a_link_shows_its_card_and_no_other_in_a_browser(tmp_path):
    page = tmp_path / "look.html"
    found, facts = looked(small(), torch.zeros(1, 3, 100, 100))
    found.write(page)
    heights = [orange_height(page, number, tmp_path / f"{number}.png") for number in (1, 4)]
    sees = [facts["boxes"][place]["sees"][0][3] for place in (1, 3)]
    assert sees == [5, 15]
    assert heights[1] / heights[0] == pytest.approx(sees[1] / sees[0], rel=0.15)
