"""FractalNet: counts, the expansion rule by recursion, drop-path, and the deepest column alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from striate.core.errors import StriateError
from striate.models import create_model
from striate.models.fractalnet import FractalBlock, FractalNet, join

torch.set_num_threads(1)


@pytest.mark.parametrize(
    ("columns", "printed"), [(1, "0.3e6"), (2, "0.8e6"), (3, "2.1e6"), (4, "4.8e6"), (5, "10.2e6")]
)
def test_parameters_of_table_3(columns: int, printed: str) -> None:
    """arXiv:1605.07648, table 3, 5 to 80 layers on CIFAR-100, (16, 32, 64, 128, 128) maps."""
    with torch.device("meta"):
        model = FractalNet(columns, (16, 32, 64, 128, 128), classes=100, in_channels=3)
    unit = Decimal(1).scaleb(int(Decimal(printed).as_tuple().exponent))
    assert abs(sum(p.numel() for p in model.parameters()) - Decimal(printed)) <= unit


def test_fractalnet20_by_hand(parameters_of: Callable[[str], int]) -> None:
    widths = (3, 64, 128, 256, 512, 512)
    convolutions = sum(9 * (3 * a * b + 4 * b * b) for a, b in pairwise(widths))
    norms = sum(7 * 2 * width for width in widths[1:])
    assert parameters_of("fractalnet20") == convolutions + norms + 513 * 10 == 33_724_618


def recursive(block: FractalBlock, x: Tensor) -> Tensor:
    """Equation 1 by recursion: f1 = conv, f(c+1)(z) = join of f(c) after f(c), and conv; joins of joins flattened."""
    used = [0] * len(block.columns)

    def conv(column: int, z: Tensor) -> Tensor:
        used[column] += 1
        return block.columns[column][used[column] - 1](z)

    def ends(columns: int, z: Tensor) -> list[Tensor]:
        """What arrives at the last join of f(columns), deepest column last."""
        deepest = len(block.columns) - columns
        if columns == 1:
            return [conv(len(block.columns) - 1, z)]
        short = conv(deepest, z)
        middle = torch.stack(ends(columns - 1, z)).mean(0)
        return [short, *ends(columns - 1, middle)]

    return torch.stack(ends(len(block.columns), x)).mean(0)


@pytest.mark.parametrize("columns", [1, 2, 3, 4])
def test_the_expansion_rule(columns: int) -> None:
    torch.manual_seed(0)
    block = FractalBlock(3, 4, columns, dropout=0.0).eval()
    assert [len(column) for column in block.columns] == [2**c for c in range(columns)]
    x = torch.randn(2, 3, 6, 6)
    torch.testing.assert_close(block(x), recursive(block, x))


def test_depth_of_the_paths(on_meta: Callable) -> None:
    for name, depth in (("fractalnet20", 20), ("fractalnet40", 40)):
        deepest = [block.columns[-1] for block in on_meta(name).blocks]
        assert sum(len(column) for column in deepest) == depth


def test_local_joins_drop_by_chance_but_never_all() -> None:
    torch.manual_seed(0)
    paths = [torch.full((1, 1, 1, 1), value) for value in (1.0, 10.0, 100.0)]
    local = torch.zeros(3)
    drawn = [round(join(paths, local).item(), 3) for _ in range(4000)]
    means = {1.0, 10.0, 100.0, 5.5, 50.5, 55.0, 37.0}  # of every subset but the empty one
    assert set(drawn) <= means
    all_kept = sum(value == 37.0 for value in drawn) / len(drawn)
    expected = 0.85**3
    assert abs(all_kept - expected) < 5 * math.sqrt(expected * (1 - expected) / 4000)


def test_global_paths_are_one_column() -> None:
    """With a global path the whole block equals that column alone."""
    torch.manual_seed(0)
    block = FractalBlock(3, 4, 3, dropout=0.0).eval()
    x = torch.randn(2, 3, 6, 6)
    for number, column in enumerate(block.columns):
        alone = nn.Sequential(*column)(x)
        torch.testing.assert_close(block(x, torch.eye(3)[number]), alone)


def test_half_of_the_passes_are_global() -> None:
    torch.manual_seed(0)
    model = create_model("fractalnet40")
    samples = torch.stack([model._sample(torch.device("cpu")) for _ in range(1000)])
    assert abs((samples.sum(1) == 1).float().mean().item() - 0.5) < 0.08
    assert (samples.sum(0) > 60).all()  # every column is chosen


def test_training_differs_and_prediction_does_not() -> None:
    torch.manual_seed(0)
    model = create_model("fractalnet40")
    images = torch.randn(4, 3, 32, 32)
    with torch.no_grad():
        assert not torch.equal(model(images), model(images))
        model.eval()
        assert torch.equal(model(images), model(images))


def test_reading_out_the_deepest_column() -> None:
    torch.manual_seed(0)
    model = create_model("fractalnet40", classes=7).eval()
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        x = images
        for block in model.blocks:
            x = model.pool(nn.Sequential(*block.columns[3])(x))
        torch.testing.assert_close(model.column_logits(images), model.forward_head(x))
        shallow = model.column_logits(images, column=0)
    assert shallow.shape == (2, 7)
    with pytest.raises(StriateError, match=r"fractalnet40 has columns 0 \(one convolution\) to 3, got 4"):
        model.column_logits(images, column=4)
