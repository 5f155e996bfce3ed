"""A convolution whose window is larger than its maps: outputs and gradients against float64."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from striate.layers import WideConv2d


@pytest.mark.parametrize(
    ("channels", "size", "dilation"),
    [
        *((64, size, 1) for size in ((1, 1), (3, 4), (5, 2), (9, 8))),
        (512, (2, 3), 1),
        *((16, size, 4) for size in ((4, 5), (8, 12), (13, 14))),
    ],
)
@pytest.mark.parametrize("bf16", [False, True])
def test_equals_float64(channels, size, dilation, bf16):
    """With 512 channels torch's own gradient in bfloat16 is wrong."""
    torch.manual_seed(0)
    conv = WideConv2d(channels, 2 * channels, kernel_size=7, padding=3 * dilation, dilation=dilation).to(
        memory_format=torch.channels_last
    )
    maps = torch.randn(3, channels, *size).to(memory_format=torch.channels_last).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        made = conv(maps)
    toward = torch.randn(made.shape)
    (made.float() * toward).sum().backward()
    twin, weight = maps.detach().double().requires_grad_(), conv.weight.detach().double().requires_grad_()
    exact = F.conv2d(twin, weight, conv.bias.detach().double(), padding=conv.padding, dilation=dilation)
    (exact * toward).sum().backward()
    assert made.shape == exact.shape
    share = 0.02 if bf16 else 1e-5
    for found, truth in ((made, exact), (conv.weight.grad, weight.grad), (maps.grad, twin.grad)):
        assert (found.double() - truth).abs().max() <= share * truth.abs().max()
    assert not conv.weight.grad[weight.grad == 0].any()
    conv.eval()
    assert torch.allclose(conv(maps).double(), exact, atol=1e-4)
