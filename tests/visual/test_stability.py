"""How much layers change by motions, and where maps move with the picture."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from striate.core.errors import StriateError
from striate.ops.motions import rotated, scaled_about_centre, shifted, warped
from striate.visual.equivariance import equivariance_error, reach
from striate.visual.stability import Motion, layer_changes

BY_ONE = Motion("shift", "px", (1,), lambda images, px: shifted(images, int(px), int(px)))


def padded_in(mode: str) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1, padding_mode=mode), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(4, 3, 3, stride=2, padding=1, padding_mode=mode), nn.ReLU(),
    ).eval()  # fmt: skip


@settings(deadline=None, max_examples=10)
@given(strides=st.integers(-3, 5), seed=st.integers(0, 99))
def test_maps_move_exactly_with_the_picture_where_padding_is_circular(strides, seed):
    images = torch.rand((2, 2, 32, 24), generator=torch.Generator().manual_seed(seed))
    assert equivariance_error(padded_in("circular"), images, 4 * strides) < 1e-6


def test_with_zeros_they_do_inside_alone():
    images = torch.rand(2, 2, 48, 48)
    network = padded_in("zeros")
    # Each place sees 1 + 2 + 1 + 4 pixels: 3 at stride 1, one more by the pooling, then 2 * 2 more.
    margin = reach(field_px=8, stride=4) + 1
    assert equivariance_error(network, images, 8, margin) < 1e-6
    assert equivariance_error(network, images, 8) > 1e-3


def test_a_shift_between_strides_moves_no_map():
    images = torch.rand(1, 2, 32, 32)
    with pytest.raises(StriateError, match="a shift of 2 px is no multiple of the stride, 4 px; maps lie between"):
        equivariance_error(padded_in("circular"), images, 2)
    with pytest.raises(StriateError, match="maps of 8x8 have no place within a margin of 4; give larger pictures"):
        equivariance_error(padded_in("zeros"), images, 4, margin=4)
    with pytest.raises(StriateError, match="maps of 8 places of 33 pixels have no whole stride"):
        equivariance_error(padded_in("circular"), torch.rand(1, 2, 33, 33), 4)


def test_motions_are_what_they_are_by_hand():
    ramp = torch.arange(16.0).view(1, 1, 4, 4)
    assert shifted(ramp, 1, 0)[0, 0].tolist() == [ramp[0, 0, row].tolist() for row in (1, 0, 1, 2)]
    assert torch.equal(shifted(ramp, 0, 0), ramp)
    assert torch.allclose(rotated(ramp, 90)[0, 0], torch.rot90(ramp[0, 0], -1), atol=1e-4)
    wide = torch.rand(1, 1, 6, 10)
    assert torch.allclose(rotated(wide, 180), wide.flip(2, 3), atol=1e-4)
    assert torch.allclose(scaled_about_centre(wide, 1), wide, atol=1e-5)
    assert torch.allclose(warped(wide, 0), wide, atol=1e-5)
    columns = torch.arange(64.0).expand(1, 1, 64, 64)
    assert (warped(columns, 3) - columns)[..., 8:-8].abs().max() <= 3 + 1e-3
    assert (warped(columns, 3) - columns).abs().max() > 0.5


class Functional(nn.Module):
    """Pools by functions, and writes over what it has given."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(1, 3, 3, stride=2, padding=1)
        self.last = nn.Linear(3, 2)

    def forward(self, images: Tensor) -> Tensor:
        maps = F.max_pool2d(self.conv(images), 2)
        return self.last(maps.mean((2, 3)))


def test_changes_are_those_written_out():
    network, images = Functional().eval(), torch.rand(3, 1, 16, 16)
    layers, pooling = layer_changes(network, [images], [BY_ONE])
    with torch.no_grad():
        was, now = (network.conv(each) for each in (images, shifted(images, 1, 1)))
    expected = ((now - was).square().sum() / (was - was.roll(1, 0)).square().sum()).sqrt().item()
    assert [layer.name for layer in layers] == ["pixels", "conv", "last"]
    assert layers[1].after.change(("shift", 1)) == pytest.approx(expected, rel=1e-5)
    assert [each.kind for each in pooling] == ["convolution at a stride", "max pooling", "mean over all places"]
    first = pooling[0].before
    assert first is not None
    assert first.change(("shift", 1)) == pytest.approx(layers[0].after.change(("shift", 1)))


def test_a_mean_over_all_places_of_a_circle_does_not_change():
    network = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1, padding_mode="circular"), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1)
    )
    rolled = Motion("shift", "px", (1, 3), lambda images, px: images.roll((int(px), int(px)), (2, 3)))
    layers, pooling = layer_changes(network, [torch.rand(4, 1, 9, 9)], [rolled])
    assert layers[1].after.change(("shift", 3)) > 0.5
    assert layers[-1].after.change(("shift", 3)) < 1e-3
    assert [each.kind for each in pooling] == ["mean over all places"]


def test_a_layer_that_is_called_twice_is_two_rows():
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 1, 3, padding=1)

        def forward(self, images: Tensor) -> Tensor:
            return self.conv(self.conv(images))

    layers, _ = layer_changes(Twice(), [torch.rand(2, 1, 8, 8)], [BY_ONE])
    assert [layer.name for layer in layers] == ["pixels", "conv", "conv (2)"]


def test_one_picture_alone_is_too_few():
    with pytest.raises(StriateError, match="stability needs at least two pictures"):
        layer_changes(Functional(), [torch.rand(1, 1, 16, 16)])


def test_a_convolution_of_one_place_has_no_stride():
    squeeze = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(1, 2, 1), nn.Conv2d(2, 2, 1))
    _, pooling = layer_changes(squeeze, [torch.rand(2, 1, 8, 8)], [BY_ONE])
    assert [(each.name, each.kind) for each in pooling] == [("0", "mean over all places")]
