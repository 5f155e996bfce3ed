"""The compiled batch norm against torch's own, forward and backward, as modules in networks and after a training."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from striate.analysis.readers import rectified_norms
from striate.core.errors import StriateError
from striate.kernels.compile import Kernels
from striate.kernels.fused_norm import FusedBatchNorm2d
from striate.kernels.fused_norm import fused_norms as fused_norms_of


def fused_norms(network: nn.Module, kernels: Kernels, shape: tuple[int, int, int]):
    """As a training enters it: the norms that rectify come from a trace."""
    return fused_norms_of(network, kernels, rectified_norms(network, network, shape))


def answers(network: nn.Module, maps: Tensor) -> tuple[Tensor, ...]:
    """Output, gradients by weights and by maps, running statistics, in float64; from a random mixture of the output."""
    maps = maps.clone(memory_format=torch.preserve_format).requires_grad_()
    out = network(maps)
    mixture = torch.randn(out.shape, generator=torch.Generator().manual_seed(1)).to(out)
    (out * mixture).sum().backward()
    gradients = [parameter.grad for parameter in network.parameters()]
    return tuple(tensor.detach().double() for tensor in (out, maps.grad, *gradients, *network.buffers()))


def norm(channels: int, relu: bool) -> nn.Sequential:
    torch.manual_seed(2)
    module = nn.BatchNorm2d(channels)
    nn.init.normal_(module.weight)
    nn.init.normal_(module.bias)
    return nn.Sequential(module, *[nn.ReLU(inplace=True)] * relu)


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize(
    "shape", [(4, 3, 5, 7), (2, 1, 3, 3), (8, 64, 1, 1), (3, 200, 9, 4), (2, 16, 32, 32), (33, 7, 11, 13)]
)
def test_float32_agrees_with_float64(kernels: Kernels, shape: tuple[int, ...], relu: bool) -> None:
    maps = (3 * torch.randn(shape, generator=torch.Generator().manual_seed(0)) + 40).contiguous(
        memory_format=torch.channels_last
    )
    ours, exact = norm(shape[1], relu), norm(shape[1], relu).double()
    with fused_norms(ours, kernels, shape[1:]):
        assert type(ours[0]) is FusedBatchNorm2d
        assert ours[0].rectifies == relu
        for _ in range(2):
            ours.zero_grad()
            found = answers(ours, maps)
    for _ in range(2):
        exact.zero_grad()
        expected = answers(exact, maps.double())
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=2e-4, atol=2e-4)
    assert type(ours[0]) is nn.BatchNorm2d


@pytest.mark.parametrize("relu", [False, True])
def test_bf16_is_as_near_to_float64_as_torch_is(kernels: Kernels, relu: bool) -> None:
    maps = torch.randn(4, 24, 10, 10).bfloat16().contiguous(memory_format=torch.channels_last)
    ours, theirs, exact = norm(24, relu), norm(24, relu), norm(24, relu).double()
    with fused_norms(ours, kernels, (24, 10, 10)):
        for _ in range(2):
            ours.zero_grad()
            found = answers(ours, maps)
    for network, images in ((theirs, maps), (exact, maps.double())):
        for _ in range(2):
            network.zero_grad()
            result = answers(network, images)
        if network is theirs:
            torchs = result
    for one, other, truth in zip(found, torchs, result, strict=True):
        error, allowed = (one - truth).abs().max(), (other - truth).abs().max()
        assert error <= 1.1 * allowed + 1e-3 * truth.abs().max()


def test_constant_maps_and_nan(kernels: Kernels) -> None:
    module = norm(5, relu=False)
    maps = torch.full((2, 5, 4, 4), 7.0).contiguous(memory_format=torch.channels_last)
    with fused_norms(module, kernels, (5, 4, 4)):
        out = module(maps)
        # A deviation of nothing counts as sqrt(1e-5), so float's rounding of 7 is multiplied by 316.
        torch.testing.assert_close(out, module[0].bias.detach().view(1, 5, 1, 1).expand_as(out), rtol=0, atol=1e-3)
        maps[0, 2, 0, 0] = float("nan")
        assert module(maps)[:, 2].isnan().all()


@pytest.mark.parametrize("name", ["resnet20", "densenet40_12", "googlenet_tv", "vgg11_bn"])
def test_networks_of_the_zoo(kernels: Kernels, name: str, in_training: Callable) -> None:
    """Also where the norm's output has other readers, or the ReLU comes before it."""
    network, images = in_training(name, 32)
    other = copy.deepcopy(network)
    with fused_norms(network, kernels, images.shape[1:]):
        for _ in range(2):
            network.zero_grad()
            loss = network(images)
            loss = sum(tensor.square().sum() for tensor in (loss if isinstance(loss, tuple) else [loss]))
            loss.backward()
    for _ in range(2):
        other.zero_grad()
        theirs = other(images)
        theirs = sum(tensor.square().sum() for tensor in (theirs if isinstance(theirs, tuple) else [theirs]))
        theirs.backward()
    torch.testing.assert_close(loss, theirs, rtol=1e-3, atol=1e-3)
    largest = max(parameter.grad.norm() for parameter in other.parameters() if parameter.grad is not None)
    for (path, mine), reference in zip(network.named_parameters(), other.parameters(), strict=True):
        # A bias before a norm has no gradient but rounding, so the scale is the network's, too.
        # Where rounding decides the side of a ReLU, gradients differ by a percent or so.
        if reference.grad is not None:
            assert (mine.grad - reference.grad).norm() <= 0.05 * reference.grad.norm() + 1e-5 * largest, path
    for mine, reference in zip(network.buffers(), other.buffers(), strict=True):
        torch.testing.assert_close(mine, reference, rtol=1e-3, atol=1e-4)


def test_evaluation_and_other_layouts_are_torchs_own(kernels: Kernels) -> None:
    module = norm(6, relu=True)
    maps = torch.randn(2, 6, 5, 5)
    expected = copy.deepcopy(module).eval()(maps)
    with fused_norms(module, kernels, (6, 5, 5)):
        assert torch.equal(module.eval()(maps), expected)
        assert module.train()(maps).is_contiguous()


def test_equal_runs_are_equal_bits(kernels: Kernels) -> None:
    maps = torch.randn(8, 32, 14, 14).bfloat16().contiguous(memory_format=torch.channels_last)
    with fused_norms(module := norm(32, relu=True), kernels, (32, 14, 14)):
        first = answers(module, maps)
    with fused_norms(module := norm(32, relu=True), kernels, (32, 14, 14)):
        second = answers(module, maps)
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))


class ReadBeforeReLU(nn.Module):
    """s = y + skip comes before y is rectified in place: the sum must see the norm's own output."""

    def __init__(self, order: str) -> None:
        super().__init__()
        self.norm, self.relu, self.order = nn.BatchNorm2d(8), nn.ReLU(inplace=True), order

    def forward(self, maps: Tensor) -> Tensor:
        y = self.norm(maps)
        if self.order == "sum first":
            total = y + maps
            return total + self.relu(y)
        if self.order == "view first":
            flat = y.flatten(2).sum(2)
            return self.relu(y) + flat[:, :, None, None]
        if self.order == "functional":
            return maps + torch.relu_(y)
        rectified = self.relu(y)
        return maps + rectified + y  # y is rectified by now, too


@pytest.mark.parametrize("order", ["sum first", "view first", "functional", "relu first"])
def test_whoever_reads_a_norm_before_its_relu_sees_the_norm(kernels: Kernels, order: str) -> None:
    torch.manual_seed(3)
    ours = ReadBeforeReLU(order)
    theirs = copy.deepcopy(ours)
    maps = torch.randn(4, 8, 6, 6).contiguous(memory_format=torch.channels_last)
    with fused_norms(ours, kernels, (8, 6, 6)):
        assert ours.norm.rectifies == (order == "relu first")
        for _ in range(3):
            ours.zero_grad()
            found = answers(ours, maps)
    for _ in range(3):
        theirs.zero_grad()
        expected = answers(theirs, maps)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_a_relu_that_is_left_out_in_a_step_is_an_error_and_no_wrong_gradient(kernels: Kernels) -> None:
    class Sometimes(nn.Sequential):
        skip = False

        def forward(self, maps: Tensor) -> Tensor:
            return self[0](maps) if self.skip else super().forward(maps)

    network = Sometimes(nn.BatchNorm2d(4), nn.ReLU(inplace=True))
    maps = torch.randn(2, 4, 5, 5).contiguous(memory_format=torch.channels_last)
    with fused_norms(network, kernels, (4, 5, 5)):
        network(maps).sum().backward()
        network.skip = True
        with pytest.raises(StriateError, match=r"was left out in a step, .* fused_norms=False$"):
            network(maps).sum().backward()


def test_a_network_that_cannot_be_traced_rectifies_nowhere(kernels: Kernels) -> None:
    class Asks(nn.Sequential):
        def forward(self, maps: Tensor) -> Tensor:
            maps = self[0](maps)
            return self[1](maps) if maps.sum().item() > 0 else maps

    network = Asks(nn.BatchNorm2d(4), nn.ReLU(inplace=True))
    assert rectified_norms(network, network, (4, 5, 5)) == set()
