"""Small masks of objects, as networks give them, put into pictures.

Source: He et al., arXiv:1703.06870, section 3.1: the 28x28 mask is resized to its box.
"""

from __future__ import annotations

import torch
from torch import Tensor


def pasted(probabilities: Tensor, boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """A network's small masks (N, M, M) at their boxes (N, 4) in a picture: probabilities (N, H, W), 0 elsewhere.

    Bilinear, sampled at the middle of each pixel, beyond the edge 0, as Detectron2 does (layers/mask_ops.py). boxes:
    edges in pixels of the picture. size: its height and width.

    >>> pasted(torch.ones(1, 2, 2), torch.tensor([[1.0, 0, 3, 2]]), (2, 4)).tolist()
    [[[0.0, 1.0, 1.0, 0.0], [0.0, 1.0, 1.0, 0.0]]]
    """
    height, width = size
    left, top, right, bottom = boxes.unbind(1)
    rows = _of_each_cell(top, bottom, height, probabilities.shape[1])
    columns = _of_each_cell(left, right, width, probabilities.shape[2])
    return rows @ probabilities @ columns.mT


def _of_each_cell(low: Tensor, high: Tensor, length: int, cells: int) -> Tensor:
    """How much of each cell every pixel of an axis has where cells lie between two edges (N,): (N, length, cells)."""
    middle = torch.arange(length, device=low.device, dtype=low.dtype) + 0.5
    per_pixel = cells / (high - low).clamp_min(torch.finfo(low.dtype).eps)
    place = (middle - low[:, None]) * per_pixel[:, None] - 0.5
    return (1 - (place[..., None] - torch.arange(cells, device=low.device)).abs()).clamp_min(0)
