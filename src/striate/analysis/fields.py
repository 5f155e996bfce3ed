"""What each operator's output sees of the picture, read off a trace: never less than it does.

Windows enlarge what is seen, summing over a map merges it, branches that meet unite it, and writing into a part of a
tensor changes that part. Only operators that are known to work element by element pass it on as it is; one that nobody
knows mixes everything.
"""

from __future__ import annotations

from typing import NamedTuple

from striate.analysis.field_rules import CONSTANTS, rule_of, slice_of
from striate.analysis.layout import Layout, picture, united
from striate.analysis.sight import placed
from striate.analysis.trace import Operator, Trace, Value
from striate.analysis.window_rules import Asked


class View(NamedTuple):
    """How a tensor that shares the memory of another looks at it."""

    parent: Value
    operator: Operator
    place: int  # among the operator's outputs


def layouts_of(run: Trace) -> dict[int, Layout]:
    """The layout of every tensor that depends on the picture, by tensor number."""
    return _Reading(run).layouts()


class _Reading:
    def __init__(self, run: Trace) -> None:
        self.run = run
        self.known: dict[int, Layout] = {run.image.tensor: picture(*run.image.shape)}
        self.views: dict[int, dict[int, View]] = {}  # by memory, then by tensor, in the order in which they were made
        self.makers: dict[int, Operator] = {}

    def layouts(self) -> dict[int, Layout]:
        known, sides = self.known, self.run.image.shape[2:]
        for operator in self.run.operators:
            given = [value for value in operator.inputs if value.tensor in known]
            if not operator.computes:
                self._note_views(operator)
            if not given or operator.name in CONSTANTS:
                continue
            rule = rule_of(operator.name)
            for place, output in enumerate(operator.outputs):
                if 0 not in output.shape:
                    known[output.tensor] = rule(Asked(operator, known, given, output.shape, place, self.makers, sides))
            if "pool" in operator.name:
                self.makers.update((output.tensor, operator) for output in operator.outputs)
            if operator.outputs and operator.outputs[0].memory in self.views and operator.outputs[0] in operator.inputs:
                self._write(operator)
        return known

    def _note_views(self, operator: Operator) -> None:
        for place, output in enumerate(operator.outputs if operator.inputs else ()):
            source = operator.inputs[0]
            if output.tensor != source.tensor and output.memory == source.memory:
                self.views.setdefault(output.memory, {})[output.tensor] = View(source, operator, place)

    def _write(self, operator: Operator) -> None:
        """After writing into a tensor: what it is a view of has changed there, and so have all other views of that."""
        written = operator.outputs[0]
        views = self.views[written.memory]
        layout = self.known[written.tensor]
        if len(operator.inputs) > 1:
            layout = self._around(operator.inputs[1], written, layout, views)
        at = written
        while at.tensor in views:
            at, layout = views[at.tensor].parent, self._carried(views[at.tensor], layout)
            before = self.known.get(at.tensor)
            layout = united([before, layout], at.shape) if before else layout
        self.known[at.tensor] = layout
        for tensor, view in views.items():
            if tensor != written.tensor and view.parent.tensor in self.known:
                output = view.operator.outputs[view.place]
                asked = Asked(
                    view.operator,
                    self.known,
                    [view.parent],
                    output.shape,
                    view.place,
                    self.makers,
                    self.run.image.shape[2:],
                )
                self.known[tensor] = rule_of(view.operator.name)(asked)

    def _carried(self, view: View, layout: Layout) -> Layout:
        """What is written into a view, in the layout of what it looks at; the rest of that sees nothing by it."""
        name, parent = view.operator.name, view.parent
        if name == "slice":
            dimension, first, step = slice_of(view.operator)
            layout, count = layout.alone(dimension), layout.shape()[dimension]
            axis = layout.axis_of(dimension)
            if axis is None:
                return layout.with_length(dimension, parent.shape[dimension])
            length = parent.shape[dimension]
            return layout.with_sight(dimension, length, placed(layout.sights[axis], length, first, step, count))
        if name == "select":
            dimension = view.operator.arguments[1] if len(view.operator.arguments) > 1 else 0
            dimension %= len(parent.shape)
            return layout.with_new(dimension, parent.shape[dimension])
        if name in ("view", "unsafe_view", "reshape_alias", "squeeze", "unsqueeze", "detach", "alias"):
            return layout.reshaped(parent.shape)
        return layout.everything(parent.shape)._replace(is_lost=True)

    def _around(self, source: Value, written: Value, layout: Layout, views: dict[int, View]) -> Layout:
        """Where one end of a tensor is copied to its other end, as padding in a circle does, the picture goes round.

        Then what is seen lies beyond the edge instead of at the other end: windows across the edge are no larger.
        """
        there, here = views.get(source.tensor), views.get(written.tensor)
        if not there or not here or there.parent.tensor != here.parent.tensor:
            return layout
        if there.operator.name != "slice" or here.operator.name != "slice":
            return layout
        (dimension, first, step), (other, place, stride) = slice_of(there.operator), slice_of(here.operator)
        axis = layout.axis_of(dimension)
        if axis is None or dimension != other or step != 1 or stride != 1:
            return layout
        sight = layout.sights[axis]
        shift_px = (first - place) * float(sight.jump_px)
        length_px = self.run.image.shape[2 + axis]
        if 2 * abs(shift_px) <= length_px:
            return layout
        pixels = -length_px if shift_px > 0 else length_px
        return layout.with_sight(dimension, layout.positions(axis), sight.displaced(pixels))
