"""Right gradients are called right, for every kind of layer; wrong ones wrong, with the layer's name."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from striate import layers
from striate.analysis.gradients import GradientCheck, check_gradients, small_pictures
from striate.core.errors import StriateError
from striate.layers import lenet_units
from striate.models import create_model


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


class Call(nn.Module):
    """A function as a layer."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, images: Tensor) -> Tensor:
        return self.function(images)


class Backwards(layers.TransposedConv2d):
    """To the middle one of the sizes that it can give."""

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images, (14, 14))


def pooled_and_back(images: Tensor) -> Tensor:
    values, places = layers.max_pool_with_places(images, 2, 2)
    return layers.max_unpool(values, places, images.shape[-2:])


def weight_normed(layer: nn.Module) -> nn.Module:
    layers.weight_norm(layer)
    return layer


def conv_as_product(images: Tensor) -> Tensor:
    weight = torch.linspace(-1, 1, 3 * 4 * 3 * 3, dtype=images.dtype).view(3, 4, 3, 3)
    return layers.im2col_conv2d(images, weight, stride=2, padding=1)


LAYERS: dict[str, nn.Module] = {
    "conv": nn.Conv2d(4, 3, 3, stride=2, padding=1),
    "grouped conv": nn.Conv2d(4, 6, 3, groups=2, dilation=2),
    "conv as product": Call(conv_as_product),
    "transposed conv": Backwards(4, 3, 3, stride=2),
    "linear": nn.Sequential(nn.Flatten(), nn.Linear(4 * 6 * 6, 5)),
    "locally connected": layers.LocallyConnected2d(4, 3, (6, 6), kernel=3, stride=2),
    "local response norm": layers.LocalResponseNorm(),
    "batch norm": nn.BatchNorm2d(4),
    "batch norm by hand": Call(layers.batch_norm),
    "layer norm": Call(layers.layer_norm),
    "instance norm": Call(layers.instance_norm),
    "group norm": Call(lambda images: layers.group_norm(images, 2)),
    "weight norm": weight_normed(nn.Conv2d(4, 3, 3)),
    "maxout": layers.Maxout(2),
    "relu": nn.ReLU(),
    "max pool": nn.MaxPool2d(3, 2),
    "average pool": nn.AvgPool2d(2),
    "max pool and back": Call(pooled_and_back),
    "bed of nails": layers.BedOfNailsUnpool(2),
    "nearest": layers.NearestUnpool(2),
    "inverted dropout": layers.InvertedDropout(0.5),
    "vanilla dropout": layers.VanillaDropout(0.5),
    "dropout": nn.Dropout(0.5),
    "drop path": layers.DropPath(0.5),
    "zero-pad shortcut": layers.ZeroPadShortcut(6, stride=2),
    "subsampling of 1998": lenet_units.Subsampling(4),
    "table convolution of 1998": lenet_units.TableConv2d(4, ((0, 1), (2, 3), (0, 1, 2)), 3),
    "radial basis of 1998": nn.Sequential(nn.Flatten(), lenet_units.RadialBasis(torch.ones(3, 4 * 6 * 6))),
    "scaled tanh": lenet_units.ScaledTanh(),
    "sigmoid": nn.Sigmoid(),
}


def right(check: GradientCheck) -> list[str]:
    return [row.path for row in check.rows if row.verdict == "right"]


def wrong(check: GradientCheck) -> list[str]:
    return [row.path for row in check.rows if row.verdict == "wrong"]


@pytest.mark.parametrize("name", LAYERS)
def test_every_kind_of_layer_is_right(name):
    check = check_gradients(LAYERS[name], torch.randn(3, 4, 6, 6), entries=8)
    assert check.is_right, check
    assert right(check) == [row.path for row in check.rows]
    assert check.rows[0].path == "input" and check.rows[0].entries == 8
    assert all(row.worst < 1e-5 for row in check.rows)


@pytest.mark.parametrize("name", ["lenet5", "lenet5_1998", "nin_cifar", "resnet20", "mlp"])
def test_networks_of_the_zoo_are_right(name):
    network = create_model(name, classes=3)
    check = check_gradients(network, entries=1)
    assert check.is_right, check
    with_weights = {path for path, module in network.named_modules() if list(module.parameters(recurse=False))}
    assert {row.path for row in check.rows} == with_weights | {"input"}
    assert str(check).startswith(f"{name}: gradients are right, ")


def test_auxiliary_heads_are_part_of_the_loss():
    check = check_gradients(create_model("googlenet", classes=2), layers=["aux*fc*"], entries=1)
    assert check.rows and right(check) == [row.path for row in check.rows]


class HalfGradient(torch.autograd.Function):
    """x squared, whose derivative is 2 x; x here, as if the 2 had been forgotten."""

    @staticmethod
    def forward(context: Any, values: Tensor) -> Tensor:
        context.save_for_backward(values)
        return values**2

    @staticmethod
    def backward(context: Any, upstream: Tensor) -> Tensor:
        (values,) = context.saved_tensors
        return values * upstream


class ForgottenBias(torch.autograd.Function):
    """A linear layer whose bias is given the gradient of one picture instead of their sum."""

    @staticmethod
    def forward(context: Any, values: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        context.save_for_backward(values, weight)
        return F.linear(values, weight, bias)

    @staticmethod
    def backward(context: Any, upstream: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        values, weight = context.saved_tensors
        return upstream @ weight, upstream.T @ values, upstream[0]


class Forgetful(nn.Linear):
    def forward(self, values: Tensor) -> Tensor:
        return ForgottenBias.apply(values, self.weight, self.bias)


def test_a_wrong_derivative_is_found_and_named():
    network = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), Call(HalfGradient.apply), nn.Linear(5, 2), nn.Linear(2, 2))
    check = check_gradients(network, torch.randn(4, 6))
    assert not check.is_right
    assert wrong(check) == ["input", "0"]  # before the fault; what follows it does not see it
    assert right(check) == ["3", "4"]
    # analytic x, numeric 2 x: |x - 2x| / |2x|
    assert check.rows[0].worst == pytest.approx(1 / 2, rel=1e-4)
    assert str(check) == (
        "Sequential: gradients are wrong in 2 of 4 rows. A fault spoils all gradients on its way to the pictures, so "
        "look first at '0' and at what follows it"
    )


def test_a_fault_in_one_parameter_is_that_layers_alone():
    network = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), Forgetful(5, 4), nn.Tanh(), nn.Linear(4, 2))
    check = check_gradients(network, torch.randn(4, 6))
    assert wrong(check) == ["2"]
    assert "look first at '2'" in str(check)


@pytest.mark.parametrize("bad", [math.nan, math.inf, 0.0, -1.0])
def test_a_gradient_that_is_not_finite_vanishes_or_points_back_is_wrong(bad):
    class Spoilt(torch.autograd.Function):
        @staticmethod
        def forward(context: Any, values: Tensor) -> Tensor:
            return values.clone()

        @staticmethod
        def backward(context: Any, upstream: Tensor) -> Tensor:
            return upstream * bad

    check = check_gradients(nn.Sequential(nn.Linear(3, 2), Call(Spoilt.apply)), torch.randn(2, 3))
    assert wrong(check) == ["input", "0"]
    assert check.rows[0].worst == pytest.approx(1.0 if bad == 0 else 2.0, rel=1e-4)
    json.dumps(check.to_dict(), allow_nan=False)


def test_a_forgotten_detach_is_wrong_and_an_unused_layer_is_not():
    class Detached(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last, self.idle = nn.Linear(4, 3), nn.Linear(3, 2), nn.Linear(3, 2)

        def forward(self, values: Tensor) -> Tensor:
            return self.last(self.first(values).detach())

    check = check_gradients(Detached(), torch.randn(2, 4))
    assert {row.path: row.verdict for row in check.rows} == {
        "input": "wrong",
        "first": "wrong",
        "last": "right",
        "idle": "unused",
    }
    idle = check.rows[-1]
    assert (idle.entries, idle.worst, idle.kinks) == (0, None, 0)


def test_biases_before_batch_norm_are_too_small_to_compare():
    """Batch norm subtracts every bias before it, so the true derivative is 0 and what is computed is rounding."""
    network, images = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Tanh()), torch.randn(4, 3, 4, 4)
    assert [row.verdict for row in check_gradients(network, images).rows] == ["right", "right", "right"]
    network[0].weight.requires_grad_(False)  # the bias alone
    check = check_gradients(network, images)
    assert [row.verdict for row in check.rows] == ["right", "too small", "right"]
    assert (check.rows[1].entries, check.rows[1].worst) == (0, None)
    assert check.is_right


def test_kinks_are_left_out_and_said():
    class AtTheKink(nn.Module):
        """ReLU of numbers that are exactly zero, where it has no derivative."""

        def forward(self, values: Tensor) -> Tensor:
            return torch.relu(values)

    check = check_gradients(AtTheKink(), torch.zeros(2, 3))
    (row,) = check.rows
    assert (row.verdict, row.entries, row.worst) == ("kinks", 0, None)
    assert row.kinks > 0
    assert check.is_right
    assert str(check) == "AtTheKink: there was no gradient that could be compared"


def test_other_entries_are_tried_at_kinks():
    half = torch.cat((torch.zeros(1, 40), torch.linspace(0.5, 2, 40)[None]))
    check = check_gradients(Call(torch.relu), half, entries=4, seed=1)
    (row,) = check.rows
    assert row.verdict == "right" and row.kinks > 0 and row.entries == 4


def test_the_network_stays_as_it_is():
    network = create_model("resnet20", classes=3).eval()
    network.requires_grad_(False).fc.requires_grad_(True)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    state = torch.get_rng_state()
    check = check_gradients(network, entries=1)
    assert [row.path for row in check.rows] == ["input", "fc"]  # frozen ones are left out
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert not network.training and network.fc.weight.grad is None
    assert torch.equal(torch.get_rng_state(), state)


def test_equal_seeds_give_equal_checks():
    network = create_model("lenet5")
    assert check_gradients(network, seed=3) == check_gradients(network, seed=3)
    assert check_gradients(network, seed=3) != check_gradients(network, seed=4)


def test_progress_is_told_layer_by_layer():
    told: list[tuple[int, int]] = []
    check_gradients(create_model("lenet5"), entries=1, progress=lambda done, total: told.append((done, total)))
    assert told == [(number, 6) for number in range(1, 7)]


def test_mistakes():
    network = create_model("lenet5")
    with pytest.raises(StriateError, match="no layer with parameters is called fc1 or conv9; there are input, "):
        check_gradients(network, layers=["fc1", "conv9"])
    with pytest.raises(StriateError, match="entries must be between 1 and 10,000, got 0"):
        check_gradients(network, entries=0)
    with pytest.raises(StriateError, match="Linear: images are missing; give a batch that it takes, such as"):
        check_gradients(nn.Linear(2, 2))

    generator = torch.Generator().manual_seed(0)
    restless = Call(lambda values: values * torch.randn((), generator=generator))
    with pytest.raises(StriateError, match="two passes over the same pictures give .* only where equal seeds of torch"):
        check_gradients(restless, torch.randn(2, 2))
    with pytest.raises(StriateError, match="give nan and nan"):
        check_gradients(Call(torch.log), -torch.ones(2, 2))


def test_pictures_are_as_small_as_the_network_takes():
    assert small_pictures(create_model("resnet20")).shape == (4, 3, 8, 8)
    assert small_pictures(create_model("lenet5")).shape == (4, 1, 16, 16)  # its smallest
    assert small_pictures(create_model("mlp")).shape == (4, 1, 28, 28)  # its first layer reads every pixel
    assert small_pictures(create_model("resnet20"), (9, 12), count=2).shape == (2, 3, 9, 12)
    with pytest.raises(StriateError, match="reads every pixel of a 28x28 picture, got 8x8"):
        small_pictures(create_model("mlp"), (8, 8))
