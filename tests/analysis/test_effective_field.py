from __future__ import annotations

import pytest
import torch
from torch import nn

from striate.analysis.effective_field import effective_field
from striate.analysis.summary import summarize
from striate.core.errors import StriateError
from striate.models import create_model


def plain(layers: int) -> nn.Sequential:
    """3x3 convolutions without non-linearities, all weights 1: contributions are binomial, near a Gaussian."""
    stack = nn.Sequential(*(nn.Conv2d(1, 1, 3, padding=1, bias=False) for _ in range(layers)))
    for parameter in stack.parameters():
        nn.init.ones_(parameter)
    return stack


def test_contributions_of_ones_are_trinomial() -> None:
    found = effective_field(plain(2), (1, 9, 9), layer="1", pictures=1)
    line = torch.tensor([0, 0, 1, 2, 3, 2, 1, 0, 0]) / 9  # (1 1 1) convolved with (1 1 1)
    torch.testing.assert_close(found.contributions, line[:, None] * line[None, :])
    strong = sum(a * b > 0.0455 * 9 for a in (1, 2, 3, 2, 1) for b in (1, 2, 3, 2, 1))
    assert found.diameter_px == strong**0.5


def test_it_grows_like_a_square_root_and_is_smaller_than_the_field() -> None:
    sides = {n: effective_field(plain(n), (1, 81, 81), layer=str(n - 1), pictures=1).diameter_px for n in (9, 36)}
    assert summarize(plain(36), (1, 81, 81)).field_px == 2 * 36 + 1
    assert sides[36] < 0.5 * (2 * 36 + 1)
    assert 1.8 < sides[36] / sides[9] < 2.2  # arXiv:1701.04128: the square root of 36 / 9


def test_network_of_the_zoo_is_left_as_it_was() -> None:
    model = create_model("resnet20")
    found = effective_field(model, pictures=2)
    assert found.layer == "layer3" and found.contributions.shape == (32, 32)
    assert float(found.contributions.sum()) == pytest.approx(1)
    assert model.training and not model.layer3._forward_hooks
    assert all(parameter.grad is None for parameter in model.parameters())
    again = effective_field(model, pictures=2)
    assert torch.equal(found.contributions, again.contributions)


def test_layer_has_to_be_named_and_known_and_make_maps() -> None:
    model = nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten())
    with pytest.raises(StriateError, match="Sequential: layer is missing; name the module whose middle unit is asked"):
        effective_field(model, (3, 8, 8))
    with pytest.raises(StriateError, match="unknown layer 'conv1'"):
        effective_field(model, (3, 8, 8), layer="conv1")
    with pytest.raises(
        StriateError, match=r"layer '1' makes no maps \(N, C, H, W\); choose a convolution or a pooling"
    ):
        effective_field(model, (3, 8, 8), layer="1")
    nn.init.zeros_(model[0].weight)
    with pytest.raises(StriateError, match="nothing of the picture reaches the middle of layer '0'"):
        effective_field(model, (3, 8, 8), layer="0")
