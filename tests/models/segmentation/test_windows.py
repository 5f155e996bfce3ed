"""Windows one by one against one pass, and what either costs; the pyramid; the network that reads its own answer."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from striate.analysis.summary import summarize
from striate.models import Network, create_model
from striate.models.segmentation.multiscale import laplacian_pyramid
from striate.models.segmentation.recurrent import RecurrentSceneLabelling
from striate.models.segmentation.sliding_window import EveryPixel, StridedPass

torch.set_num_threads(1)
Build = Callable[..., Network]


@torch.no_grad()
def test_windows_one_by_one_and_one_pass_agree_at_every_pixel() -> None:
    torch.manual_seed(0)
    network = create_model("sliding_window", classes=3).eval()
    assert isinstance(network, EveryPixel)
    images = torch.randn(2, 3, 9, 14)
    expected = network.by_windows(images, at_once=10)
    assert expected.shape == (2, 3, 9, 14)
    assert expected.std().item() > 1e-2
    torch.testing.assert_close(network(images), expected, rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_a_pass_with_strides_agrees_at_every_fourth_pixel() -> None:
    torch.manual_seed(0)
    network = create_model("sliding_window_strided", classes=3).eval()
    every = create_model("sliding_window", classes=3).eval()
    assert isinstance(network, StridedPass)
    every.load_state_dict(network.state_dict())
    images = torch.randn(1, 3, 12, 16)
    torch.testing.assert_close(network.scores(images), network.by_windows(images)[:, :, ::4, ::4], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(network.scores(images), every(images)[:, :, ::4, ::4], rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_a_pixel_is_in_the_middle_of_its_window() -> None:
    """The only pixel that is not 0 is seen 23 pixels before it and 22 behind it, and not further."""
    network = create_model("sliding_window", classes=1).eval()
    network.get_classifier().bias.zero_()  # type: ignore[operator, union-attr]
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            layer.weight.abs_()
    images = torch.zeros(1, 3, 1, 101)
    images[..., 50] = 1
    seen = network(images)[0, 0, 0].nonzero().flatten().tolist()
    assert seen == list(range(50 - 23, 50 + 22 + 1))


def test_cost_of_windows_and_of_passes(on_meta: Build) -> None:
    """By hand: 3 to 16 maps, 16 to 64, 64 to 256 by 7x7, then 8 classes."""
    first, second, third, last = 3 * 16 * 49, 16 * 64 * 49, 64 * 256 * 49, 256 * 8
    height, width = 240, 320
    every, strided = on_meta("sliding_window"), on_meta("sliding_window_strided")
    assert isinstance(every, EveryPixel)
    window = summarize(every.of_windows(), size=(3, 46, 46)).macs
    assert window == first * 40**2 + second * 14**2 + third + last
    macs = summarize(every, size=(height, width)).macs
    assert macs == (
        first * (height + 39) * (width + 39) + second * (height + 26) * (width + 26) + (third + last) * height * width
    )
    macs_strided = summarize(strided, size=(height, width)).macs
    assert macs_strided == (
        first * (height + 39) * (width + 39)
        + second * (height // 2 + 13) * (width // 2 + 13)
        + (third + last) * height * width // 16
    )
    assert round(window * height * width / macs) == 17  # windows share most of what they compute
    assert round(window * height * width / macs_strided) == 211
    assert round(macs / macs_strided) == 13


def test_the_pyramid_adds_up_to_the_picture() -> None:
    images = torch.randn(1, 3, 16, 24)
    fine, middle, coarse = laplacian_pyramid(images)

    def twice(maps: Tensor) -> Tensor:
        return F.interpolate(maps, scale_factor=2.0, mode="bilinear", align_corners=False)

    torch.testing.assert_close(fine + twice(middle + twice(coarse)), images)


@torch.no_grad()
def test_all_scales_share_their_weights(on_meta: Build) -> None:
    network = on_meta("multiscale")
    convs = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    assert [(layer.in_channels, layer.out_channels) for layer in convs] == [
        (3, 16), (16, 64), (64, 256), (768, 1024), (1024, 8),
    ]  # fmt: skip


@torch.no_grad()
def test_the_second_instance_reads_the_first_answer() -> None:
    torch.manual_seed(0)
    network = create_model("recurrent_labelling", classes=3).eval()
    assert isinstance(network, RecurrentSceneLabelling)
    images = torch.randn(1, 3, 32, 48)
    first, second = network.instances(images)
    assert (first.shape, second.shape) == ((1, 3, 8, 12), (1, 3, 2, 3))
    again = torch.cat([F.avg_pool2d(images, 4), first.softmax(dim=1)], dim=1)
    torch.testing.assert_close(network.score(network.step(again)), second)
    (_, main), (weight, before) = network.training_logits(images)
    assert weight == 1.0
    torch.testing.assert_close(main, network(images))
    assert before.shape == main.shape
    assert not torch.equal(before, main)
    assert first.softmax(dim=1).sum(dim=1).mean().item() == pytest.approx(1)


def test_the_sizes_of_the_multi_scale_network_are_the_papers() -> None:
    """Farabet et al. 2013, section 3.1: 7x7 filters to 16, 64, 256 maps, 2x2 pooling, windows of 46 px; 3 scales, 768.

    The paper connects a map to some of the maps below; here to all.
    """
    summary, kinds = summarize(create_model("multiscale")), (16, 64, 256)
    stages = sum(maps * (7 * 7 * below + 1) for below, maps in zip((3, *kinds), kinds, strict=False))
    assert summary.params == stages + 1024 * (768 + 1) + 8 * (1024 + 1)
    macs = 60 * 80 * (768 * 1024 + 1024 * 8)
    for height, width in ((240, 320), (120, 160), (60, 80)):
        height, width = height + 45, width + 45  # zeros around, for a window for every fourth pixel
        for below, maps in zip((3, *kinds), kinds, strict=False):
            height, width = height - 6, width - 6
            macs += height * width * 7 * 7 * below * maps
            height, width = height // 2, width // 2
    assert summary.macs == macs
    assert ((1 + 6) * 2 + 6) * 2 + 6 == 46


def test_the_sizes_of_the_recurrent_network_are_the_papers() -> None:
    """Pinheiro and Collobert 2014: 8x8 filters to 25 and 50 maps, 2x2 pooling behind each, 1x1 to classes."""
    summary = summarize(create_model("recurrent_labelling"))
    assert summary.params == 25 * (8 * 8 * (3 + 8) + 1) + 50 * (8 * 8 * 25 + 1) + 8 * (50 + 1)
    instances = ((240, 320), (60, 80))
    macs = [
        height * width * (8 * 8 * (3 + 8) * 25 + 8 * 8 * 25 * 50 // 4 + 50 * 8 // 16) for height, width in instances
    ]
    assert summary.macs == sum(macs)
