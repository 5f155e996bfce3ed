"""A convolution written as a matrix product, in the two classic ways; both equal `F.conv2d`.

im2col copies every window into a column and multiplies by the filters: what most fast implementations do.
The Toeplitz form writes the filters into one large sparse matrix that multiplies the flattened picture: what
shows that a convolution is a linear layer with shared and missing weights, and that its gradient is the
transposed matrix.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def im2col_conv2d(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, *, stride: int = 1, padding: int = 0, dilation: int = 1
) -> Tensor:
    """(N, C, H, W) and filters (K, C, k, k) to (N, K, H', W'), by one matrix product over columns of windows.

    Source: Chellapilla, Puri and Simard, "High performance convolutional neural networks for document
    processing", IWFHR 2006, section 3.

    >>> im2col_conv2d(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 2, 2)).flatten()
    tensor([4., 4., 4., 4.])
    """
    kernel = weight.shape[2:]
    columns = F.unfold(x, kernel, dilation=dilation, padding=padding, stride=stride)  # N, C k k, H'W'
    y = weight.flatten(1) @ columns  # N, K, H'W'
    if bias is not None:
        y = y + bias[:, None]
    height, width = _out_size((x.shape[2], x.shape[3]), kernel, stride, padding, dilation)
    return y.reshape(*y.shape[:2], height, width)


def toeplitz_matrix(
    weight: Tensor, size: tuple[int, int], *, stride: int = 1, padding: int = 0, dilation: int = 1
) -> Tensor:
    """The matrix (K H' W', C H W) that maps flattened pictures (C H W) to the flattened convolution (K H'
    W').

    weight: (K, C, k, k); size: height and width of the picture. With stride 1 every block has constant
    diagonals (Toeplitz). Its transpose is the transposed convolution.

    >>> toeplitz_matrix(torch.tensor([[[[1.0, 2.0]]]]), size=(1, 3))
    tensor([[1., 2., 0.],
            [0., 1., 2.]])
    """
    filters, channels, *kernel = weight.shape
    inputs = channels * size[0] * size[1]
    # Window the positions themselves: entry (w, p) is the input that weight w reads at output position p.
    places = torch.arange(1, inputs + 1, dtype=torch.float64).view(1, channels, *size)  # 0 stands for padding
    reads = F.unfold(places, tuple(kernel), dilation=dilation, padding=padding, stride=stride)[0].long()
    positions = reads.shape[1]
    matrix = weight.new_zeros(filters, positions, inputs + 1)
    index = reads.T.expand(filters, -1, -1)  # K, H'W', C k k
    matrix.scatter_(2, index, weight.flatten(1)[:, None].expand(-1, positions, -1))
    return matrix[:, :, 1:].flatten(0, 1)


def _out_size(size: tuple[int, int], kernel: torch.Size, stride: int, padding: int, dilation: int) -> tuple[int, int]:
    height, width = (
        (side + 2 * padding - dilation * (reach - 1) - 1) // stride + 1
        for side, reach in zip(size, kernel, strict=True)
    )
    return height, width
