"""Every method on modules that are not ours: a map of every picture, or one sentence that says why there is none."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

from foreign_modules import FOREIGN, Attention, Functional, TwoHeads
from of_others import timm_module
from striate.core.errors import StriateError
from striate.visual.attribution.methods import METHODS, attribution
from striate.visual.attribution.score import CannotShow


def images_of(channels, count=2):
    return torch.randn(count, channels, 16, 16, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", FOREIGN)
def test_each_works_or_says_why_and_is_left_as_it_was(name):
    make, channels, refusals = FOREIGN[name]
    torch.manual_seed(1)
    network, images = make().train(), images_of(channels)
    state = copy.deepcopy(network.state_dict())
    for method in METHODS:
        if method in refusals:
            with pytest.raises(CannotShow) as refused:
                attribution(network, images, [0, 3], method, steps=3)
            assert refusals[method] in str(refused.value), method
            assert "\n" not in str(refused.value)
        else:
            found = attribution(network, images, [0, 3], method, steps=3)
            assert found.shape == (2, 16, 16) and found.dtype == np.float32
            assert np.isfinite(found).all() and found.any(), method
    assert all(module.training for module in network.modules())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())
    assert all(torch.equal(value, state[key]) for key, value in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())


@pytest.mark.parametrize("name", ["sampling", "attention", "reused in place"])
def test_maps_are_those_of_the_seed_and_leave_the_callers_numbers_alone(name):
    make, channels, _ = FOREIGN[name]
    torch.manual_seed(1)
    network = make()
    torch.manual_seed(5)
    first = attribution(network, images_of(channels), 2, "smoothgrad", steps=3, seed=7)
    assert torch.randn(1) == torch.randn(1, generator=torch.Generator().manual_seed(5))
    again = attribution(network, images_of(channels), 2, "smoothgrad", steps=3, seed=7)
    other = attribution(network, images_of(channels), 2, "smoothgrad", steps=3, seed=8)
    assert (first == again).all() and (first != other).any()


def test_inference_mode_around_it_and_frozen_weights_are_no_hindrance():
    torch.manual_seed(1)
    network = Functional().requires_grad_(False)
    expected = attribution(network, images_of(3), 2, "layer-cam")
    with torch.inference_mode():
        found = attribution(network, images_of(3), 2, "layer-cam")
    assert (found == expected).all()


def test_a_layer_by_its_name_one_that_is_not_there_one_that_is_not_called_and_one_without_maps():
    torch.manual_seed(1)
    network = TwoHeads()
    network.spare = nn.Conv2d(3, 3, 1)
    assert attribution(network, images_of(3), 0, "grad-cam", "body.one").any()
    with pytest.raises(StriateError, match="unknown layer of TwoHeads 'body.tow'; did you mean 'body.two'"):
        attribution(network, images_of(3), 0, "grad-cam", "body.tow")
    with pytest.raises(StriateError, match="layer 'spare' of TwoHeads is not called when it answers"):
        attribution(network, images_of(3), 0, "grad-cam", "spare")
    with pytest.raises(StriateError, match=r"layer 'body.last' of TwoHeads gives \(2, 5\), no maps of places"):
        attribution(network, images_of(3), 0, "grad-cam", "body.last")
    with pytest.raises(StriateError, match="no gradient of the answer of TwoHeads reaches layer 'unread'"):
        attribution(Unread(), images_of(3), 0, "grad-cam", "unread")
    with pytest.raises(StriateError, match="Gradient reads no layer's maps; leave layer out, got 'body.one'"):
        attribution(network, images_of(3), 0, "gradient", "body.one")


class Unread(TwoHeads):
    """A layer is called, and what it gives is thrown away."""

    def __init__(self):
        super().__init__()
        self.unread = nn.Conv2d(3, 3, 1)
        self.__class__.__name__ = "TwoHeads"

    def forward(self, x):
        with torch.no_grad():
            self.unread(x)
        return super().forward(x)


def test_the_layer_of_a_transformer_is_one_at_whose_places_the_answer_has_a_gradient():
    torch.manual_seed(1)
    network = Attention()
    last = attribution(network, images_of(3), 0, "grad-cam", "blocks.2")  # only its first token is read
    assert not last.any()
    assert attribution(network, images_of(3), 0, "grad-cam").any()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda x: x[0], r"images must be a tensor \(N, C, H, W\) .* got torch.float32 \(3, 16, 16\)"),
        (lambda x: (x * 9).to(torch.uint8), "images must be .* got torch.uint8"),
        (lambda x: x.numpy(), "images must be .* got ndarray"),
        (lambda x: x[:, :2], "Functional: forward raises RuntimeError .* on pictures 2x16x16"),
        (lambda x: x * float("nan"), "Functional answers with numbers that are not finite"),
    ],
)
def test_images_that_do_not_fit(change, told):
    with pytest.raises(StriateError, match=told):
        attribution(Functional(), change(images_of(3)), 0)


def test_classes_and_methods_that_are_not_there():
    with pytest.raises(StriateError, match="Functional has classes 0 to 4, got 5"):
        attribution(Functional(), images_of(3), [0, 5])
    with pytest.raises(StriateError, match="there must be a class for each of 2 images, got 3"):
        attribution(Functional(), images_of(3), [0, 1, 2])
    with pytest.raises(StriateError, match="unknown method 'gradcam'; did you mean 'grad-cam'"):
        attribution(Functional(), images_of(3), 0, "gradcam")
    with pytest.raises(StriateError, match="steps must be at least 1, got 0"):
        attribution(Functional(), images_of(3), 0, steps=0)
    with pytest.raises(StriateError, match="Tokens: forward gives a tensor .2, 4, 5."):
        attribution(Tokens(), images_of(3), 0)


class Tokens(nn.Module):
    def forward(self, x):
        return x.new_zeros(len(x), 4, 5)


@pytest.mark.parametrize("builder", ["mobilenetv3_small_050", "swin_tiny"])
def test_networks_of_timm(builder):
    timm_module()
    import timm_networks

    torch.manual_seed(0)
    network = getattr(timm_networks, builder)(5)
    images = torch.randn(1, 3, 32, 32)
    assert attribution(network, images, 1, "grad-cam").shape == (1, 32, 32)
    assert attribution(network, images, 1, "gradient").any()
    with pytest.raises(CannotShow, match="deconvnet is defined by ReLUs"):
        attribution(network, images, 1, "deconvnet")
