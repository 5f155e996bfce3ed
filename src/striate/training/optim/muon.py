"""Muon: momentum whose update of a convolution is made orthogonal, so that every direction is learnt at one rate.

Jordan et al., "Muon: an optimizer for hidden layers in neural networks" (2024), https://kellerjordan.github.io/posts/muon/.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from striate.training.optim.eager import eager

ITERATIONS = 3  # as the record runs on CIFAR-10 take; five are exacter and cost more
COEFFICIENTS = (3.4445, -4.7750, 2.0315)


def orthogonal(matrix: Tensor) -> Tensor:
    """A matrix (rows, columns) with the same singular vectors and singular values near 1, in bf16.

    Newton-Schulz iterations with the coefficients of the source, which reach 0.7 to 1.2 soon instead of 1 in the end.

    >>> values = torch.linalg.svdvals(orthogonal(torch.randn(8, 32)).float())
    >>> bool(values.min() > 0.3), bool(values.max() < 1.4)
    (True, True)
    """
    a, b, c = COEFFICIENTS
    tall = matrix.shape[0] > matrix.shape[1]
    x = (matrix.T if tall else matrix).bfloat16()
    x = x / (x.norm() + 1e-7)
    for _ in range(ITERATIONS):
        gram = x @ x.T
        polynomial = torch.addmm(gram, gram, gram, beta=b, alpha=c)
        x = torch.addmm(x, polynomial, x, beta=a)
    found: Tensor = x.T if tall else x
    return found


@eager
class Muon(torch.optim.Optimizer):
    """Nesterov momentum, in groups marked `orthogonal` with orthogonalised updates.

    params: groups with `lr`, `momentum`, `weight_decay` and `orthogonal`. An orthogonal group holds weights of
    convolutions (width, channels, height, width): each is one matrix with a row per filter; its decay is decoupled,
    lr * weight_decay per step. The others are stepped as by `torch.optim.SGD(nesterov=True)`.
    """

    def __init__(self, params: Iterable[dict[str, Any]]) -> None:
        super().__init__(params, {"lr": 0.0, "momentum": 0.9, "weight_decay": 0.0, "orthogonal": False})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One update of every parameter that has a gradient."""
        for group in self.param_groups:
            parameters = [parameter for parameter in group["params"] if parameter.grad is not None]
            gradients = [parameter.grad for parameter in parameters]
            if group["weight_decay"]:
                if group["orthogonal"]:
                    torch._foreach_mul_(parameters, 1 - group["lr"] * group["weight_decay"])
                else:
                    gradients = list(torch._foreach_add(gradients, parameters, alpha=group["weight_decay"]))
            momenta = [self._momentum(parameter) for parameter in parameters]
            torch._foreach_mul_(momenta, group["momentum"])
            torch._foreach_add_(momenta, gradients)
            updates = list(torch._foreach_add(gradients, momenta, alpha=group["momentum"]))
            if group["orthogonal"]:
                updates = [scaled_orthogonal(update) for update in updates]
            torch._foreach_add_(parameters, updates, alpha=-group["lr"])

    def _momentum(self, parameter: Tensor) -> Tensor:
        state = self.state[parameter]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(parameter)
        return state["momentum_buffer"]  # type: ignore[no-any-return]


def scaled_orthogonal(update: Tensor) -> Tensor:
    """An update (filters, ...) made orthogonal, one row per filter, enlarged where it has more rows than columns."""
    flat = update.flatten(1)
    enlarged: float = max(1.0, flat.shape[0] / flat.shape[1]) ** 0.5
    return (orthogonal(flat).to(update.dtype) * enlarged).view_as(update)
