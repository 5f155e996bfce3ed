"""One small convolution, computed in five ways that give equal numbers, and the weights of three kinds of layers."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from striate.layers.by_hand.convolution_as_product import im2col_conv2d, toeplitz_matrix
from striate.layers.by_hand.locally_connected import LocallyConnected2d

PICTURE = ((3, 0, 1, 2, 7), (1, 5, 8, 9, 3), (2, 7, 2, 5, 1), (0, 1, 3, 1, 7), (4, 2, 1, 6, 2))
KERNEL = ((1, 0, -1), (2, 0, -2), (1, 0, -1))  # Sobel's, which finds vertical edges
MORE = 2  # rows and columns of the larger picture beyond


@dataclass(frozen=True)
class View:
    """A way to compute it: its name, what it says, what it is computed by in words and numbers, its answer (h, w)."""

    name: str
    sentence: str
    means: str
    numbers: Tensor
    answer: Tensor


def five_views(picture: Tensor, kernel: Tensor) -> tuple[View, ...]:
    """A picture (H, W) and a kernel (k, k), without padding, in five ways; all answers are (H - k + 1, W - k + 1).

    >>> views = five_views(torch.ones(3, 3), torch.ones(2, 2))
    >>> [view.answer.tolist() for view in views] == 5 * [[[4.0, 4.0], [4.0, 4.0]]]
    True
    """
    x, weight = picture[None, None], kernel[None, None]
    side, (height, width) = len(kernel), picture.shape
    shape = height - side + 1, width - side + 1
    slid = [[picture[r : r + side, c : c + side] * kernel for c in range(shape[1])] for r in range(shape[0])]
    matrix = toeplitz_matrix(weight, (height, width))
    own = LocallyConnected2d(1, 1, (height, width), side)
    with torch.no_grad():
        own.weight.copy_(kernel.reshape(1, -1, 1).expand_as(own.weight))
        shared: Tensor = own(x)[0, 0]
    larger = F.conv2d(F.pad(x, (0, MORE, 0, MORE), "replicate"), weight)[0, 0]
    return (
        View(
            "A filter",
            "The kernel slides over the picture; each answer is the sum of a window's products.",
            "The first window's products",
            slid[0][0],
            torch.stack([torch.stack([products.sum() for products in row]) for row in slid]),
        ),
        View(
            "A matrix",
            "The picture, pixel after pixel, is multiplied by a matrix with a row for each answer. Along the diagonals "
            "of its blocks numbers are equal (Toeplitz). Its transpose carries gradients back.",
            "Weights, by answer and pixel",
            matrix,
            (matrix @ picture.flatten()).reshape(shape),
        ),
        View(
            "Patches",
            "Each window becomes a column. One product gives all answers: the kernel as a row, times this.",
            "Windows as columns (im2col)",
            F.unfold(x, side)[0],
            im2col_conv2d(x, weight)[0, 0],
        ),
        View(
            "Shared weights",
            "A locally connected layer has a kernel for each place; here they are all the same.",
            "Kernels, by place",
            own.weight.detach()[0].T,
            shared,
        ),
        View(
            "Any size",
            "The same kernel takes a picture that is two pixels larger: the same answers, and more beside.",
            "The answers to the larger picture",
            larger,
            larger[: shape[0], : shape[1]],
        ),
    )


def connections(size: int, side: int) -> dict[str, Tensor]:
    """Which weight joins an output (row) with an input (column) of a line of `size` numbers, 0 for none: (out, size).

    Equal numbers are one weight. side: of the window, without padding.

    >>> {name: int(matrix.max()) for name, matrix in connections(6, 3).items()}
    {'fully connected': 24, 'locally connected': 12, 'convolution': 3}
    """
    outputs = size - side + 1
    shared = toeplitz_matrix(torch.arange(1.0, side + 1).view(1, 1, 1, side), (1, size))
    own = torch.where(shared > 0, shared + side * torch.arange(outputs)[:, None], 0)
    full = torch.arange(1.0, outputs * size + 1).reshape(outputs, size)
    return {"fully connected": full, "locally connected": own, "convolution": shared}
