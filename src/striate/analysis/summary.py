"""What a network costs, row by row and in total.

Conventions, the same everywhere in Striate:

- MACs are multiply-accumulates of convolutions and matrix products. Biases, normalisation, pooling and activations are
  not counted; `Summary.not_counted` lists them by name.
- Activations are the elements of the picture and of the outputs of convolutions, matrix products and pooling, as a
  layer table lists them. Element-by-element rows (ReLU, norm, dropout, addition) and copies count 0: an implementation
  may do them in place. VGG-16's table adds up to 15,237,608 this way.
- A parameter belongs to the first row that reads it, once. Parameters that nothing reads have rows of kind "not run".
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from striate.analysis.macs import Shape
from striate.analysis.memory import Kept, kept_weightless, peak_bytes
from striate.analysis.rows import Row, not_counted, rows_of
from striate.analysis.table import as_dict, as_text
from striate.analysis.trace import trace_weightless
from striate.analysis.weightless import weightless
from striate.core.errors import StriateError
from striate.models import Network


@dataclass(frozen=True)
class Summary:
    """What a network costs on one picture. Totals are the sums of the columns of `rows`.

    name: the network's in the zoo, or its class.
    not_counted: operators that ran and have no multiply-accumulates, name to number, views left out.
    peak_bytes: activations alive at once in inference, at most. parameter_bytes: of the weights, which come on top.
    kept: what training keeps; None for a network that cannot be run in training mode on pictures alone.
    """

    name: str
    rows: tuple[Row, ...]
    not_counted: dict[str, int]
    peak_bytes: int
    parameter_bytes: int
    kept: Kept | None

    @property
    def params(self) -> int:
        """Parameters, shared ones once, unread ones too."""
        return sum(row.params for row in self.rows)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of convolutions and matrix products for one picture."""
        return sum(row.macs for row in self.rows)

    @property
    def flops(self) -> int:
        """2 x MACs: a multiplication and an addition each."""
        return 2 * self.macs

    @property
    def activations(self) -> int:
        """Elements of the layer table: the picture, convolutions, matrix products, pooling."""
        return sum(row.activations for row in self.rows)

    @property
    def saved_bytes(self) -> int | None:
        """What autograd keeps of one picture for the backward pass, weights not counted; `kept.at(batch)` for more."""
        return None if self.kept is None else self.kept.at(1)

    @property
    def field_px(self) -> int | float:
        """Largest receptive field of a map: before the head averages or flattens everything, if it has one.

        Maps that see everything count too, as after attention or an operator that nobody knows.
        """
        return max((row.field_px for row in self.rows[1:] if row.is_map), default=max(r.field_px for r in self.rows))

    @property
    def input_shape(self) -> Shape:
        """Shape of the picture, with the batch of 1."""
        return self.rows[0].out_shape

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, strings and numbers, for JSON."""
        return as_dict(self)

    def __str__(self) -> str:
        return as_text(self)


def summarize(model: nn.Module, size: tuple[int, ...] | None = None) -> Summary:
    """What a network costs: rows and totals, from one run without weights or memory. The model stays as it is.

    size: channels, height, width of the picture, for any network; for one of the zoo also height, width, or None for
    the size it was built for.
    Raises StriateError for a size that is missing or malformed, and, naming the layer, for one that does not fit.

    >>> network = nn.Sequential(nn.Conv2d(3, 10, 5, padding=2), nn.Flatten(), nn.Linear(10 * 32 * 32, 7))
    >>> cost = summarize(network, size=(3, 32, 32))
    >>> cost.params == (5*5*3 + 1) * 10 + (10*32*32 + 1) * 7
    True
    >>> cost.macs == 5*5*3*10 * 32*32 + 10*32*32*7
    True
    """
    shape = picture_size(model, size)
    name = str(getattr(model, "architecture", "") or type(model).__name__)
    with _collector_paused():
        with weightless(model) as parameters:
            run = trace_weightless(model, parameters, (1, *shape))
            kept = _kept_if_trainable(model, parameters, shape)
            weights = sum(tensor.numel() * tensor.element_size() for tensor in parameters.values())
        return Summary(name, tuple(rows_of(run)), not_counted(run), peak_bytes(run), weights, kept)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Tens of thousands of small records are made at once; looking for cycles among them takes a tenth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _kept_if_trainable(model: nn.Module, parameters: dict[str, Tensor], shape: Shape) -> Kept | None:
    try:
        return kept_weightless(model, parameters, shape)
    except Exception:  # in training mode it may need targets too; what inference costs is known all the same
        return None


def picture_size(model: nn.Module, size: tuple[int, ...] | None) -> tuple[int, ...]:
    """Channels, height, width; what is missing comes from the network, if it is one of the zoo."""
    if size is None and not isinstance(model, Network):
        raise StriateError(
            f"{type(model).__name__}: size is missing; give channels, height, width, such as size=(3, 224, 224)"
        )
    size = model.preprocess.size if size is None and isinstance(model, Network) else tuple(size or ())
    if not size or any(not isinstance(side, int) or side < 1 for side in size):
        raise StriateError(f"size must be whole numbers of at least 1, as channels, height, width; got {size}")
    return (model.in_channels, *size) if isinstance(model, Network) and len(size) == 2 else size
