"""Features of regions: RoI pooling, RoIAlign, and the level of a pyramid that a region is read from. K regions.

RoI pooling: Girshick, "Fast R-CNN", arXiv:1504.08083, section 2.1. RoIAlign: He et al., "Mask R-CNN", arXiv:1703.06870,
section 3. Both read rows of a table that has a row of C numbers for every place of the maps, so maps whose channels lie
last in memory are read as they are. Boxes are edges in pixels of the picture; scale: of the maps, 1 / stride. Gradients
go to the maps; none go to the boxes, as in the papers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from striate.ops.boxes import box_area


def pyramid_level(boxes: Tensor, lowest: int, highest: int, side_px: float = 224.0, level: int = 4) -> Tensor:
    """Which level of a feature pyramid each box (K, 4) is read from, int64 (K,); level k has stride 2^k.

    A box of `side_px` squared is read from `level`, one of twice its side from the next. Lin et al., "Feature pyramid
    networks", arXiv:1612.03144, equation 1. Empty boxes are read from the lowest.

    >>> pyramid_level(torch.tensor([[0.0, 0, 224, 224], [0, 0, 112, 112], [0, 0, 900, 900]]), 2, 5).tolist()
    [4, 3, 5]
    """
    exact = level + torch.log2(box_area(boxes).sqrt() / side_px)
    return (exact + 1e-6).floor().clamp(lowest, highest).long()  # 1e-6: a side of just side_px, in float32


def roi_align(
    maps: Tensor,
    boxes: Tensor,
    picture: Tensor,
    size: tuple[int, int],
    scale: float,
    samples: int = 2,
    aligned: bool = False,
) -> Tensor:
    """Average of maps (N, C, H, W) in each cell of a grid laid over each box: (K, C, *size), channels last in memory.

    boxes: (K, 4). picture: of each, its number, int64 (K,). In a cell, `samples` x `samples` points are read
    bilinearly; 0: as many as it is long in places, rounded up. aligned: whether numbers of a map stand for the middle
    of their places; without, for their upper left corner, as in networks trained before that was corrected. A point
    more than one place outside the map counts 0. Cells, points and rounding are those of torchvision's operator.

    >>> maps = torch.arange(16.0).reshape(1, 1, 4, 4)
    >>> roi_align(maps, torch.tensor([[0.0, 0, 4, 4]]), torch.tensor([0]), (2, 2), 1.0, aligned=True).tolist()
    [[[[2.5, 4.5], [10.5, 12.5]]]]
    """
    return pyramid_roi_align([maps], boxes, picture, torch.zeros_like(picture), size, (scale,), samples, aligned)


def pyramid_roi_align(
    maps: Sequence[Tensor],
    boxes: Tensor,
    picture: Tensor,
    level: Tensor,
    size: tuple[int, int],
    scales: Sequence[float],
    samples: int = 2,
    aligned: bool = False,
) -> Tensor:
    """`roi_align` of a pyramid: maps, each (N, C, H, W) with its scale, and of each box the number in them, (K,)."""
    table = torch.cat([each.permute(0, 2, 3, 1).flatten(0, 2) for each in maps]).to(boxes.dtype)
    height, width = (_of_level([each.shape[axis] for each in maps], level) for axis in (2, 3))
    places = [each.shape[0] * each.shape[2] * each.shape[3] for each in maps]
    base = _of_level([sum(places[:number]) for number in range(len(maps))], level) + picture * height * width
    edges = boxes * boxes.new_tensor(scales)[level][:, None] - (0.5 if aligned else 0.0)
    start, length = edges[:, :2], edges[:, 2:] - edges[:, :2]
    length = length if aligned else length.clamp_min(1.0)

    def averages(of: Tensor | slice, points: tuple[int, int]) -> Tensor:
        ys, y_weights = _points(start[of, 1], length[of, 1], size[0], points[0], height[of])
        xs, x_weights = _points(start[of, 0], length[of, 0], size[1], points[1], width[of])
        rows = ys[:, :, None, :, None] * width[of, None, None, None, None] + xs[:, None, :, None, :]
        weights = y_weights[:, :, None, :, None] * x_weights[:, None, :, None, :]
        rows = (rows + base[of, None, None, None, None]).int()
        return _sums(table, rows.flatten(3).flatten(0, 2), weights.flatten(3).flatten(0, 2))

    if samples:
        out = averages(slice(None), (samples, samples))
    else:
        counts = (length.flip(1) / boxes.new_tensor(size)).ceil().long().clamp_min(1)
        each, group = torch.unique(counts, dim=0, return_inverse=True)
        parts = [averages((group == n).nonzero()[:, 0], (ys, xs)) for n, (ys, xs) in enumerate(each.tolist())]
        together = torch.cat(parts) if parts else averages(slice(None), (1, 1))
        in_groups = group.argsort(stable=True)
        out = together.reshape(boxes.shape[0], size[0] * size[1], table.shape[1])[in_groups.argsort()]
    return out.reshape(boxes.shape[0], *size, table.shape[1]).permute(0, 3, 1, 2)


def _of_level(numbers: Sequence[int], level: Tensor) -> Tensor:
    """The number that each level has, int64 (K,): in steps that an exported file for pictures of any size can hold."""
    found = torch.full_like(level, numbers[0])
    for number, value in enumerate(numbers[1:], start=1):
        found = torch.where(level == number, value, found)
    return found


def _points(start: Tensor, length: Tensor, cells: int, samples: int, limit: Tensor) -> tuple[Tensor, Tensor]:
    """Along one axis, the places that each cell reads, and their weights, which sum to 1: (K, cells, 2 * samples)."""
    steps = (torch.arange(cells * samples, device=start.device, dtype=start.dtype) + 0.5) / (cells * samples)
    at = start[:, None] + steps * length[:, None]
    last = limit[:, None] - 1
    inside = (at >= -1) & (at <= limit[:, None])
    low = at.clamp_min(0).floor().long().minimum(last)
    beyond = (at.clamp_min(0) - low) * (low < last)
    weights = torch.stack([1 - beyond, beyond], -1) * (inside[..., None] / samples)
    places = torch.stack([low, (low + 1).minimum(last)], -1)
    return places.reshape(-1, cells, 2 * samples), weights.reshape(-1, cells, 2 * samples)


def _sums(table: Tensor, rows: Tensor, weights: Tensor) -> Tensor:
    """Weighted sums of rows of a table (A, C): (B, C) of rows int32 (B, T) and their weights (B, T)."""
    if not torch.compiler.is_exporting():
        return _Sums.apply(table, rows, weights)  # type: ignore[no-any-return,no-untyped-call]
    each = zip(rows.unbind(1), weights.unbind(1), strict=True)  # files have operators for one row of every sum
    return sum((table.index_select(0, row) * weight[:, None] for row, weight in each), table.new_zeros(()))


class _Sums(torch.autograd.Function):
    """Weighted sums of rows of a table: the product of a sparse matrix with it; the gradient is that of its transpose.

    Both are torch's `embedding_bag`, which reads every row once and writes every sum once.
    """

    @staticmethod
    def forward(ctx: Any, table: Tensor, rows: Tensor, weights: Tensor) -> Tensor:
        ctx.save_for_backward(rows, weights)
        ctx.places = table.shape[0]
        return F.embedding_bag(rows, table, per_sample_weights=weights, mode="sum")

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        rows, weights = ctx.saved_tensors
        sorted_rows, order = rows.flatten().sort(stable=True)
        counts = torch.bincount(sorted_rows, minlength=ctx.places)
        begins = (counts.cumsum(0) - counts).int()
        sums = (order // rows.shape[1]).int()
        return (
            F.embedding_bag(
                sums, gradient.contiguous(), begins, per_sample_weights=weights.flatten()[order], mode="sum"
            ),
            None,
            None,
        )


def roi_pool(maps: Tensor, boxes: Tensor, picture: Tensor, size: tuple[int, int], scale: float) -> Tensor:
    """Maximum of maps (N, C, H, W) in each cell of a grid laid over each box: (K, C, *size), channels last in memory.

    boxes: (K, 4). picture: of each, its number, int64 (K,). Scaled edges are rounded to places, both of which belong to
    the region; its cells begin and end at whole places too, and share one where they do not divide it evenly. A cell
    outside the map is 0. So it is in the paper's code; box edges there are the last pixels inside.

    >>> maps = torch.arange(16.0).reshape(1, 1, 4, 4)
    >>> roi_pool(maps, torch.tensor([[0.0, 0, 2, 3]]), torch.tensor([0]), (2, 2), 1.0).tolist()
    [[[[5.0, 6.0], [13.0, 14.0]]]]
    """
    (height, width), (rows, columns) = maps.shape[2:], size
    edges = (boxes * scale + 0.5).floor().long()
    top, tall = _cells(edges[:, 1], edges[:, 3], rows, height)
    left, wide = _cells(edges[:, 0], edges[:, 2], columns, width)
    powers = _powers(rows, height), _powers(columns, width)
    of_rows, of_columns = ((2 ** torch.arange(1, n, device=boxes.device)) for n in powers)
    row_power = (tall[:, :, None] >= of_rows).sum(2)
    column_power = (wide[:, :, None] >= of_columns).sum(2)
    which = row_power[:, :, None] * powers[1] + column_power[:, None, :]
    begin = (which * maps.shape[0] + picture[:, None, None]) * height
    windows = torch.stack([  # two of a power of two cover a cell
        (begin + y.clamp(0, height - 1)[:, :, None]) * width + x.clamp(0, width - 1)[:, None, :]
        for y in (top, top + tall - 2**row_power) for x in (left, left + wide - 2**column_power)
    ]).flatten(1)  # fmt: skip
    there = ((tall > 0)[:, :, None] & (wide > 0)[:, None, :]).flatten()[:, None]
    out: Tensor = _Maxima.apply(maps, windows, powers)  # type: ignore[no-untyped-call]
    return torch.where(there, out, 0.0).reshape(boxes.shape[0], *size, maps.shape[1]).permute(0, 3, 1, 2)


def _cells(first: Tensor, last: Tensor, cells: int, limit: int) -> tuple[Tensor, Tensor]:
    """Along one axis, where each cell begins and how many places it has in the map, 0 beyond it: (K, cells) each."""
    first, last = first.clamp(0, limit)[:, None], last.clamp(0, limit)[:, None]
    length = (last - first + 1).clamp_min(1)
    number = torch.arange(cells, device=first.device)
    begin = (first + number * length // cells).clamp_max(limit)
    end = (first - -(number + 1) * length // cells).clamp_max(limit)
    return begin, end - begin


def _powers(cells: int, limit: int) -> int:
    """How many powers of two, from 1, are no longer than the longest cell of a region in a map."""
    return min(limit, -(-(limit + 1) // cells) + 1).bit_length()


class _Maxima(torch.autograd.Function):
    """Maxima of maps (N, C, H, W) over cells, (B, C): the largest of four windows, (4, B), rows of what `_windows` has.

    The gradient goes to the place where the maximum is.
    """

    @staticmethod
    def forward(ctx: Any, maps: Tensor, windows: Tensor, powers: tuple[int, int]) -> Tensor:
        values = maps.permute(0, 2, 3, 1)
        places = None
        if ctx.needs_input_grad[0]:
            places = torch.arange(values[..., 0].numel(), dtype=torch.int32, device=maps.device)
            places = places.reshape(values.shape[:3])[..., None].expand(values.shape)
        values, places = _windows(values, places, powers)
        out = values.index_select(0, windows[0])
        at = None if places is None else places.index_select(0, windows[0])
        for rows in windows[1:]:
            found = values.index_select(0, rows)
            if at is not None and places is not None:
                at = torch.where(found > out, places.index_select(0, rows), at)
            out = torch.maximum(out, found)
        if at is not None:
            ctx.save_for_backward(at)
        ctx.shape = maps.permute(0, 2, 3, 1).shape
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (at,) = ctx.saved_tensors
        channels = ctx.shape[3]
        index = at.long() * channels + torch.arange(channels, device=at.device)
        total = gradient.new_zeros(ctx.shape).flatten().index_add_(0, index.flatten(), gradient.flatten())
        return total.reshape(ctx.shape).permute(0, 3, 1, 2), None, None


def _windows(values: Tensor, places: Tensor | None, powers: tuple[int, int]) -> tuple[Tensor, Tensor | None]:
    """Maxima of windows of 2^a x 2^b that begin at each place of values (N, H, W, C), for every a and b, and where.

    (a * b * N * H * W, C) each. Windows end where the map ends. With them the maximum of any rectangle is that of four
    numbers. Bender and Farach-Colton, "The LCA problem revisited", LATIN 2000, section 3.
    """
    found = []
    of_rows = values, places
    for a in range(powers[0]):
        of_rows = _doubled(*of_rows, 2**a // 2, 1)
        both = of_rows
        for b in range(powers[1]):
            both = _doubled(*both, 2**b // 2, 2)
            found.append(both)
    maxima = torch.cat([each for each, _ in found]).flatten(0, 2)
    return maxima, None if places is None else torch.cat([at for _, at in found if at is not None]).flatten(0, 2)


def _doubled(values: Tensor, places: Tensor | None, step: int, axis: int) -> tuple[Tensor, Tensor | None]:
    """Maxima of windows twice as long along an axis, of those of windows of `step`, and their places."""
    if not step:
        return values, places
    length = values.shape[axis] - step
    here, there = values.narrow(axis, 0, length), values.narrow(axis, step, length)
    if places is not None:
        at = torch.where(there > here, places.narrow(axis, step, length), places.narrow(axis, 0, length))
        places = torch.cat([at, places.narrow(axis, length, step)], axis)
    return torch.cat([torch.maximum(here, there), values.narrow(axis, length, step)], axis), places
