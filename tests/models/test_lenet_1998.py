"""LeNet-5 of 1998: the paper's counts per layer, its units, its outputs, and that it learns."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from striate.layers.lenet_units import RadialBasis, ScaledTanh, Subsampling, TableConv2d
from striate.models import create_model
from striate.models.lenet_1998 import C3_TABLE, digit_centres

torch.set_num_threads(1)


def test_parameters_layer_by_layer(parameters_of: Callable[[str], int]) -> None:
    """Section II.B prints 156, 12, 1,516, 32, 48,120 and 10,164."""
    model = create_model("lenet5_1998")

    def count(path: str) -> int:
        return sum(p.numel() for p in model.get_submodule(path).parameters())

    layers = ("features.c1", "features.s2", "features.c3", "features.s4", "hidden.c5", "hidden.f6", "output")
    assert [count(layer) for layer in layers] == [
        (25 + 1) * 6, 2 * 6, 25 * (6 * 3 + 6 * 4 + 3 * 4 + 6) + 16, 2 * 16, (25 * 16 + 1) * 120, (120 + 1) * 84, 0,
    ]  # fmt: skip
    assert parameters_of("lenet5_1998") == 156 + 12 + 1_516 + 32 + 48_120 + 10_164 == 60_000


def test_table_one_breaks_symmetry() -> None:
    """Six contiguous triples, six contiguous fours, three split fours, one of all; each S2 map feeds ten C3 maps."""
    assert [len(maps) for maps in C3_TABLE] == [3] * 6 + [4] * 9 + [6]
    assert len(set(C3_TABLE)) == 16
    assert [sum(source in maps for maps in C3_TABLE) for source in range(6)] == [10] * 6


def test_table_convolution_equals_a_masked_one() -> None:
    torch.manual_seed(0)
    layer = TableConv2d(6, C3_TABLE, kernel=5)
    x = torch.randn(2, 6, 14, 14)
    kernels = iter(layer.weight)
    dense = torch.zeros(16, 6, 5, 5)
    for target, maps in enumerate(C3_TABLE):
        for source in maps:
            dense[target, source] = next(kernels)
    torch.testing.assert_close(layer(x), F.conv2d(x, dense, layer.bias))


def test_subsampling_sums_four_and_scales() -> None:
    layer = Subsampling(2)
    with torch.no_grad():
        layer.coefficient.copy_(torch.tensor([0.5, 2.0]))
        layer.bias.copy_(torch.tensor([1.0, -1.0]))
    x = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]]])
    assert layer(x).flatten().tolist() == [0.5 * (1 + 2 + 3 + 4) + 1, 2 * (5 + 6 + 7 + 8) - 1]


def test_scaled_tanh_at_the_targets() -> None:
    values = ScaledTanh()(torch.tensor([-1.0, 0.0, 1.0, 100.0]))
    torch.testing.assert_close(values, torch.tensor([-1.0, 0.0, 1.0, 1.7159]), atol=1e-4, rtol=0)


def test_outputs_are_distances_to_drawn_digits() -> None:
    centres = digit_centres()
    assert centres.shape == (10, 7 * 12) and set(centres.unique().tolist()) == {-1.0, 1.0}
    differing = (centres[:, None] != centres[None]).sum(dim=2) + 84 * torch.eye(10)
    assert differing.min().item() >= 8  # any two digits differ in at least eight cells
    rbf = RadialBasis(centres)
    assert rbf(centres).argmax(dim=1).tolist() == list(range(10))
    x = torch.randn(3, 84)
    by_hand = torch.stack([-((x - centre) ** 2).sum(1) for centre in centres], dim=1)
    torch.testing.assert_close(rbf(x), by_hand)


def test_cross_entropy_is_equation_9() -> None:
    """E = y_D + log(sum of exp(-y_i)), with y the squared distances; the paper adds exp(-j) inside the logarithm."""
    y = torch.tensor([[3.0, 1.0, 4.0]])
    expected = y[0, 2] + torch.log(torch.exp(-y).sum())
    torch.testing.assert_close(F.cross_entropy(-y, torch.tensor([2])), expected)


def test_centres_are_kept_with_the_weights_and_not_trained() -> None:
    model = create_model("lenet5_1998", classes=12)
    assert model.state_dict()["output.centres"].shape == (12, 84)
    assert model.classes == 12
    assert not any("centres" in name for name, _ in model.named_parameters())
    again = create_model("lenet5_1998", classes=12)
    assert torch.equal(model.output.centres, again.output.centres)


def test_background_and_ink() -> None:
    record = create_model("lenet5_1998").preprocess
    background, ink = ((value - record.mean[0]) / record.std[0] for value in (0.0, 1.0))
    assert (background, ink) == (pytest.approx(-0.1), pytest.approx(1.175))


def test_it_learns() -> None:
    torch.manual_seed(0)
    model = create_model("lenet5_1998")
    images, labels = torch.randn(20, 1, 32, 32), torch.arange(20) % 10
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    losses = []
    for _ in range(60):
        loss = F.cross_entropy(model(images), labels)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
    assert losses[-1] < 0.5 * losses[0]
