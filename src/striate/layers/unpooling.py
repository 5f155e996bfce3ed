"""The ways back from small maps to large ones."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from striate.core.errors import StriateError


class NearestUnpool(nn.Module):
    """Repeat every number `factor` x `factor` times. (N, C, H, W) to (N, C, factor H, factor W).

    >>> import torch
    >>> NearestUnpool(2)(torch.tensor([[[[1.0, 2.0]]]]))
    tensor([[[[1., 1., 2., 2.],
              [1., 1., 2., 2.]]]])
    """

    def __init__(self, factor: int) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C, factor H, factor W)."""
        return x.repeat_interleave(self.factor, dim=2).repeat_interleave(self.factor, dim=3)


class BedOfNailsUnpool(nn.Module):
    """Every number into the upper left of `factor` x `factor` cells, zeros elsewhere.

    (N, C, H, W) to (N, C, factor H, factor W).

    >>> import torch
    >>> BedOfNailsUnpool(2)(torch.tensor([[[[1.0, 2.0]]]]))
    tensor([[[[1., 0., 2., 0.],
              [0., 0., 0., 0.]]]])
    """

    def __init__(self, factor: int) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C, factor H, factor W)."""
        y = x.new_zeros(*x.shape[:2], x.shape[2] * self.factor, x.shape[3] * self.factor)
        y[:, :, :: self.factor, :: self.factor] = x
        return y


def max_pool_with_places(x: Tensor, kernel: int, stride: int) -> tuple[Tensor, Tensor]:
    """Max pooling (N, C, H, W) to (N, C, H', W'), and for every maximum the place y * W + x it came from."""
    return F.max_pool2d(x, kernel, stride, return_indices=True)


def max_unpool(x: Tensor, places: Tensor, size: tuple[int, int]) -> Tensor:
    """Every number back to the place where its maximum was, zeros elsewhere.

    x, places: (N, C, H', W') from `max_pool_with_places`; size: height and width before the pooling. Where
    overlapping windows chose the same place their numbers are equal after pooling; otherwise one of them
    stays.
    Raises StriateError when the shapes of x and places differ.
    Source: Zeiler and Fergus, "Visualizing and understanding convolutional networks", arXiv:1311.2901,
    section 2.1.

    >>> import torch
    >>> maxima, places = max_pool_with_places(torch.tensor([[[[1.0, 3.0, 2.0, 0.0]] * 2]]), 2, 2)
    >>> max_unpool(maxima * 10, places, (2, 4))
    tensor([[[[ 0., 30., 20.,  0.],
              [ 0.,  0.,  0.,  0.]]]])
    """
    if x.shape != places.shape:
        raise StriateError(f"max unpooling needs one place per number, got {tuple(x.shape)} and {tuple(places.shape)}")
    flat = x.new_zeros(*x.shape[:2], size[0] * size[1])
    return flat.scatter(2, places.flatten(2), x.flatten(2)).reshape(*x.shape[:2], *size)


class TransposedConv2d(nn.ConvTranspose2d):
    """A transposed convolution that is told the size to give.

    A convolution with stride s maps s sizes to one, so its way back must be told which: from (H', W') it can
    give H = (H' - 1) s - 2 padding + kernel + 0 ... s - 1. Raises StriateError for a size outside.
    Source: Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285,
    section 4.6.

    >>> import torch
    >>> layer = TransposedConv2d(8, 4, kernel_size=3, stride=2, padding=1)
    >>> layer(torch.zeros(1, 8, 7, 7), (14, 13)).shape
    torch.Size([1, 4, 14, 13])
    """

    def forward(self, x: Tensor, output_size: tuple[int, int]) -> Tensor:  # type: ignore[override]
        """(N, in_channels, H', W') to (N, out_channels, *output_size)."""
        for axis, (side, wanted) in enumerate(zip(x.shape[2:], output_size, strict=True)):
            reach = self.dilation[axis] * (self.kernel_size[axis] - 1) + 1
            least = (side - 1) * self.stride[axis] - 2 * int(self.padding[axis]) + reach
            most = least + self.stride[axis] - 1
            if not least <= wanted <= most:
                raise StriateError(
                    f"transposed convolution of {'height' if axis == 0 else 'width'} {side} can give "
                    f"{least} to {most}, not {wanted}"
                )
        return super().forward(x, list(output_size))
