"""The parts `maps` and `doubts` of `striate look`."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from striate.report.look.look import look
from striate.visual.feature_maps import groups_of_classes, neighbours_accuracy, others_alike


class Brightness(nn.Module):
    """Answers by how bright each of two channels is; its second layer is its first one, twice as large."""

    def __init__(self) -> None:
        super().__init__()
        self.low, self.high = nn.Conv2d(2, 2, 1, bias=False), nn.Conv2d(2, 2, 2, stride=2, bias=False)
        with torch.no_grad():
            self.low.weight.copy_(torch.eye(2)[:, :, None, None])
            self.high.weight.copy_(torch.eye(2)[:, :, None, None].expand(2, 2, 2, 2))

    def forward(self, images: Tensor) -> Tensor:
        return self.high(self.low(images)).mean((2, 3))


def two_heaps() -> Tensor:
    """Six pictures of which the first three have a bright first channel."""
    images = torch.rand((6, 2, 8, 8), generator=torch.Generator().manual_seed(0)) * 0.1
    images[:3, 0] += 1
    images[3:, 1] += 1
    images[5, 0] += 0.99  # nearly as bright in both
    return images


def test_nearest_others_are_of_the_same_heap(read_page):
    found = look(Brightness(), two_heaps(), ["maps"])
    facts = found.to_dict()["parts"]["maps"]
    assert [each["layer"] for each in facts["layers"]] == ["low", "high"]
    assert set(facts["nearest"]["picture 0"][:2]) == {"picture 1", "picture 2"}
    assert facts["nearest"]["picture 3"][0] == "picture 4"
    section = read_page(found.page()).one("section", id="maps")
    assert len(section.all("circle")) == 4 * 6
    assert len(section.all("image")) == 6
    assert "nothing says how well it parts classes" in section.text


def test_it_hesitates_on_the_picture_between_both(read_page):
    found = look(Brightness(), two_heaps(), ["doubts"])
    facts = found.to_dict()["parts"]["doubts"]
    assert facts["hesitating"][0]["name"] == "picture 5"
    assert (facts["wrong"], facts["surest"]) == (0, [])
    section = read_page(found.page()).one("section", id="doubts")
    assert len(section.all("img")) == 6
    assert "Nobody says the classes" in section.text


def test_wrong_answers_come_surest_first(digit_answers):
    facts = look(*digit_answers, ["doubts"]).to_dict()["parts"]["doubts"]
    surest = [each["probability"] for each in facts["surest"]]
    assert surest == sorted(surest, reverse=True)
    assert all(each["answer"] != each["truth"] for each in facts["surest"])
    assert facts["wrong"] >= len(surest) > 0


@pytest.fixture
def digit_answers():
    """A network that was not trained, which is wrong about most digits."""
    from striate.models import create_model

    torch.manual_seed(0)
    network = create_model("lenet5")
    network.class_names = tuple(map(str, range(10)))
    return network, "digits"


def test_a_network_without_classes_of_pictures_says_so():
    network = nn.Sequential(nn.Conv2d(2, 3, 1))
    left_out = look(network, two_heaps(), ["doubts"]).to_dict()["parts"]["doubts"]["left_out"]
    assert "tells no classes of whole pictures, so it doubts none" in left_out


def test_neighbours_vote_and_the_nearer_one_decides():
    line = np.array([[0.0], [1.0], [2.5], [2.6]])
    assert neighbours_accuracy(line, np.array([0, 1, 1, 0]), 1) == 0.0
    assert neighbours_accuracy(line, np.array([0, 0, 1, 1]), 1) == 1.0
    assert others_alike(np.array([[1.0, 0], [0.9, 0.1], [0, 1.0]]), 1).tolist() == [[1], [0], [1]]


def test_many_classes_are_grouped_by_their_means():
    features = np.array([[0.0, 0], [0.1, 0], [5, 5], [5.1, 5], [9, 0]])
    groups = groups_of_classes(features, np.arange(5), most=3)
    assert groups == {0: 0, 1: 0, 2: 1, 3: 1, 4: 2}
    assert groups_of_classes(features, np.array([-1, -1, 7, 7, 8]), most=3) == {7: 0, 8: 1}
