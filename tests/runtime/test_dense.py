"""Dense layers over a larger picture: against convolutions made of them by hand, and the network's own answers."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from striate.core.errors import StriateError
from striate.models import create_model
from striate.runtime.dense import DenseNetwork, dense_form

PATTERN = "(conv4-relu-pool)*2-fc6-relu"


def as_convolution(layer, channels, places):
    """A dense layer that reads maps (channels, *places), as a convolution."""
    conv = nn.Conv2d(channels, layer.out_features, places)
    conv.weight.data, conv.bias.data = layer.weight.data.view(conv.weight.shape), layer.bias.data
    return conv


@torch.no_grad()
@pytest.mark.parametrize(("name", "places"), [("lenet5", (5, 5)), (PATTERN, (8, 8))])
def test_dense_layers_are_convolutions(name, places):
    network = create_model(name, classes=3, in_channels=1, size=(32, 32)).eval()
    first, *others = network.classifier
    channels = first.in_features // (places[0] * places[1])
    made = [as_convolution(first, channels, places)]
    made += [as_convolution(each, each.in_features, 1) if isinstance(each, nn.Linear) else each for each in others]
    images = torch.randn(2, 1, 40, 52)
    by_hand = nn.Sequential(network.features, *made)(images)
    assert by_hand.shape[2:].numel() > 1
    torch.testing.assert_close(dense_form(network)(images), by_hand.mean((2, 3)), rtol=1e-4, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("name", ["lenet5", "lenet5_1998", PATTERN])
def test_at_its_own_size_it_is_the_network(name):
    network = create_model(name, classes=3, in_channels=1, size=(32, 32)).eval()
    images = torch.randn(2, 1, 32, 32)
    dense = dense_form(network)
    assert isinstance(dense, DenseNetwork)
    torch.testing.assert_close(dense(images), network(images), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@torch.no_grad()
@pytest.mark.parametrize(("name", "side"), [("vgg11", 224), ("alexnet", 227), ("zfnet", 224)])
def test_the_networks_of_the_papers_at_their_own_size(name, side):
    network, images = create_model(name, classes=5).eval(), torch.randn(1, 3, side, side)
    torch.testing.assert_close(dense_form(network)(images), network(images), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["resnet20", "nin_cifar", "conv4-gap"])
def test_a_network_that_averages_all_places_is_dense_already(name):
    network = create_model(name, classes=3)
    assert dense_form(network) is network


def test_a_network_without_maps_is_refused():
    with pytest.raises(
        StriateError,
        match="mlp reads every pixel at once and has no maps, so it cannot look at whole pictures of other sizes; "
        "take views=10",
    ):
        dense_form(create_model("mlp"))


def test_a_network_of_ones_own_is_refused():
    own = create_model(nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)))
    with pytest.raises(StriateError, match="is a network of your own, of which nothing says what reads its maps"):
        dense_form(own)
