"""Batch norms folded into convolutions: where it is right, everywhere in the zoo, and nowhere else."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from striate.models import create_model, list_models
from striate.runtime.folding import fold_norms, foldable_norms, inference_form
from striate.runtime.runtime import Runtime

HUGE = {"resnet1202", "resnet152", "resnet152_paper", "resnext101_64x4d", "resnext101_32x8d", "densenet_bc250_24"}
# Norms that stay: those before their convolution, in a dense block one per layer, or behind a maximum; auxiliary heads,
# which do not run.
LEFT = {
    "densenet40_12": 39,
    "densenet_bc100_12": 51,
    "densenet121": 62,
    "googlenet_tv": 2,
    "airbench94": 3,
}


def with_statistics(network: nn.Module, spread: float = 0.3) -> nn.Module:
    """As after training: nothing of a norm is what it was drawn as."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for norm in network.modules():
            if isinstance(norm, nn.BatchNorm2d):
                norm.running_mean.normal_(0, spread, generator=generator)
                norm.running_var.uniform_(1 - spread, 1 + spread, generator=generator)
                if norm.affine:
                    norm.weight.uniform_(1 - spread, 1 + spread, generator=generator)
                    norm.bias.normal_(0, spread, generator=generator)
    return network.eval()


def norms_in(network: nn.Module) -> int:
    return sum(isinstance(module, nn.BatchNorm2d) for module in network.modules())


def difference(one: Tensor, other: Tensor) -> float:
    return float((one - other).abs().max() / one.abs().max())


@pytest.mark.parametrize("name", [name for name in list_models() if name not in HUGE])
def test_every_network_answers_the_same(name: str) -> None:
    with torch.device("meta"):
        if not norms_in(create_model(name)):
            pytest.skip("has no batch norm")
    network = with_statistics(create_model(name, 7))
    side = max(network.smallest_px, min(64, network.preprocess.size[0]))
    images = torch.randn(2, network.in_channels, side, side, generator=torch.Generator().manual_seed(1))
    folded = fold_norms(network, tuple(images.shape[1:]))
    with torch.inference_mode():
        expected, got = network(images), folded(images)
    assert torch.isfinite(expected).all()
    assert difference(expected, got) < 1e-4
    if name in LEFT or not name.startswith("densenet"):
        assert norms_in(folded) == LEFT.get(name, 0)


class Block(nn.Module):
    """A convolution, a norm, and whatever a test makes of them."""

    def __init__(self, **conv: object) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1, **conv)
        self.norm = nn.BatchNorm2d(4)


class Plain(Block):
    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x))


class ReadTwice(Block):
    def forward(self, x: Tensor) -> Tensor:
        maps = self.conv(x)
        return self.norm(maps) + maps


class ReadByAFunction(Block):
    def forward(self, x: Tensor) -> Tensor:
        maps = self.conv(x)
        return self.norm(maps) * F.adaptive_avg_pool2d(maps, 1)


class Returned(Block):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        maps = self.conv(x)
        return self.norm(maps), maps


class ChangedInPlace(Block):
    def forward(self, x: Tensor) -> Tensor:
        maps = self.conv(x)
        maps.relu_()
        return self.norm(maps)


class Between(Block):
    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x).relu())


class NormFirst(Block):
    def forward(self, x: Tensor) -> Tensor:
        return self.conv(self.norm(x))


class SharedConvolution(Block):
    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(self.conv(x)))


class SharedNorm(Block):
    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.norm(self.conv(x)))


class Scaled(nn.Conv2d):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * 2


def subclassed() -> nn.Module:
    block = Plain()
    block.conv = Scaled(4, 4, 3, padding=1)
    return block


def parametrised() -> nn.Module:
    block = Plain()
    nn.utils.parametrizations.weight_norm(block.conv)
    return block


def without_statistics() -> nn.Module:
    block = Plain()
    block.norm = nn.BatchNorm2d(4, track_running_stats=False)
    return block


NOT_FOLDABLE = [
    ReadTwice, ReadByAFunction, Returned, ChangedInPlace, Between, NormFirst, SharedConvolution, SharedNorm, subclassed,
    parametrised, without_statistics,
]  # fmt: skip


@pytest.mark.parametrize("make", NOT_FOLDABLE)
def test_what_cannot_be_folded_stays(make) -> None:
    network = make().eval()
    if make is not without_statistics:
        with_statistics(network)
    images = torch.randn(2, 4, 8, 8)
    folded = fold_norms(network, (4, 8, 8))
    assert norms_in(folded) == 1
    with torch.inference_mode():
        torch.testing.assert_close(folded(images), network(images))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("affine", [True, False])
def test_every_kind_of_convolution(bias: bool, groups: int, affine: bool) -> None:
    network = Plain(bias=bias, groups=groups)
    network.norm = nn.BatchNorm2d(4, affine=affine, eps=0.1)
    with_statistics(network)
    images = torch.randn(2, 4, 8, 8)
    folded = fold_norms(network, (4, 8, 8))
    assert norms_in(folded) == 0
    torch.testing.assert_close(folded(images), network(images), rtol=1e-5, atol=1e-6)


def test_one_weight_by_hand() -> None:
    """(3 x - 1) / sqrt(4 - 0.5 + 0.5) * 5 + 7 = 7.5 x + 4.5"""
    network = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.BatchNorm2d(1, eps=0.5)).eval()
    with torch.no_grad():
        network[0].weight.fill_(3)
        network[1].running_mean.fill_(1)
        network[1].running_var.fill_(4 - 0.5)
        network[1].weight.fill_(5)
        network[1].bias.fill_(7)
    folded = fold_norms(network, (1, 1, 1))
    assert (folded[0].weight.item(), folded[0].bias.item()) == (3 * 5 / 2, 7 - 1 * 5 / 2)
    assert foldable_norms(network, (1, 1, 1)) == [("0", "1")]


def test_the_network_itself_is_untouched() -> None:
    network = create_model("resnet20").train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    folded = fold_norms(network, (3, 32, 32))
    assert network.training
    assert not folded.training
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
    assert not any(module._forward_hooks for module in (*network.modules(), *folded.modules()))


def test_the_layout_stays() -> None:
    network = Runtime("cpu", "fp32", channels_last=True, threads=1).network(create_model("resnet20"))
    folded = fold_norms(network, (3, 32, 32))
    assert folded.get_submodule("layer1.0.conv1").weight.is_contiguous(memory_format=torch.channels_last)


def test_without_norms_the_form_is_the_network() -> None:
    network = create_model("lenet5").train()
    assert inference_form(network, network.preprocess) is network
    assert not network.training
