"""What one number of a layer is made of."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

Place = tuple[int, ...]


class Terms(NamedTuple):
    """Numbers that one tensor gives to the answer.

    tensor: its number among the call's. places: int64 (n, axes). values: (n,), as the arithmetic has them.
    derivatives: (n,), of the answer by each. inside: bool (n,), False in the padding, whose places lie outside.
    """

    tensor: int
    places: Tensor
    values: Tensor
    derivatives: Tensor
    inside: Tensor

    def dense(self, like: Tensor) -> Tensor:
        """The derivatives in the shape of the whole tensor, 0 where it has no part."""
        places = tuple(self.places[self.inside].T)
        return torch.zeros_like(like).index_put(places, self.derivatives[self.inside], accumulate=True)


class Worked(NamedTuple):
    """An answer with its arithmetic.

    formula: in words. steps: names and values on the way. products: whether the first two of the terms stand in pairs
    that are multiplied.
    """

    value: float
    formula: str
    terms: tuple[Terms, ...]
    steps: tuple[tuple[str, float], ...] = ()
    products: bool = False


def terms(tensor: int, places: Tensor, values: Tensor, derivatives: Tensor, inside: Tensor | None = None) -> Terms:
    """Terms whose places are all inside, if nothing else is said."""
    return Terms(tensor, places, values, derivatives, values == values if inside is None else inside)


def single(tensor: int, place: Place, value: float, derivative: float) -> Terms:
    """Terms of one number."""
    numbers = torch.tensor([[value], [derivative]], dtype=torch.float64)
    return terms(tensor, torch.tensor([place], dtype=torch.int64).reshape(1, len(place)), *numbers)


def grid(*axes: Tensor) -> Tensor:
    """All combinations of places along axes, int64 (n, axes), the last one running fastest.

    >>> grid(torch.arange(2), torch.tensor([5, 7])).tolist()
    [[0, 5], [0, 7], [1, 5], [1, 7]]
    """
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).reshape(-1, len(axes)).long()


def numbers_at(tensor: Tensor, places: Tensor) -> Tensor:
    """What stands at places, int64 (n, axes): (n,)."""
    return tensor[tuple(places.T)]
