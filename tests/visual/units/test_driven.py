"""What drives units: small networks whose strongest patch is known, and one pass against all numbers at once."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from striate.analysis.seen_by_calls import seen_by_calls
from striate.core.errors import StriateError
from striate.report.look.look import Choice
from striate.report.look.patches import Cutter
from striate.report.look.subject import subject_of
from striate.visual.layer_ends import layer_ends
from striate.visual.units.driven import KEPT, driven_units


def corner_finder():
    """A 3x3 filter for a white pixel at its middle on black, after a stride of 2; its second unit is dead."""
    network = nn.Sequential(nn.Conv2d(1, 2, 3, stride=2, padding=1, bias=False), nn.ReLU())
    with torch.no_grad():
        network[0].weight.fill_(-1.0)
        network[0].weight[0, 0, 1, 1] = 8.0
    return network


def images(*dots):
    pictures = torch.zeros(len(dots), 1, 8, 10)
    for picture, (row, column, value) in zip(pictures, dots, strict=True):
        picture[0, row, column] = value
    return pictures


def test_the_strongest_patch_of_a_filter_is_where_its_pattern_lies():
    network, pictures = corner_finder(), images((4, 6, 1.0), (2, 2, 3.0), (1, 1, 9.0))
    (found,) = driven_units(network, [pictures[:2], pictures[2:]], np.array([0, 1, 1]))
    assert (found.rows, found.columns) == (4, 5)
    assert found.values[0].tolist() == [24.0, 8.0, 0.0]  # the last dot lies between the places
    assert found.pictures[0].tolist() == [1, 0, 2]
    assert found.places[0, :2].tolist() == [1 * 5 + 1, 2 * 5 + 3]
    assert found.dead.tolist() == [False, True]
    cutter = Cutter(network, (1, 8, 10))
    first, second = cutter.patches(subject_of(network, pictures, Choice()), found, 0)[:2]
    assert (first.picture, first.sees) == ("picture 1", (1, 1, 3, 3))  # columns 1 to 3, rows 1 to 3
    assert (second.picture, second.sees) == ("picture 0", (5, 3, 3, 3))
    assert cutter.sees(found, 0, 0) == (0, 0, 2, 2)  # what lies in the padding is cut off


def test_what_a_unit_sees_is_all_that_moves_it():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.MaxPool2d(2), nn.ReLU(), nn.Conv2d(2, 3, 3, stride=2))
    places = seen_by_calls(network, (1, 20, 18))["3", 0]
    for row in range(places.rows):
        for column in range(places.columns):
            picture = torch.rand(1, 1, 20, 18, requires_grad=True)
            network(picture)[0, :, row, column].sum().backward()
            (top, bottom), (left, right) = places.sees(row, column)
            outside = picture.grad.abs().clone()
            outside[..., max(0, top) : bottom + 1, max(0, left) : right + 1] = 0
            assert outside.sum() == 0


@given(st.integers(1, 30), st.integers(1, 7), st.integers(0, 99))
@settings(max_examples=15, deadline=None)
def test_a_running_pass_finds_what_all_numbers_at_once_do(count, batch, seed):
    generator = torch.Generator().manual_seed(seed)
    pictures = torch.randn(count, 2, 5, 4, generator=generator)
    labels = torch.randint(-1, 3, (count,), generator=generator).numpy()
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Conv2d(2, 4, 2), nn.Tanh(), nn.Flatten(), nn.Linear(48, 3))
    maps, units = driven_units(network, pictures.split(batch), labels)
    with torch.no_grad():
        whole = network[:2](pictures).flatten(2)
        last = network(pictures)
    best, order = whole.max(2).values.T.topk(min(KEPT, count), 1)
    assert np.allclose(maps.values, best, atol=1e-6) and (maps.pictures == order.numpy()).all()
    assert (units.rows, units.columns, len(units)) == (1, 1, 3)
    assert np.allclose(units.values[:, 0], last.max(0).values, atol=1e-6)
    known = np.unique(labels[labels >= 0])
    if len(known) > 1:
        means = np.stack([whole.mean(2)[torch.from_numpy(labels == number)].mean(0) for number in known])
        assert (maps.selectivity.classes == known[means.argmax(0)]).all()
        assert ((maps.selectivity.shares >= 0) & (maps.selectivity.shares <= 1 + 1e-9)).all()
    else:
        assert (maps.selectivity.classes == -1).all()


def test_a_layer_ends_before_what_is_added_to_it_in_place():
    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.norm, self.relu = nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1), nn.ReLU(inplace=True)

        def forward(self, x):
            out = self.norm(self.conv(x))
            out += x
            return self.relu(self.relu(out) - 1)

    ends = [
        (end.layer, end.module, end.call, end.weighted) for end in layer_ends(Residual().eval(), torch.ones(1, 1, 2, 2))
    ]
    assert ends == [("conv", "norm", 0, True), ("relu", "relu", 0, False), ("relu", "relu", 1, False)]


def test_a_layer_that_is_not_called_for_every_picture_is_an_error():
    class Fickle(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Conv2d(1, 1, 1), nn.Conv2d(1, 1, 1)

        def forward(self, x):
            return self.second(x) if x.sum() > 0 else self.first(x)

    pictures = torch.stack([torch.ones(1, 2, 2), -torch.ones(1, 2, 2)])
    with pytest.raises(StriateError, match="layer 'second' was called for the first picture and is not for others"):
        driven_units(Fickle(), pictures.split(1), np.array([0, 1]))
