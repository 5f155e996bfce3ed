"""By gradients that pass rectifiers otherwise: the deconvnet, and guided backpropagation.

The rule is put on the nodes of the graph that torch goes back by. So a ReLU is found however it was written: as a
module, a function, in place, as ReLU6 or as a clamp at 0; once for every time that it is used. Max pooling hands a
gradient to the place of the maximum, which are the deconvnet's switches, and a convolution by its transposed filters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import BackwardCFunction

from striate.visual.attribution.asked import Asked, require_gradients
from striate.visual.attribution.gradients import strongest
from striate.visual.attribution.score import CannotShow

Rule = Callable[[Tensor, Tensor], Tensor]
"""Of the gradient that a rectifier would hand on, and the one that came to it, what it hands on."""

OTHERS = {
    "Gelu": "GELU", "Silu": "SiLU", "Hardswish": "hardswish", "Mish": "Mish", "LeakyRelu": "leaky ReLU", "Elu": "ELU",
    "Celu": "CELU", "PreluKernel": "PReLU", "Tanh": "tanh", "RreluWithNoise": "RReLU",
}  # fmt: skip
"""Activations in a ReLU's place, by the names that torch gives their gradients. Sigmoids may be gates, and are not."""
COVERED = {
    "CopySlices": "changes a part of a tensor in place",
    "DifferentiableGraphBackward": "is compiled by torch.jit",
}


def deconvnet(asked: Asked) -> Tensor:
    """What the deconvnet projects back to the pixels, its largest channel. Zeiler and Fergus, arXiv:1311.2901."""
    return strongest(_projected(asked, "the deconvnet", lambda handed, came: came.clamp(min=0)))


def guided_backpropagation(asked: Asked) -> Tensor:
    """The gradient that stays positive through all rectifiers. Springenberg et al., arXiv:1412.6806, section 3.4."""
    return strongest(_projected(asked, "guided backpropagation", lambda handed, came: handed.clamp(min=0)))


def _projected(asked: Asked, method: str, rule: Rule) -> Tensor:
    images = asked.images.detach().clone().requires_grad_()
    score = asked.score(images)
    require_gradients(asked, score)
    rectifiers = []
    for node in _nodes(score.grad_fn):
        if reason := _in_the_way(node):
            raise CannotShow(f"{method} is defined by ReLUs, and {asked.name} {reason}")
        if _rectifies(node):
            rectifiers.append(node)
    if not rectifiers:
        raise CannotShow(f"{method} is defined by ReLUs, and {asked.name} has none on its way to this answer")
    passed = [0]

    def applied(handed: tuple[Tensor | None, ...], came: tuple[Tensor | None, ...]) -> tuple[Tensor | None, ...]:
        passed[0] += 1
        first = rule(handed[0], came[0]) if handed[0] is not None and came[0] is not None else handed[0]
        return (first, *handed[1:])

    for node in rectifiers:
        node.register_hook(applied)
    (gradient,) = torch.autograd.grad(score.sum(), images, materialize_grads=True)
    if not passed[0]:
        raise CannotShow(f"{method} is defined by ReLUs, and no gradient passes those of {asked.name}")
    return gradient.detach()


def _nodes(last: Any) -> Iterator[Any]:
    """All that a gradient passes, once each."""
    seen, left = {last}, [last]
    while left:
        node = left.pop()
        yield node
        for below, _ in node.next_functions:
            if below is not None and below not in seen:
                seen.add(below)
                left.append(below)


def _rectifies(node: Any) -> bool:
    name = node.name()
    if name.startswith("Hardtanh"):
        return bool(node._saved_min_val == 0)
    if name.startswith(("ClampBackward", "ClampMinBackward")):
        return isinstance(node._saved_min, int | float) and node._saved_min == 0
    if name.startswith("ThresholdBackward"):
        return bool(node._saved_threshold == 0)
    return bool(name.startswith("ReluBackward"))


def _in_the_way(node: Any) -> str:
    """Why nobody can say what happens to rectifiers there; "" where one can."""
    name = node.name().rpartition("::")[2]
    for begins, words in OTHERS.items():
        if name.startswith(f"{begins}Backward"):
            return f"has {words} in their place"
    if name in COVERED:
        return f"{COVERED[name]}, where rectifiers cannot be seen"
    if isinstance(node, BackwardCFunction):
        function: Any = getattr(type(node), "_forward_cls")  # noqa: B009 - which torch does not declare
        if not function.__module__.startswith("striate."):
            return f"has a gradient of its own ({function.__name__}), where rectifiers cannot be seen"
    return ""
