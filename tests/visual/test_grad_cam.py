"""Grad-CAM against arithmetic by hand, and against class activation maps, of which it is a generalisation."""

import numpy as np
import pytest
import torch
from torch import nn

from striate.core.records import Feature, Preprocess
from striate.models import create_model
from striate.models.network import Network
from striate.visual.attribution.layer import NoMaps
from striate.visual.grad_cam import grad_cam


class Tiny(Network):
    """One 1x1 convolution to two maps, then any head."""

    classifier_name = "head.last"

    def __init__(self, head: nn.Module, kernels=((1.0,), (-1.0,))) -> None:
        super().__init__()
        self.maps = nn.Conv2d(1, len(kernels), 1, bias=False)
        self.maps.weight.data = torch.tensor(kernels).view(-1, 1, 1, 1)
        self.head = head
        self.features_info = (Feature("maps", len(kernels), 1),)
        self.preprocess = Preprocess((2, 2), (2, 2)).for_channels(1)

    def forward_features(self, images):
        return self.maps(images)

    def forward_head(self, features, *, pre_logits=False):
        return self.head(features.flatten(1))


def linear(weights) -> nn.Linear:
    layer = nn.Linear(len(weights[0]), len(weights), bias=False)
    layer.weight.data = torch.tensor(weights)
    return layer


def test_by_hand():
    # Maps of [[1, 2], [3, -4]]: A = that, B = minus that. Logit 0 = 4 * A[0, 0] + 8 * B[1, 1]; logit 1 = A[0, 1].
    network = Tiny(linear([[4.0, 0, 0, 0, 0, 0, 0, 8.0], [0, 1.0, 0, 0, 0, 0, 0, 0]])).eval()
    image = torch.tensor([[[[1.0, 2.0], [3.0, -4.0]]]])
    # Mean gradients of logit 0: 1 for A, 2 for B; A + 2 B = -A = [[-1, -2], [-3, 4]]; positive: only the last, 4 of 4.
    assert grad_cam(network, image, 0).tolist() == [[[0.0, 0.0], [0.0, 1.0]]]
    # Of logit 1: 1/4 for A: [[1, 2], [3, -4]] / 4, its positive part divided by the largest.
    assert grad_cam(network, image, 1)[0] == pytest.approx(np.array([[1, 2], [3, 0]]) / 3)


def test_nothing_speaks_for_a_class():
    network = Tiny(linear([[-1.0, -1, -1, -1, 0, 0, 0, 0]])).eval()
    assert grad_cam(network, torch.ones(1, 1, 2, 2), 0).tolist() == [[[0.0, 0.0], [0.0, 0.0]]]


@pytest.mark.parametrize("name", ["resnet20", "resnet18", "quick_regnet26"])
def test_it_is_the_class_activation_map_of_a_mean_and_a_linear_layer(name):
    torch.manual_seed(0)
    network = create_model(name, classes=7).eval()
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        maps = network.forward_features(images)
    layer = network.get_classifier()
    for number in (0, 6):
        activation = torch.einsum("k,nkhw->nhw", layer.weight[number].detach(), maps).relu()
        expected = nn.functional.interpolate(activation[:, None], (64, 64), mode="bilinear")[:, 0]
        expected = expected / expected.amax((1, 2), keepdim=True)
        assert torch.from_numpy(grad_cam(network, images, number)) == pytest.approx(expected, abs=1e-5)


def test_frozen_weights_and_steps_in_place_are_no_hindrance_and_hooks_are_gone():
    class InPlace(Tiny):
        def forward_head(self, features, *, pre_logits=False):
            return self.head(features.relu_().flatten(1))

    network = InPlace(linear([[1.0, 1, 1, 1, 0, 0, 0, 0]])).eval().requires_grad_(False)
    image = torch.tensor([[[[1.0, 0.5], [0.0, -1.0]]]])
    with torch.no_grad():
        found = grad_cam(network, image, 0)
    # Gradients of the positive places of A are 1, so 1/2 in the mean; A is 1, 1/2, 0, -1.
    assert found.tolist() == [[[1.0, 0.5], [0.0, 0.0]]]
    assert not network.maps._forward_hooks


def test_maps_with_their_channels_last_are_the_same_maps():
    class Last(nn.Conv2d):  # as a stage of a Swin transformer gives them
        def forward(self, images):
            return super().forward(images).permute(0, 2, 3, 1)

    class ChannelsLast(Tiny):
        def forward_head(self, features, *, pre_logits=False):
            return super().forward_head(features.permute(0, 3, 1, 2) if isinstance(self.maps, Last) else features)

    torch.manual_seed(0)
    network = ChannelsLast(nn.Linear(9 * 16, 2), torch.randn(9, 1).tolist()).eval()
    image = torch.randn(1, 1, 4, 4)
    expected = grad_cam(network, image, 1)
    network.maps.__class__ = Last
    assert grad_cam(network, image, 1) == pytest.approx(expected, abs=1e-6)
    assert expected.max() == 1


def test_a_network_without_places_is_told():
    network = Tiny(linear([[1.0, 1.0]])).eval()
    with pytest.raises(NoMaps, match="no stage of maps with more than one place"):
        grad_cam(network, torch.ones(1, 1, 1, 1), 0)


def test_a_class_that_is_not_there():
    with pytest.raises(Exception, match="classes 0 to 9, got 10"):
        grad_cam(create_model("lenet5").eval(), torch.zeros(1, 1, 32, 32), 10)
