"""What frequent operators make on tensors without memory, told without asking torch.

Torch's own answers are Python, take 100 to 700 us each, and the first one imports torch's compiler, 1.5 s. A rule
returns None where it does not know or the operator would fail; then torch is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload

Shape = tuple[int, ...]
META = torch.device("meta")
aten = torch.ops.aten
NOTHING = torch.empty(0, device=META)


def _fresh(like: Tensor, shape: Sequence[int]) -> Tensor:
    return torch.empty(shape, dtype=like.dtype, device=META)


def _same(first: Tensor, *_: Any) -> Tensor:
    return first


def _same_binary(first: Tensor, second: Any, *_: Any) -> Tensor | None:
    return None if isinstance(second, Tensor) and second.shape != first.shape else first


def _unary(first: Tensor, *_: Any) -> Tensor | None:
    return _fresh(first, first.shape) if first.is_contiguous() and first.is_floating_point() else None


def _binary(first: Tensor, second: Any, *_: Any) -> Tensor | None:
    if not isinstance(second, Tensor):
        return _unary(first)
    if first.dtype != second.dtype or not second.is_contiguous():
        return None
    if first.shape != second.shape and not _is_gate(second, first):
        return None
    return _unary(first)


def _is_gate(gate: Tensor, maps: Tensor) -> bool:
    """Whether one is a number per channel of the other, (N, C, 1, 1) beside (N, C, H, W)."""
    return gate.dim() == maps.dim() > 2 and gate.shape[:2] == maps.shape[:2] and set(gate.shape[2:]) == {1}


def _mean(first: Tensor, axes: list[int] | None, keepdim: bool = False, *_: Any) -> Tensor | None:
    if not axes or not first.is_floating_point():
        return None
    gone = {axis % first.dim() for axis in axes}
    shape = [1 if axis in gone else side for axis, side in enumerate(first.shape) if keepdim or axis not in gone]
    return _fresh(first, shape)


def _batch_norm(image: Tensor, weight: Any, bias: Any, mean: Any, variance: Any, training: bool, *_: Any) -> Any:
    if not image.is_contiguous():
        return None
    if not training:
        return _fresh(image, image.shape), NOTHING, NOTHING
    channels = image.shape[1]
    return _fresh(image, image.shape), torch.empty(channels, device=META), torch.empty(channels, device=META)


def _convolution(
    image: Tensor, weight: Tensor, bias: Any, stride: Any, padding: Any, dilation: Any, transposed: bool, *rest: Any
) -> Tensor | None:
    channels, groups = weight.shape[1] if weight.dim() > 1 else 0, rest[1]
    if transposed or image.dim() != weight.dim() or image.shape[1] != channels * groups or image.dtype != weight.dtype:
        return None
    sides = _windows(image, weight.shape[2:], stride, padding, dilation, False)
    return None if sides is None else _fresh(image, (image.shape[0], weight.shape[0], *sides))


def _max_pool(
    image: Tensor, kernel: Any, stride: Any = (), padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
) -> Any:
    sides = _windows(image, kernel, stride or kernel, padding, dilation, ceil_mode)
    if sides is None:
        return None
    shape = (*image.shape[:2], *sides)
    return _fresh(image, shape), torch.empty(shape, dtype=torch.int64, device=META)


def _avg_pool(
    image: Tensor, kernel: Any, stride: Any = (), padding: Any = 0, ceil_mode: bool = False, *_: Any
) -> Tensor | None:
    sides = _windows(image, kernel, stride or kernel, padding, 1, ceil_mode)
    return None if sides is None else _fresh(image, (*image.shape[:2], *sides))


def _windows(image: Tensor, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool) -> list[int] | None:
    axes = image.dim() - 2
    if axes < 1 or len(kernel) != axes or not image.is_contiguous():
        return None
    sides = []
    for axis, side in enumerate(image.shape[2:]):
        jump, pad, step = (_at(axis, number) for number in (stride, padding, dilation))
        room = side + 2 * pad - step * (kernel[axis] - 1) - 1
        if room < 0 or side < 1:
            return None
        positions = (-(-room // jump) if ceil_mode else room // jump) + 1
        sides.append(positions - 1 if ceil_mode and (positions - 1) * jump >= side + pad else positions)
    return sides


def _at(axis: int, numbers: Any) -> int:
    if isinstance(numbers, int):
        return numbers
    return int(numbers[axis] if len(numbers) > 1 else numbers[0])


def _adaptive_avg_pool(image: Tensor, sides: list[int]) -> Tensor | None:
    return _fresh(image, (*image.shape[: -len(sides)], *sides)) if image.is_contiguous() else None


def _pad(image: Tensor, widths: list[int], *_: Any) -> Tensor | None:
    shape = list(image.shape)
    for axis in range(len(widths) // 2):
        shape[-1 - axis] += widths[2 * axis] + widths[2 * axis + 1]
    return _fresh(image, shape) if image.is_contiguous() and min(shape) > 0 else None


def _product(left: Tensor, right: Tensor) -> Tensor | None:
    fits = left.dim() == right.dim() == 2 and left.shape[1] == right.shape[0] and left.dtype == right.dtype
    return _fresh(left, (left.shape[0], right.shape[1])) if fits else None


def _biased_product(bias: Tensor, left: Tensor, right: Tensor, *_: Any) -> Tensor | None:
    return _product(left, right) if bias.dim() == 1 and bias.shape[0] == right.shape[-1] else None


def _cat(tensors: list[Tensor], axis: int = 0) -> Tensor | None:
    first = tensors[0]
    shapes = [[*tensor.shape] for tensor in tensors]
    lengths = [shape.pop(axis) for shape in shapes if shape]
    alike = all(shape == shapes[0] for shape in shapes) and len({tensor.dtype for tensor in tensors}) == 1
    if not (alike and shapes[0] and all(tensor.is_contiguous() for tensor in tensors)):
        return None
    shapes[0].insert(axis % first.dim(), sum(lengths))
    return _fresh(first, shapes[0])


def _stack(tensors: list[Tensor], axis: int = 0) -> Tensor | None:
    first = tensors[0]
    if axis < 0 or any(tensor.shape != first.shape or tensor.dtype != first.dtype for tensor in tensors):
        return None
    return _fresh(first, (*first.shape[:axis], len(tensors), *first.shape[axis:]))


# operator: what it makes of its arguments, given by position
SHORTCUTS: dict[OpOverload, Callable[..., Any]] = {
    aten.convolution.default: _convolution,
    aten.native_batch_norm.default: _batch_norm,
    **dict.fromkeys((aten.max_pool2d_with_indices.default, aten.max_pool3d_with_indices.default), _max_pool),
    **dict.fromkeys((aten.avg_pool2d.default, aten.avg_pool3d.default), _avg_pool),
    aten._adaptive_avg_pool2d.default: _adaptive_avg_pool,
    aten.mean.dim: _mean,
    aten.cat.default: _cat,
    aten.stack.default: _stack,
    aten.constant_pad_nd.default: _pad,
    aten.mm.default: _product,
    aten.addmm.default: _biased_product,
    **dict.fromkeys((aten.add.Tensor, aten.sub.Tensor, aten.mul.Tensor, aten.div.Tensor), _binary),
    **dict.fromkeys((aten.tanh.default, aten.sigmoid.default, aten.relu.default, aten.pow.Tensor_Scalar), _unary),
    **dict.fromkeys((aten.silu.default, aten.gelu.default, aten.leaky_relu.default, aten.elu.default), _unary),
    **dict.fromkeys((aten.empty_like.default, aten._softmax.default, aten.exp.default, aten.sqrt.default), _unary),
    **dict.fromkeys((aten.add_.Tensor, aten.mul_.Tensor), _same_binary),
    **dict.fromkeys((aten.relu_.default, aten.div_.Scalar, aten.bernoulli_.float), _same),
    **dict.fromkeys((aten.normal_.default, aten.uniform_.default, aten.zero_.default, aten.fill_.Scalar), _same),
}
