"""Pictures that a network makes up: small networks whose answer is known by hand."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from striate.core.errors import StriateError
from striate.core.records import Preprocess
from striate.models import create_model
from striate.visual.attribution.score import in_evaluation
from striate.visual.dreams import visualise as visualising
from striate.visual.dreams.objectives import (
    channel,
    direction,
    diversity,
    of_class,
    total_variation,
    unit,
    whole_layer,
)
from striate.visual.dreams.painting import mixed, palette_of, palette_of_images, usual_palette
from striate.visual.dreams.shaking import shaken
from striate.visual.dreams.visualise import made_up, visualise


def filters(channels=1):
    """One convolution over all of an 8x8 picture, whose units have weights 1 and -1."""
    network = nn.Sequential(nn.Conv2d(channels, 3, 8, bias=False))
    with torch.no_grad():
        network[0].weight.copy_(torch.randn(3, channels, 8, 8, generator=torch.Generator().manual_seed(4)).sign())
    return network


@pytest.mark.parametrize("channels", [1, 5])
def test_a_linear_unit_is_dreamt_of_as_its_filter(channels):
    network = filters(channels)
    objectives = [unit("0", 1), unit("0", 2)]
    with in_evaluation(network, 0):
        images = made_up(network, objectives, (channels, 8, 8), usual_palette(channels), steps=100, shake=0.0)
    alike = images * network[0].weight[1:].detach()
    assert float((alike > 0).float().mean()) > 0.95
    assert float(alike.mean()) > 1.5  # of 2, where all is black or white as the filter has it


def test_a_class_and_a_direction_are_dreamt_of_as_the_filters_that_they_add():
    network = nn.Sequential(filters()[0], nn.Flatten(), nn.Linear(3, 2, bias=False))
    with torch.no_grad():
        network[2].weight.copy_(torch.tensor([[0.0, 0.0, 1.0], [1.0, -1.0, 0.0]]))
    along = direction("0", torch.tensor([5.0, -5.0, 0.0]))
    by_class, by_direction = visualise(network, [of_class(1), along], (1, 8, 8), steps=120, shake=0.0)
    difference = (network[0].weight[0] - network[0].weight[1]).detach().numpy()[0]
    for picture in (by_class, by_direction):
        assert ((picture[..., 0] > 127) == (difference > 0))[difference != 0].mean() > 0.95


def test_a_layer_stops_the_network_and_leaves_it_as_it_was():
    class Fails(nn.Module):
        def forward(self, x):
            raise AssertionError("nothing further is asked of the network")

    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), Fails()).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    assert visualise(network, whole_layer("1"), (1, 9, 7), steps=2).shape == (1, 9, 7, 1)
    assert network.training and not any(module._forward_hooks for module in network.modules())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())


def test_a_module_that_is_called_twice_is_read_at_its_last_call():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.relu = nn.Conv2d(1, 1, 1), nn.ReLU(inplace=True)

        def forward(self, x):
            return self.relu(self.conv(self.relu(x)) * 3)

    network = Twice()
    with torch.no_grad():
        network.conv.weight.fill_(-1.0)
        network.conv.bias.fill_(4.0)
    picture = visualise(network, channel("relu", 0), (1, 6, 6), steps=60, shake=0.0)
    assert picture.max() < 128  # the first call would be largest for white


def test_steps_are_those_of_torchs_adam():
    numbers = torch.randn(5, 2, requires_grad=True)
    other = numbers.detach().clone().requires_grad_()
    ours, theirs = visualising._Adam(numbers), torch.optim.Adam([other], visualising.RATE)
    for _ in range(4):
        gradient = torch.randn(5, 2)
        ours.step(gradient)
        other.grad = -gradient
        theirs.step()
    assert torch.allclose(numbers, other, atol=1e-6)


def test_the_seed_decides_the_picture():
    network = filters()
    one, same, other = (visualise(network, channel("0", 0), (1, 16, 16), steps=3, seed=seed) for seed in (1, 1, 2))
    assert (one == same).all() and (one != other).any()


def test_objectives_add_up():
    maps = {"a": torch.rand(3, 4, 5, 6), "b": torch.rand(3, 2, 1, 1)}
    images = torch.rand(3, 1, 8, 8)
    first, second, rough = channel("a", 1), unit("b", 0), total_variation()
    total = 2 * first + second * 3.0 - rough
    expected = 2 * first.value(images, maps) + 3 * second.value(images, maps) - rough.value(images, maps)
    assert torch.allclose(total.value(images, maps), expected)
    assert total.layers == ("a", "b")
    assert total.told == "2 * channel 1 of a + 3 * unit 0 of b - total variation"
    assert (first - 2 * (second - rough)).told == "channel 1 of a - 2 * (unit 0 of b - total variation)"


def test_diversity_is_lowest_for_equal_pictures_and_does_not_see_places():
    one = torch.rand(1, 4, 3, 3)
    objective = diversity("a")
    assert torch.allclose(objective.value(one, {"a": one.repeat(3, 1, 1, 1)}), torch.full((3,), -1.0))
    assert torch.allclose(objective.value(one, {"a": torch.cat([one, one.flip(3)])}), torch.full((2,), -1.0))
    apart = torch.zeros(2, 4, 3, 3)
    apart[0, 0], apart[1, 1] = 1.0, 1.0
    assert torch.allclose(objective.value(one, {"a": apart}), torch.zeros(2))


@given(st.integers(3, 12), st.integers(3, 12), st.floats(0.1, 3), st.integers(0, 9))
@settings(max_examples=20, deadline=None)
def test_what_is_shaken_keeps_its_size_and_bounds_and_a_plain_picture_stays(height, width, strength, seed):
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(2, 3, height, width, generator=generator)
    moved = shaken(images, generator, strength)
    assert moved.shape == images.shape
    assert images.min() - 1e-5 <= moved.min() and moved.max() <= images.max() + 1e-5
    assert torch.allclose(shaken(torch.ones(1, 1, height, width), generator, strength), torch.ones(1), atol=1e-5)


def test_colours_are_those_of_the_pictures_and_mix_as_they_do():
    palette = palette_of(Preprocess((8, 8), mean=(0.5,), std=(0.25,)))
    assert palette.shown(torch.tensor([-2.0, 0.0, 2.0]).reshape(1, 1, 1, 3)).ravel().tolist() == [0, 128, 255]
    base = torch.randn(6, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    grey = palette_of_images(base.expand(-1, 3, -1, -1))
    shares = grey.shares(grey.pictures(torch.randn(2, 3, 8, 8)))
    assert float((shares[:, 0] - shares[:, 1]).abs().max()) < 0.01  # three channels that are always alike
    natural = mixed(torch.tensor([[1.0, 0.5], [0.5, 1.0]]))
    covariance = natural @ natural.T
    assert float(covariance[0, 1] / covariance[0, 0]) == pytest.approx(0.5, abs=1e-4)


@pytest.mark.parametrize(
    ("objective", "size", "said"),
    [
        (channel("stem.con", 0), None, "unknown layer of .*'stem.con'"),
        (channel("features.c1", 6), None, "layer 'features.c1' has channels 0 to 5, got 6"),
        (of_class(10), None, "the network has classes 0 to 9, got 10"),
        (unit("features.c1", 0, (28, 0)), None, "layer 'features.c1' has 28 x 28 places, got 28, 0"),
        (of_class(0), (3, 32, 32), "lenet5"),
    ],
)
def test_what_is_not_there_is_a_sentence(objective, size, said):
    with pytest.raises(StriateError, match=said):
        visualise(create_model("lenet5"), objective, size, steps=1)


def test_a_layer_that_never_runs_and_a_network_without_gradients_are_errors():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.unused = nn.Conv2d(1, 2, 3), nn.Conv2d(1, 2, 3)

        @torch.no_grad()
        def forward(self, x):
            return self.used(x)

    with pytest.raises(StriateError, match="layer 'unused' of Odd is not called when it answers"):
        visualise(Odd(), channel("unused", 0), (1, 8, 8))
    with pytest.raises(StriateError, match="Odd gives no gradients with respect to its pictures"):
        visualise(Odd(), channel("used", 0), (1, 8, 8))
    with pytest.raises(StriateError, match="Odd does not say how large its pictures are; give size"):
        visualise(Odd(), channel("used", 0))
