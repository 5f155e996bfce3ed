"""Which layers are one box, and which boxes are drawn once for many."""

import pytest
import torch
from torch import nn

from striate.analysis.blocks import Repeat, blocks_of, boxes_of
from striate.analysis.wiring import wiring
from striate.meta.weightless import blueprint
from striate.models import create_model


class Block(nn.Module):
    """conv, norm, relu, conv, norm, add, relu."""

    def __init__(self, width, joined=torch.add):
        super().__init__()
        self.one, self.two = nn.Conv2d(width, width, 3, padding=1), nn.Conv2d(width, width, 3, padding=1)
        self.norm, self.relu, self.last = nn.BatchNorm2d(width), nn.ReLU(), nn.BatchNorm2d(width)
        self.joined = joined

    def forward(self, x):
        return self.relu(self.joined(x, self.last(self.two(self.relu(self.norm(self.one(x)))))))


class PreActivation(nn.Module):
    """norm, relu, conv, add."""

    def __init__(self):
        super().__init__()
        self.norm, self.relu, self.conv = nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, x):
        return x + self.conv(self.relu(self.norm(x)))


def kinds(model, size):
    layers = wiring(model, size).layers
    return [([layers[number].row.kind for number in box.layers], list(box.reads)) for box in boxes_of(layers)]


def test_norms_and_activations_belong_to_their_layer():
    assert kinds(Block(4), (4, 6, 6)) == [
        (["Input"], []),
        (["Conv2d", "BatchNorm2d", "ReLU"], [0]),
        (["Conv2d", "BatchNorm2d"], [1]),
        (["add", "ReLU"], [0, 2]),
    ]


def test_before_a_layer_they_belong_to_it_where_others_read_the_same():
    assert kinds(nn.Sequential(PreActivation(), PreActivation()), (4, 6, 6)) == [
        (["Input"], []),
        (["BatchNorm2d", "ReLU", "Conv2d"], [0]),
        (["add"], [0, 1]),
        (["BatchNorm2d", "ReLU", "Conv2d"], [2]),
        (["add"], [2, 3]),
    ]


def test_a_norm_that_two_read_is_a_box_of_its_own():
    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm, self.one, self.two = nn.BatchNorm2d(4), nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1)

        def forward(self, x):
            y = self.norm(x)
            return self.one(y) + self.two(y)

    assert [names for names, _ in kinds(Shared(), (4, 6, 6))][1] == ["BatchNorm2d"]


def repeats(model, size=None, most=100):
    return blocks_of(wiring(model, size).layers, most).repeats


def test_equal_blocks_in_a_row_are_one_repeat():
    assert repeats(nn.Sequential(*[Block(4) for _ in range(5)]), (4, 6, 6)) == (Repeat(1, 3, 5),)
    assert repeats(nn.Sequential(Block(4), nn.MaxPool2d(2), Block(4)), (4, 6, 6)) == ()
    assert repeats(nn.Sequential(*[nn.Conv2d(4, 4, 1) for _ in range(3)]), (4, 6, 6)) == ()
    assert repeats(nn.Sequential(*[nn.Conv2d(4, 4, 1) for _ in range(4)]), (4, 6, 6)) == (Repeat(1, 1, 4),)


@pytest.mark.parametrize(
    "other",
    [
        Block(4, joined=torch.mul),
        nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)),
        PreActivation(),
    ],
    ids=["another operation", "no residual", "other layers"],
)
def test_blocks_that_differ_are_drawn_each(other):
    assert repeats(nn.Sequential(Block(4), other), (4, 6, 6)) == ()


def test_blocks_whose_inside_is_read_from_outside_are_drawn_each():
    class Tapped(nn.Module):
        def __init__(self):
            super().__init__()
            self.blocks = nn.ModuleList([Block(4) for _ in range(4)])

        def forward(self, x):
            kept = []
            for block in self.blocks:
                x = block(x)
                kept.append(x)
            return x, kept[1] * 2

    # the second block's output has another reader, so what repeats ends there and begins anew
    assert repeats(Tapped(), (4, 6, 6)) == (Repeat(1, 3, 2), Repeat(7, 3, 2))


def test_the_repeats_of_resnets_are_those_of_their_tables():
    for name, times in {"resnet34": [3, 3, 5, 2], "resnet152": [2, 7, 35, 2], "resnet110": [18, 17, 17]}.items():
        assert [repeat.times for repeat in repeats(blueprint(lambda n=name: create_model(n)))] == times


def test_dense_blocks_are_told_once_where_all_would_be_too_many():
    network = blueprint(lambda: create_model("densenet121"))
    assert [(r.boxes, r.times, r.grows) for r in repeats(network)] == [(3, n, True) for n in (6, 12, 24, 16)]
    assert repeats(network, most=1000) == ()


def test_functions_in_a_row_become_one_box_where_all_would_be_too_many():
    class Functions(nn.Module):
        def forward(self, x):
            y = x.amax(-1, keepdim=True)
            for number in range(12):
                y = torch.cat([y, x.roll(number + 1, 1)[..., :1]], -1)
            return y

    layers = wiring(Functions(), (4, 6, 6)).layers
    whole, joined = blocks_of(layers), blocks_of(layers, most=10)
    assert len(whole.boxes) == 26
    assert [len(box.layers) for box in joined.boxes] == [1, 25]
    assert joined.boxes[1].reads == (0,)


@pytest.mark.parametrize("name", ["googlenet", "quick_detector", "densenet_bc100_12", "retinanet_resnet18_fpn"])
def test_every_layer_is_in_one_box_and_boxes_read_as_layers_do(name):
    layers = wiring(blueprint(lambda: create_model(name))).layers
    blocks = blocks_of(layers)
    inside = [number for box in blocks.boxes for number in box.layers]
    assert sorted(inside) == list(range(len(layers)))
    home = {number: place for place, box in enumerate(blocks.boxes) for number in box.layers}
    edges = {(home[read], home[n]) for n, layer in enumerate(layers) for read in layer.reads if home[read] != home[n]}
    assert edges == {(read, place) for place, box in enumerate(blocks.boxes) for read in box.reads}
    assert all(read < place for read, place in edges)
