from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from striate.analysis.rows import Row
from striate.analysis.summary import summarize
from striate.core.errors import StriateError
from striate.models import ZOO, create_model


def only_row(layer: nn.Module, size: tuple[int, ...]) -> Row:
    """The one row besides the picture."""
    _, row = summarize(layer, size).rows
    return row


def test_convolution() -> None:
    row = only_row(nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False), (3, 224, 224))
    assert (row.path, row.kind, row.in_shape, row.out_shape) == ("", "Conv2d", (1, 3, 224, 224), (1, 64, 112, 112))
    assert row.params == 64 * 3 * 7 * 7
    assert row.macs == 64 * 3 * 7 * 7 * 112 * 112
    assert row.activations == 64 * 112 * 112


def test_bias_is_a_parameter_and_no_multiplication() -> None:
    row = only_row(nn.Conv2d(3, 10, 5, padding=2), (3, 32, 32))
    assert (row.params, row.macs) == ((5 * 5 * 3 + 1) * 10, 5 * 5 * 3 * 10 * 32 * 32)


def test_grouped_convolution_reads_a_part_of_the_channels() -> None:
    row = only_row(nn.Conv2d(96, 256, 5, padding=2, groups=2), (96, 27, 27))
    assert row.params == 256 * 48 * 5 * 5 + 256
    assert row.macs == 256 * 48 * 5 * 5 * 27 * 27


def test_depthwise_convolution() -> None:
    assert only_row(nn.Conv2d(32, 32, 3, padding=1, groups=32, bias=False), (32, 8, 8)).macs == 32 * 9 * 8 * 8


def test_dilated_convolution_has_the_weights_of_its_taps() -> None:
    row = only_row(nn.Conv2d(4, 8, 3, dilation=2, bias=False), (4, 16, 16))
    assert row.out_shape == (1, 8, 12, 12)
    assert row.macs == 4 * 8 * 9 * 12 * 12


def test_transposed_convolution_counts_input_positions() -> None:
    row = only_row(nn.ConvTranspose2d(8, 5, 2, stride=2, bias=False), (8, 4, 4))
    assert row.out_shape == (1, 5, 8, 8)
    assert row.macs == 8 * 5 * 2 * 2 * 4 * 4


def test_transposed_grouped_convolution() -> None:
    row = only_row(nn.ConvTranspose2d(8, 6, 3, stride=2, groups=2, bias=False), (8, 4, 4))
    assert (row.params, row.macs) == (8 * 3 * 3 * 3, 8 * 3 * 3 * 3 * 4 * 4)


def test_one_and_three_axes() -> None:
    assert only_row(nn.Conv1d(2, 3, 5, bias=False), (2, 20)).macs == 2 * 3 * 5 * 16
    assert only_row(nn.Conv3d(2, 3, 2, bias=False), (2, 4, 4, 4)).macs == 2 * 3 * 8 * 27


def test_linear() -> None:
    row = only_row(nn.Linear(4096, 1000), (4096,))
    assert (row.params, row.macs, row.activations) == (4096 * 1000 + 1000, 4096 * 1000, 1000)


def test_linear_over_positions() -> None:
    assert only_row(nn.Linear(8, 5), (49, 8)).macs == 49 * 8 * 5


def test_attention() -> None:
    class Attention(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return F.scaled_dot_product_attention(x, x, x)

    tokens, width = 50, 16
    assert summarize(nn.Sequential(Attention()), (4, tokens, width)).macs == 4 * 2 * tokens * tokens * width


@pytest.mark.parametrize("layer", [nn.ReLU(), nn.BatchNorm2d(3), nn.Dropout(), nn.Identity(), nn.Sigmoid()])
def test_element_by_element_rows_count_nothing(layer: nn.Module) -> None:
    row = only_row(layer, (3, 8, 8))
    assert (row.macs, row.activations, row.out_shape) == (0, 0, (1, 3, 8, 8))


@pytest.mark.parametrize(
    ("layer", "elements"),
    [
        (nn.MaxPool2d(2), 3 * 4 * 4),
        (nn.AvgPool2d(2), 3 * 4 * 4),
        (nn.AdaptiveAvgPool2d(1), 3),
        (nn.AdaptiveAvgPool2d(4), 3 * 4 * 4),
        (nn.AdaptiveAvgPool2d(8), 0),  # a copy
        (nn.LocalResponseNorm(5), 0),  # pools inside, but is a norm
    ],
)
def test_pooling_is_a_line_of_the_layer_table(layer: nn.Module, elements: int) -> None:
    row = only_row(layer, (3, 8, 8))
    assert (row.macs, row.activations) == (0, elements)


class Residual(nn.Module):
    """A container with functions in its forward pass and a weight of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1, bias=False)
        self.mix = nn.Parameter(torch.ones(6, 8, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.conv(x)
        return F.conv2d(torch.cat([x, x], dim=1), self.mix)


def test_functions_of_a_container_have_rows() -> None:
    cost = summarize(nn.Sequential(Residual()), (4, 8, 8))
    assert [(row.path, row.kind, row.out_shape, row.params, row.macs) for row in cost.rows[1:]] == [
        ("0.conv", "Conv2d", (1, 4, 8, 8), 4 * 4 * 9, 4 * 4 * 9 * 8 * 8),
        ("0", "add", (1, 4, 8, 8), 0, 0),
        ("0", "cat", (1, 8, 8, 8), 0, 0),
        ("0", "convolution", (1, 6, 8, 8), 8 * 6, 8 * 6 * 8 * 8),
    ]
    assert cost.not_counted == {"add": 1, "cat": 1}


def test_network_of_functions_only_is_told_function_by_function() -> None:
    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(5, 3, 3, 3))

        def forward(self, x: Tensor) -> Tensor:
            return F.relu(F.conv2d(x, self.weight)).flatten(1)

    cost = summarize(Plain(), (3, 8, 8))
    assert [row.kind for row in cost.rows] == ["Input", "convolution", "relu"]
    assert (cost.params, cost.macs) == (5 * 27, 5 * 27 * 6 * 6)


def test_shared_layer_is_paid_twice_and_owned_once() -> None:
    layer = nn.Conv2d(3, 3, 3, padding=1, bias=False)
    cost = summarize(nn.Sequential(layer, nn.ReLU(), layer), (3, 8, 8))
    assert [row.params for row in cost.rows] == [0, 81, 0, 0]
    assert cost.params == 3 * 3 * 9
    assert cost.macs == 2 * (3 * 3 * 9 * 8 * 8)


def test_tied_weights_are_owned_once() -> None:
    first, second = nn.Linear(6, 6, bias=False), nn.Linear(6, 6, bias=False)
    second.weight = first.weight
    assert summarize(nn.Sequential(first, second), (6,)).params == 36


def test_parameters_that_nothing_reads_are_in_the_total() -> None:
    class Spare(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.head = nn.Linear(4, 2), nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 3))
            self.scale = nn.Parameter(torch.ones(7))

        def forward(self, x: Tensor) -> Tensor:
            return self.used(x)

    model = Spare()
    cost = summarize(model, (4,))
    assert [(row.path, row.kind, row.params) for row in cost.rows[2:]] == [
        ("", "not run", 7),
        ("head.0", "not run", 4 * 3 + 3),
        ("head.1", "not run", 3 * 3 + 3),
    ]
    assert cost.params == sum(parameter.numel() for parameter in model.parameters())


def test_nested_paths() -> None:
    model = nn.Sequential(nn.Sequential(nn.Sequential(nn.Linear(3, 3))), nn.ReLU())
    assert [row.path for row in summarize(model, (3,)).rows] == ["", "0.0.0", "1"]


def test_flops_are_twice_the_macs() -> None:
    assert summarize(nn.Linear(3, 5), (3,)).flops == 2 * 3 * 5


def test_size_of_a_network_of_the_zoo_may_be_left_out() -> None:
    model = create_model("lenet5", in_channels=3)
    assert summarize(model).input_shape == (1, 3, 32, 32)
    assert summarize(model, (28, 28)).input_shape == (1, 3, 28, 28)
    assert summarize(model, (3, 28, 28)).input_shape == (1, 3, 28, 28)


def test_size_of_another_network_is_needed() -> None:
    with pytest.raises(StriateError, match=r"Linear: size is missing; give channels, height, width, such as size="):
        summarize(nn.Linear(3, 3))


@pytest.mark.parametrize("size", [(), (3, 0, 8), (3, 8.0, 8)])
def test_malformed_size(size: tuple[int, ...]) -> None:
    with pytest.raises(StriateError, match="size must be whole numbers of at least 1, as channels, height, width; got"):
        summarize(nn.Linear(3, 3), size)


def test_network_of_the_zoo_keeps_its_own_error() -> None:
    with pytest.raises(StriateError, match=r"vgg16: a 16x16 picture is too small: layer 'features.30'"):
        with torch.device("meta"):
            model = create_model("vgg16")
        summarize(model, (16, 16))


@pytest.mark.parametrize("name", ZOO)
def test_agrees_with_torch_s_flop_counter(name: str) -> None:
    with torch.device("meta"):
        model = create_model(name).eval()
    cost = summarize(model)
    with FlopCounterMode(display=False) as counter:
        model(torch.empty(cost.input_shape, device="meta"))
    assert counter.get_total_flops() == 2 * cost.macs
    assert cost.params == sum(parameter.numel() for parameter in model.parameters())
