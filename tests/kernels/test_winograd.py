"""Convolutions by minimal filtering against torch's own in float64 and bf16, as modules, in networks and in parts."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from striate.kernels import winograd
from striate.kernels.compile import Kernels
from striate.kernels.winograd import WinogradConv2d, have_winograd, winograd_convolutions


@pytest.fixture(autouse=True)
def need_bf16(kernels: Kernels) -> None:
    if not have_winograd(kernels):
        pytest.skip("needs a processor that multiplies bf16")


def layer(channels: int, filters: int, bias: bool = False) -> nn.Sequential:
    torch.manual_seed(0)
    convolution = nn.Conv2d(channels, filters, 3, padding=1, bias=bias)
    return nn.Sequential(convolution).to(memory_format=torch.channels_last)


def maps_of(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(shape, generator=generator).bfloat16().contiguous(memory_format=torch.channels_last)


def answers(network: nn.Module, maps: Tensor) -> list[Tensor]:
    """Output, gradients by maps and by weights, in float64; from a random mixture of the output, in bf16's numbers."""
    maps = maps.clone(memory_format=torch.preserve_format).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=maps.dtype == torch.bfloat16):
        out = network(maps)
    mixture = torch.randn(out.shape, generator=torch.Generator().manual_seed(2)).bfloat16().to(out)
    out.backward(mixture)
    return [tensor.detach().double() for tensor in (out, maps.grad, *(p.grad for p in network.parameters()))]


def error(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).norm() / expected.norm())


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(
    "shape",
    [(2, 64, 8, 8), (3, 64, 7, 7), (1, 80, 1, 1), (2, 64, 1, 6), (5, 128, 2, 3), (2, 96, 13, 4), (1, 512, 5, 5)],
)
@pytest.mark.parametrize("filters", [64, 112])
def test_errors_are_about_two_roundings(kernels: Kernels, shape: tuple[int, ...], filters: int, bias: bool) -> None:
    """Torch's own in bf16 is off by 0.0024 of float64's result, which is one rounding; ours by 0.0045 to 0.005."""
    ours, exact = layer(shape[1], filters, bias), layer(shape[1], filters, bias).double()
    with winograd_convolutions(ours, kernels):
        assert type(ours[0]) is WinogradConv2d
        found = answers(ours, maps_of(*shape))
    expected = answers(exact, maps_of(*shape).double())
    assert all(error(one, other) < 0.008 for one, other in zip(found, expected, strict=True))


def test_small_whole_numbers_are_exact(kernels: Kernels) -> None:
    """Where no number needs rounding there is no error: filters of few multiples of four, maps of -1, 0 and 1."""
    generator = torch.Generator().manual_seed(3)
    module = layer(64, 64)
    weight = 4.0 * torch.randint(-1, 2, (64, 64, 3, 3), generator=generator)
    weight *= torch.rand(weight.shape, generator=generator) < 0.03
    maps = torch.randint(-1, 2, (2, 64, 9, 6), generator=generator).bfloat16()
    maps = maps.contiguous(memory_format=torch.channels_last).requires_grad_()
    module[0].weight.data.copy_(weight)
    expected = nn.functional.conv2d(maps.detach().float(), weight, padding=1)
    with winograd_convolutions(module, kernels):
        out = module(maps)
    assert torch.equal(out.float(), expected)
    up = torch.randint(-1, 2, out.shape, generator=generator).bfloat16().contiguous(memory_format=torch.channels_last)
    out.backward(up)
    back = nn.functional.conv_transpose2d(up.float(), weight, padding=1)
    assert maps.grad is not None
    assert torch.equal(maps.grad.float(), back)


def test_parts_are_as_good_as_the_whole(kernels: Kernels, monkeypatch: pytest.MonkeyPatch) -> None:
    module, found = layer(64, 128), []
    for allowed in (1, 200_000, 1 << 30):  # a picture at a time; two and a last one; all five
        monkeypatch.setattr(winograd, "AT_ONCE_BYTES", allowed)
        module.zero_grad()
        with winograd_convolutions(module, kernels):
            found.append(answers(module, maps_of(5, 64, 10, 10)))
    for others in found[1:]:
        assert torch.equal(found[0][0], others[0])
        assert torch.equal(found[0][1], others[1])
        assert error(found[0][2], others[2]) < 0.005


def test_only_what_gains_is_taken_and_given_back(kernels: Kernels) -> None:
    taken = nn.Conv2d(64, 64, 3, padding=1)
    others = nn.ModuleList([
        nn.Conv2d(32, 64, 3, padding=1), nn.Conv2d(72, 64, 3, padding=1), nn.Conv2d(64, 64, 3),
        nn.Conv2d(64, 64, 3, padding=1, stride=2), nn.Conv2d(64, 64, 3, padding=2, dilation=2),
        nn.Conv2d(64, 64, 3, padding=1, groups=2), nn.Conv2d(64, 64, 1), nn.Conv2d(64, 64, 5, padding=2),
        nn.Conv2d(64, 64, 3, padding=1, padding_mode="reflect"), nn.ConvTranspose2d(64, 64, 3, padding=1),
    ])  # fmt: skip
    network = nn.ModuleList([taken, others])
    before = {name: set(vars(module)) for name, module in network.named_modules()}
    with pytest.raises(KeyboardInterrupt), winograd_convolutions(network, kernels):
        assert [type(module) is WinogradConv2d for module in (taken, *others)] == [True] + [False] * len(others)
        raise KeyboardInterrupt
    assert type(taken) is nn.Conv2d
    assert {name: set(vars(module)) for name, module in network.named_modules()} == before


def test_evaluation_other_numbers_and_layouts_are_torchs_own(kernels: Kernels) -> None:
    module, maps = layer(64, 64, bias=True), maps_of(2, 64, 6, 6)
    plain = copy.deepcopy(module)
    with winograd_convolutions(module, kernels):
        assert torch.equal(module(maps.float()), plain(maps.float()))
        assert torch.equal(module.double()(maps.double()), plain.double()(maps.double()))
        module.float(), plain.float()
        with torch.autocast("cpu", torch.bfloat16):
            assert torch.equal(module(maps.contiguous()), plain(maps.contiguous()))
            assert not torch.equal(module(maps.float()), plain(maps.float()))  # autocast would make it bf16, too
            assert torch.equal(module.eval()(maps), plain.eval()(maps))


def test_what_is_frozen_gets_no_gradient(kernels: Kernels) -> None:
    module, maps = layer(64, 64, bias=True), maps_of(2, 64, 6, 6)
    module.requires_grad_(False)
    with winograd_convolutions(module, kernels):
        assert not module(maps).requires_grad
        module(maps.requires_grad_()).sum().backward()
        assert maps.grad is not None
        module.requires_grad_(True)
        module(maps.detach()).sum().backward()
    assert all(parameter.grad is not None for parameter in module.parameters())


def test_nan_is_not_hidden(kernels: Kernels) -> None:
    module, maps = layer(64, 64), maps_of(1, 64, 6, 6)
    maps[0, 3, 2, 2] = float("nan")
    with winograd_convolutions(module, kernels):
        assert module(maps)[:, :, 1:4, 1:4].isnan().all()


def test_equal_runs_are_equal_bits(kernels: Kernels) -> None:
    found = []
    for _ in range(2):
        with winograd_convolutions(module := layer(64, 96), kernels):
            found.append(answers(module, maps_of(9, 64, 14, 14)))
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


@pytest.mark.parametrize("name", ["resnet18", "vgg11"])
def test_gradients_of_a_network_are_nearly_those_of_bf16(kernels: Kernels, name: str, in_training: Callable) -> None:
    """Rounding decides the sides of ReLUs, so gradients differ, though not many times as much as bf16's from fp32's."""
    network, images = in_training(name, 64)
    gradients = {}
    for way in ("fp32", "bf16", "Winograd"):
        twin = copy.deepcopy(network)
        with torch.autocast("cpu", torch.bfloat16, enabled=way != "fp32"):
            if way == "Winograd":
                with winograd_convolutions(twin, kernels):
                    assert any(type(module) is WinogradConv2d for module in twin.modules())
                    nn.functional.cross_entropy(twin(images), torch.arange(4)).backward()
            else:
                nn.functional.cross_entropy(twin(images), torch.arange(4)).backward()
        gradients[way] = torch.cat([p.grad.flatten() for p in twin.parameters() if p.grad is not None])
    assert error(gradients["Winograd"], gradients["fp32"]) < 3 * error(gradients["bf16"], gradients["fp32"])
    assert error(gradients["Winograd"], gradients["bf16"]) > 0
