"""Surfaces over two numbers, and what is asked of them, counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

Range = tuple[float, float]


@dataclass(frozen=True)
class Surface:
    """A height over x and y. xs, ys: what of it is shown. start: where every optimiser begins. minima: all of them.

    The least height is the same at all minima.
    """

    name: str
    formula: str
    height: Callable[[Tensor, Tensor], Tensor]
    xs: Range
    ys: Range
    start: tuple[float, float]
    minima: tuple[tuple[float, float], ...]

    @property
    def least(self) -> float:
        """The height of the minima."""
        return float(self.height(*torch.tensor(self.minima[0], dtype=torch.float64)))


def _beale(x: Tensor, y: Tensor) -> Tensor:
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


def _saddle(x: Tensor, y: Tensor) -> Tensor:
    return x**2 - y**2 + y**4 / 4


def _ravine(x: Tensor, y: Tensor) -> Tensor:
    return x**2 / 20 + 2 * y**2


def _rosenbrock(x: Tensor, y: Tensor) -> Tensor:
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


# Beale and Rosenbrock: Moré, Garbow and Hillstrom, "Testing unconstrained optimization software", ACM TOMS 7, 1981,
# functions 5 and 1, Rosenbrock from their start.
SURFACES = {
    surface.name: surface
    for surface in (
        Surface(
            "beale", "(1.5 − x + xy)² + (2.25 − x + xy²)² + (2.625 − x + xy³)²", _beale,
            (-1, 4), (-1.5, 2), (1.0, 1.5), ((3.0, 0.5),),
        ),
        Surface(
            "saddle", "x² − y² + y⁴/4, between two valleys", _saddle,
            (-1.75, 1.75), (-2.2, 2.2), (1.2, 0.02), ((0.0, 2**0.5), (0.0, -(2**0.5))),
        ),
        Surface("ravine", "x²/20 + 2y²", _ravine, (-10, 4), (-3, 3), (-8.0, 2.0), ((0.0, 0.0),)),
        Surface(
            "rosenbrock", "(1 − x)² + 100 (y − x²)²", _rosenbrock,
            (-1.8, 1.8), (-0.8, 2.2), (-1.2, 1.0), ((1.0, 1.0),),
        ),
    )
}  # fmt: skip


@dataclass
class Counted:
    """A surface that counts what it is asked for: heights, gradients (2) and Hessians (2, 2), all of 64 bits.

    >>> asked = Counted(SURFACES["ravine"])
    >>> asked.gradient(torch.tensor([-10.0, 1.0])), asked.heights, asked.gradients
    (tensor([-1.,  4.]), 0, 1)
    """

    surface: Surface
    heights: int = field(default=0, init=False)
    gradients: int = field(default=0, init=False)
    hessians: int = field(default=0, init=False)

    def height(self, place: Tensor) -> float:
        """Of a place (2)."""
        self.heights += 1
        return float(self.surface.height(*place.detach()))

    def gradient(self, place: Tensor) -> Tensor:
        """By autograd."""
        self.gradients += 1
        leaf = place.detach().requires_grad_()
        (slope,) = torch.autograd.grad(self.surface.height(*leaf), leaf)
        return slope

    def hessian(self, place: Tensor) -> Tensor:
        """By autograd, twice."""
        self.hessians += 1
        found: Tensor = torch.autograd.functional.hessian(lambda at: self.surface.height(*at), place.detach())  # type: ignore[no-untyped-call]
        return found

    @property
    def asked(self) -> tuple[int, int, int]:
        """Heights, gradients and Hessians until now."""
        return self.heights, self.gradients, self.hessians
