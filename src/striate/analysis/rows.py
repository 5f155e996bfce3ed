"""The lines of a summary's table, made of a trace's records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import NamedTuple

from striate.analysis.fields import layouts_of
from striate.analysis.layout import Layout
from striate.analysis.sliding import dropped_of
from striate.analysis.trace import Operator, Trace, Value
from striate.meta.shapes import Shape
from striate.ops.windows import Field

NOT_RUN = "not run"  # kind of the rows that own parameters which nothing reads
POOLING = {
    *(f"max_pool{axes}d_with_indices" for axes in (2, 3)),
    *(f"{kind}_pool{axes}d" for kind in ("avg", "adaptive_avg", "adaptive_max", "fractional_max") for axes in (2, 3)),
}


@dataclass(frozen=True)
class Row:
    """One line of the table: the picture, one call of a layer, or one function that a container calls directly.

    path: module path, of the container for a function. kind: class of the layer or name of the function.
    in_shape, out_shape: with the batch of 1. params: parameters first read here.
    macs: multiply-accumulates of convolutions and matrix products.
    activations: elements of the picture and of the outputs of convolutions, matrix products and pooling, else 0.
    field: what one element of the output sees of the picture, along height and width.
    dropped: pixels at the far end of height and width that the row's windows never reach.
    is_map: whether the output has places that look at the picture from different points, or may have; a vector of
    features has not.
    """

    path: str
    kind: str
    in_shape: Shape
    out_shape: Shape
    params: int
    macs: int
    activations: int
    field: tuple[Field, ...] = ()
    dropped: tuple[int, ...] = ()
    is_map: bool = False

    @property
    def field_px(self) -> int | float:
        """Pixels of the picture that one element sees, the longer way; more than the picture has means all of it."""
        return max((number(axis.size_px) for axis in self.field), default=0)

    @property
    def jump_px(self) -> int | float:
        """Pixels from what one element sees to what its neighbour sees; 0 where there is one view only."""
        return max((number(axis.jump_px) for axis in self.field), default=0)

    @property
    def offset_px(self) -> int | float:
        """First pixel that the first element sees; negative in the padding."""
        return min((number(axis.start_px) for axis in self.field), default=0)

    @property
    def dropped_px(self) -> int:
        """Pixels at the far end that the row's windows never reach, along the axis that loses most."""
        return max(self.dropped, default=0)


class Step(NamedTuple):
    """Operators that are told as one row, views left out: those of one call of a layer, or one that ran by itself."""

    path: str
    kind: str
    given: Value | None
    made: Value | None
    operators: tuple[Operator, ...]


def rows_of(run: Trace, seen: Mapping[int, Layout] | None = None) -> Iterator[Row]:
    """The inputs, then layers and functions in the order in which they ran, then the parameters that nothing read.

    seen: of `layouts_of`, where it is known already.
    """
    unread = dict(run.parameters)
    seen = layouts_of(run) if seen is None else seen
    image = run.image.shape
    axes = len(image) - 2
    for name, given in run.inputs:
        kind = "Input" if len(run.inputs) == 1 else f"Input {name}"
        field = seen[given.tensor].fields() if given.tensor in seen else ()
        yield Row("", kind, given.shape, given.shape, 0, 0, prod(given.shape), field, is_map=given is run.image)
    last: Layout | None = None
    field, is_map = (), False
    for step in steps_of(run):
        layout = seen.get(step.made.tensor) if step.made else None
        if layout is not last:  # most rows pass on what the one before them sees
            last, field, is_map = layout, layout.fields() if layout else (), layout is not None and layout.is_map()
        dropped = next(filter(None, map(dropped_of, step.operators)), ())
        yield Row(
            step.path,
            step.kind,
            step.given.shape if step.given else (),
            step.made.shape if step.made else (),
            sum(unread.pop(name, 0) for operator in step.operators for name in operator.parameters),
            sum(operator.macs for operator in step.operators),
            _activations(step),
            field,
            dropped[-axes:] if axes > 0 else (),  # LRN also averages over channels
            is_map,
        )
    owners: Counter[str] = Counter()
    for name, elements in unread.items():
        owners[name.rpartition(".")[0]] += elements
    for path, elements in owners.items():
        yield Row(path, NOT_RUN, (), (), elements, 0, 0)


def not_counted(run: Trace) -> dict[str, int]:
    """Operators that ran and have no multiply-accumulates, name to number; views are left out."""
    names = (operator.name for operator in run.operators if operator.computes and not operator.macs)
    return dict(Counter(names).most_common())


def steps_of(run: Trace) -> Iterator[Step]:
    """The run, cut into what one row tells."""
    done = 0
    for leaf in (call for call in run.calls if call.is_leaf):
        yield from map(_alone, _shown(run, done, leaf.first_operator))
        inside = tuple(_shown(run, leaf.first_operator, leaf.last_operator))
        yield Step(leaf.path, leaf.kind, leaf.given, leaf.made, inside)
        done = leaf.last_operator
    yield from map(_alone, _shown(run, done, len(run.operators)))


def _shown(run: Trace, first: int, end: int) -> Iterator[Operator]:
    return (operator for operator in run.operators[first:end] if operator.computes)


def _alone(operator: Operator) -> Step:
    given = operator.inputs[0] if operator.inputs else None
    made = operator.outputs[0] if operator.outputs else None
    return Step(operator.path, operator.name, given, made, (operator,))


def number(value: int | Fraction) -> int | float:
    """A fraction as the number that prints and goes into JSON."""
    return value if isinstance(value, int) else float(value)


def _activations(step: Step) -> int:
    """Elements that a layer table lists: of products always, of pooling where it is what the row is about.

    It is where the row ends in it, or makes its map smaller by it; LRN, which pools inside, does neither.
    """
    products = sum(prod(operator.outputs[0].shape) for operator in step.operators if operator.macs)
    last = step.operators[-1] if step.operators else None
    resized = step.given and step.made and step.given.shape != step.made.shape
    pooled = [operator.outputs[0].shape for operator in step.operators if _pools(operator)]
    if pooled and step.made and (pooled[-1] == step.made.shape if resized else last and _pools(last)):
        return products + prod(pooled[-1])
    return products


def _pools(operator: Operator) -> bool:
    """Pooling, or the mean over a whole map; adaptive pooling to the size that is already there is a copy."""
    if operator.name == "mean":
        rank = len(operator.inputs[0].shape)
        axes = operator.arguments[1] if len(operator.arguments) > 1 else None
        return rank > 2 and isinstance(axes, tuple) and {axis % rank for axis in axes} == set(range(2, rank))
    is_copy = operator.name.startswith("adaptive") and operator.inputs[0].shape == operator.outputs[0].shape
    return operator.name in POOLING and not is_copy
