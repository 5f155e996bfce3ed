"""The layers against hand arithmetic, against torch and against each other."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from striate.core.errors import StriateError
from striate.layers import (
    BedOfNailsUnpool,
    DropPath,
    InvertedDropout,
    LocallyConnected2d,
    LocalResponseNorm,
    Maxout,
    NearestUnpool,
    SqueezeExcitation,
    TransposedConv2d,
    VanillaDropout,
    ZeroPadShortcut,
    batch_norm,
    group_norm,
    he_normal_,
    im2col_conv2d,
    instance_norm,
    layer_norm,
    max_pool_with_places,
    max_unpool,
    normal_,
    toeplitz_matrix,
    weight_norm,
    xavier_uniform_,
)

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def test_squeeze_and_excitation_by_hand() -> None:
    layer = SqueezeExcitation(channels=2, squeezed=1)
    layer.load_state_dict(
        {
            "fc1.weight": torch.tensor([1.0, -0.5]).view(1, 2, 1, 1),
            "fc1.bias": torch.tensor([0.25]),
            "fc2.weight": torch.tensor([2.0, -1.0]).view(2, 1, 1, 1),
            "fc2.bias": torch.tensor([0.0, 1.0]),
        }
    )
    x = torch.tensor([[[1.0, 3.0]], [[2.0, 0.0]]])[None]  # averages 2 and 1
    squeezed = 1.0 * 2 - 0.5 * 1 + 0.25
    gates = [1 / (1 + math.exp(-logit)) for logit in (2 * squeezed, 1 - squeezed)]
    expected = [gates[0] * 1, gates[0] * 3, gates[1] * 2, 0.0]
    assert layer(x).flatten().tolist() == pytest.approx(expected, rel=1e-6)
    dark = torch.tensor([[[-4.0]], [[2.0]]])[None]  # squeezed to below zero: only the biases are left
    assert layer(dark).flatten().tolist() == pytest.approx([-4 / 2, 2 / (1 + math.exp(-1))], rel=1e-6)


def test_local_response_norm_by_hand() -> None:
    x = torch.tensor([3.0, 10.0, 40.0, 100.0, 20.0, 7.0]).view(1, 6, 1, 1)
    squares = 10**2 + 40**2 + 100**2 + 20**2 + 7**2  # channels 1 to 5 are within two of channel 3
    expected = 100 / (2 + 1e-4 * squares) ** 0.75
    assert LocalResponseNorm()(x)[0, 3].item() == pytest.approx(expected, rel=1e-6)
    at_border = 3 / (2 + 1e-4 * (3**2 + 10**2 + 40**2)) ** 0.75
    assert LocalResponseNorm()(x)[0, 0].item() == pytest.approx(at_border, rel=1e-6)


def test_local_response_norm_is_not_torchs() -> None:
    x = 50 * torch.rand(2, 8, 3, 3)
    torch.testing.assert_close(LocalResponseNorm(5, 1e-4, 0.75, 2.0)(x), nn.LocalResponseNorm(5, 5e-4, 0.75, 2.0)(x))
    assert not torch.allclose(LocalResponseNorm()(x), nn.LocalResponseNorm(5, 1e-4, 0.75, 2.0)(x), rtol=0.01)


def test_zero_pad_shortcut() -> None:
    x = torch.arange(2 * 4 * 4.0).view(1, 2, 4, 4)
    y = ZeroPadShortcut(channels=6, stride=2)(x)
    assert torch.equal(y[:, 2:4], x[:, :, ::2, ::2])
    assert (y[:, :2] == 0).all() and (y[:, 4:] == 0).all()


def test_maxout_is_the_max_of_linear_pieces() -> None:
    pieces = torch.randn(5, 3) @ torch.randn(3, 4)
    expected = torch.maximum(pieces[:, 0::2], pieces[:, 1::2])
    assert torch.equal(Maxout(2)(pieces), expected)
    absolute = Maxout(2)(F.conv2d(torch.full((1, 1, 2, 2), -3.0), torch.tensor([1.0, -1.0]).view(2, 1, 1, 1)))
    assert torch.equal(absolute, torch.full((1, 1, 2, 2), 3.0))  # max(x, -x) = |x|
    with pytest.raises(StriateError, match="maxout with 3 pieces needs a multiple of 3 channels, got 4"):
        Maxout(3)(torch.zeros(1, 4, 2, 2))


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.8])
def test_both_dropouts_agree_in_expectation(probability: float) -> None:
    """E over masks of the training pass equals the prediction, for a linear layer that follows."""
    x, weight = torch.rand(40), torch.rand(40)
    draws = 20_000
    for layer in (VanillaDropout(probability), InvertedDropout(probability), nn.Dropout(probability)):
        passes = layer.train()(x.expand(draws, -1)) @ weight
        predicted = (layer.eval()(x) @ weight).item()
        standard_error = passes.std().item() / math.sqrt(draws)
        assert abs(passes.mean().item() - predicted) < 5 * standard_error
    ratio = VanillaDropout(probability).eval()(x) / InvertedDropout(probability).eval()(x)
    torch.testing.assert_close(ratio, torch.full_like(x, 1 - probability))


def test_vanilla_dropout_of_two_inputs_enumerated() -> None:
    """The four masks of two inputs at p = 1/2: 1/4 of their sum is half the undropped sum."""
    x, y, w0, w1 = 2.0, 3.0, 5.0, 7.0
    masks = [(0, 0), (0, 1), (1, 0), (1, 1)]
    expectation = sum(w0 * a * x + w1 * b * y for a, b in masks) / 4
    predicted = VanillaDropout(0.5).eval()(torch.tensor([x, y])) @ torch.tensor([w0, w1])
    assert predicted.item() == expectation == (w0 * x + w1 * y) / 2


def test_drop_path_drops_whole_pictures() -> None:
    y = DropPath(0.25)(torch.ones(10_000, 2, 3))
    per_picture = y.flatten(1)
    assert (per_picture == per_picture[:, :1]).all()
    assert y.unique().tolist() == [0.0, pytest.approx(1 / 0.75)]
    dropped = (y[:, 0, 0] == 0).float().mean().item()
    assert abs(dropped - 0.25) < 5 * math.sqrt(0.25 * 0.75 / 10_000)
    x = torch.rand(4, 2)
    assert torch.equal(DropPath(0.0).train()(x), x)
    with pytest.raises(StriateError, match=r"must be at least 0 and below 1, got 1$"):
        DropPath(1)


def test_normalisations_equal_torchs() -> None:
    x = 3 * torch.randn(4, 6, 5, 7) + 2
    pairs: list[tuple[Tensor, nn.Module]] = [
        (batch_norm(x), nn.BatchNorm2d(6, affine=False)),
        (layer_norm(x), nn.LayerNorm([6, 5, 7], elementwise_affine=False)),
        (instance_norm(x), nn.InstanceNorm2d(6)),
        (group_norm(x, 3), nn.GroupNorm(3, 6, affine=False)),
    ]
    for ours, torchs in pairs:
        torch.testing.assert_close(ours, torchs.train()(x), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(group_norm(x, 1), layer_norm(x))
    torch.testing.assert_close(group_norm(x, 6), instance_norm(x))
    with pytest.raises(StriateError, match="channels divisible by 4 groups, got 6 channels"):
        group_norm(x, 4)


@pytest.mark.parametrize("layer", [nn.Conv2d(3, 8, 3), nn.Linear(12, 5)])
def test_weight_norm_keeps_the_output_and_splits_length_from_direction(layer: nn.Module) -> None:
    x = torch.randn(2, 3, 6, 6) if isinstance(layer, nn.Conv2d) else torch.randn(2, 12)
    before = layer(x)
    weight_norm(layer)
    torch.testing.assert_close(layer(x), before)
    length, direction = layer.parametrizations.weight.original0, layer.parametrizations.weight.original1
    with torch.no_grad():
        direction.mul_(7)  # only the direction counts
        torch.testing.assert_close(layer(x), before, rtol=1e-4, atol=1e-5)
        length.mul_(2)
    torch.testing.assert_close(layer.weight.flatten(1).norm(dim=1), length.flatten())
    layer(x).sum().backward()
    # the gradient of a direction is orthogonal to it (arXiv:1602.07868, section 2.1)
    product = (direction.grad * direction).flatten(1).sum(1)
    torch.testing.assert_close(product, torch.zeros_like(product), rtol=0, atol=1e-4)


windows = st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(0, 2), st.integers(1, 2))


@settings(max_examples=30, deadline=None)
@given(windows, st.integers(5, 8), st.integers(5, 8))
def test_both_products_equal_the_convolution(window: tuple[int, int, int, int], height: int, width: int) -> None:
    kernel, stride, padding, dilation = window
    x, weight = torch.randn(2, 2, height, width).double(), torch.randn(3, 2, kernel, kernel).double()
    bias = torch.randn(3).double()
    geometry = {"stride": stride, "padding": padding, "dilation": dilation}
    torch.testing.assert_close(im2col_conv2d(x, weight, bias, **geometry), F.conv2d(x, weight, bias, **geometry))
    matrix = toeplitz_matrix(weight, (height, width), **geometry)
    y = F.conv2d(x, weight, **geometry)
    torch.testing.assert_close(x.flatten(1) @ matrix.T, y.flatten(1))
    back = F.grad.conv2d_input(x.shape, weight, y, **geometry)  # the transposed convolution
    torch.testing.assert_close(y.flatten(1) @ matrix, back.flatten(1))


def test_a_toeplitz_matrix_has_constant_diagonals() -> None:
    """1-D, three taps, "same": 5x5, of whose 2 * 5 - 1 = 9 diagonals only the central three are not zero."""
    matrix = toeplitz_matrix(torch.tensor([[[[1.0, 2.0, 3.0]]]]), (1, 7))
    assert matrix.shape == (5, 7)
    diagonals = {offset: set(matrix.diagonal(offset).tolist()) for offset in range(-4, 7)}
    assert [diagonals[offset] for offset in (0, 1, 2)] == [{1.0}, {2.0}, {3.0}]
    assert all(diagonals[offset] == {0.0} for offset in diagonals if offset not in (0, 1, 2))


@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (2, 1), (3, 2)])
def test_locally_connected_with_equal_filters_is_a_convolution(stride: int, padding: int) -> None:
    layer = LocallyConnected2d(3, 4, (9, 7), kernel=3, stride=stride, padding=padding)
    filters, bias = torch.randn(4, 3, 3, 3), torch.randn(4)
    with torch.no_grad():
        layer.weight.copy_(filters.flatten(1)[:, :, None].expand_as(layer.weight))
        layer.bias.copy_(bias[:, None].expand_as(layer.bias))
    x = torch.randn(2, 3, 9, 7)
    expected = F.conv2d(x, filters, bias, stride=stride, padding=padding)
    torch.testing.assert_close(layer(x), expected, rtol=1e-4, atol=1e-5)


def test_locally_connected_does_not_share() -> None:
    layer = LocallyConnected2d(1, 1, (4, 4), kernel=2, stride=2)
    x = torch.rand(1, 1, 4, 4)
    before = layer(x)
    with torch.no_grad():
        layer.weight[:, :, 0] += 1
    changed = layer(x) != before
    assert changed.flatten().tolist() == [True, False, False, False]
    with pytest.raises(StriateError, match=r"has weights for one size, \(4, 4\), got \(4, 5\)"):
        layer(torch.zeros(1, 1, 4, 5))
    with pytest.raises(StriateError, match="a 5x5 window with padding 0 does not fit"):
        LocallyConnected2d(1, 1, (4, 4), kernel=5)


def test_unpooling_sizes_and_sums() -> None:
    x = torch.rand(2, 3, 4, 5)
    near, nails = NearestUnpool(3)(x), BedOfNailsUnpool(3)(x)
    assert near.shape == nails.shape == (2, 3, 12, 15)
    torch.testing.assert_close(near, F.interpolate(x, scale_factor=3, mode="nearest"))
    assert torch.equal(nails[:, :, ::3, ::3], x) and (nails != 0).sum() == x.numel()


def test_max_unpooling_puts_the_maxima_back() -> None:
    x = torch.rand(2, 3, 7, 6)
    maxima, places = max_pool_with_places(x, 2, 2)
    y = max_unpool(maxima, places, (7, 6))
    torch.testing.assert_close(y, nn.MaxUnpool2d(2)(maxima, places, output_size=(7, 6)))
    assert torch.equal(y[y != 0], x[y != 0])
    assert torch.equal(F.max_pool2d(y, 2), maxima)
    with pytest.raises(StriateError, match="one place per number"):
        max_unpool(maxima[:1], places, (7, 6))


def test_transposed_convolution_gives_the_size_asked() -> None:
    layer = TransposedConv2d(2, 3, kernel_size=3, stride=2, padding=1)
    x = torch.randn(1, 2, 7, 7)
    assert layer(x, (13, 14)).shape == (1, 3, 13, 14)
    forward = F.conv2d(torch.zeros(1, 3, 13, 14), layer.weight, stride=2, padding=1)
    assert forward.shape == x.shape  # both sizes go to 7 under the convolution that it transposes
    with pytest.raises(StriateError, match="transposed convolution of height 7 can give 13 to 14, not 15"):
        layer(x, (15, 13))
    one_row = torch.tensor([[[[2.0, 3.0]]]])  # the lecture's example: 2 and 3 spread by (1, 10, 100), stride 2
    spread = F.conv_transpose2d(one_row, torch.tensor([[[[1.0, 10.0, 100.0]]]]), stride=(1, 2))
    assert spread.flatten().tolist() == [2, 20, 200 + 3, 30, 300]


def test_initialisers_have_the_papers_variances() -> None:
    layer = nn.Conv2d(32, 64, 3)
    he_normal_(layer)
    assert layer.weight.std().item() == pytest.approx(math.sqrt(2 / (64 * 9)), rel=0.02)
    xavier_uniform_(layer)
    assert layer.weight.std().item() == pytest.approx(math.sqrt(2 / (32 * 9 + 64 * 9)), rel=0.02)
    normal_(layer, 0.01)
    assert layer.weight.std().item() == pytest.approx(0.01, rel=0.02)
    assert (layer.bias == 0).all()


def test_he_keeps_the_variance_through_many_relu_layers() -> None:
    depth = nn.Sequential(*(nn.Sequential(nn.Linear(256, 256), nn.ReLU()) for _ in range(30)))
    x = torch.randn(64, 256)
    he_normal_(depth)
    second_moment = depth(x).square().mean().item()
    assert 0.1 < second_moment < 10
    xavier_uniform_(depth)
    assert depth(x).square().mean().item() < 1e-6  # halves at each of the 30 layers: 2 ** -30
