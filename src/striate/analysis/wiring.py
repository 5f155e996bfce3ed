"""Which layer reads what of which other: the graph of a network, read off its trace.

A layer is a row of the summary. Views pass on what they look at; what is written in place has a new maker from then on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from torch import nn

from striate.analysis.fields import layouts_of
from striate.analysis.layout import Layout
from striate.analysis.rows import NOT_RUN, Row, rows_of, steps_of
from striate.analysis.sight import Span
from striate.analysis.sliding import Window, convolved, windows_of
from striate.analysis.stand_in import asked_of, collector_paused, on_stand_ins
from striate.analysis.trace import Operator, Trace, Value, trace_weightless
from striate.meta.stand_ins import StandIn
from striate.meta.weightless import weightless

GROUPS = 8  # place of the groups among a convolution's arguments


class Layer(NamedTuple):
    """A row of the summary and what it reads.

    reads: numbers of the layers whose outputs it takes, in the order in which it does, each once.
    is_function: no module of its own, but a function that a module calls.
    middle: first and last pixel, along height and width, that the middle of what comes out sees; () where nobody knows.
    windows: of its convolution or pooling, one per axis. groups: of its convolution. is_transposed: it is transposed.
    """

    row: Row
    reads: tuple[int, ...]
    is_function: bool = False
    middle: tuple[Span | None, ...] = ()
    windows: tuple[Window, ...] = ()
    groups: int = 1
    is_transposed: bool = False


@dataclass(frozen=True)
class Wiring:
    """The layers of a network in the order in which they ran, the inputs first.

    constants: rows that depend on no input, such as the anchors of a detector. not_run: rows that own parameters which
    nothing read. Both are in no layer's `reads`.
    """

    name: str
    layers: tuple[Layer, ...]
    constants: tuple[Row, ...] = ()
    not_run: tuple[Row, ...] = ()


def wiring(model: nn.Module | str, size: int | tuple[int, ...] | None = None, *, inputs: Any = None) -> Wiring:
    """The graph of a network, from one run without weights or memory.

    model, size, inputs: as in `striate.summarize`, which raises what this raises.

    >>> class Residual(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.conv = nn.Conv2d(4, 4, 3, padding=1)
    ...     def forward(self, x):
    ...         return x + self.conv(x).relu()
    >>> [(layer.row.kind, layer.reads) for layer in wiring(Residual(), (4, 8, 8)).layers]
    [('Input', ()), ('Conv2d', (0,)), ('relu', (1,)), ('add', (0, 2))]
    """
    network, given = asked_of(model, size, inputs)

    def run(stand_in: StandIn) -> Trace:
        with weightless(network, stand_in) as parameters:
            return trace_weightless(network, parameters, given, stand_in)

    with collector_paused():
        return wiring_of(name_of(network), on_stand_ins(network, given, run)[0])


def name_of(network: nn.Module) -> str:
    """The network's name in the zoo, or its class."""
    return str(getattr(network, "architecture", "") or type(network).__name__)


def wiring_of(name: str, run: Trace) -> Wiring:
    """The graph of a run."""
    seen = layouts_of(run)
    rows = list(rows_of(run, seen))
    reading = _Reading(run)
    reading.follow()
    made = [*(value for _, value in run.inputs), *(step.made for step in steps_of(run))]
    middles = [middle_of(seen[value.tensor]) if value and value.tensor in seen else () for value in made]
    layers = [
        Layer(
            rows[number],
            tuple(reading.reads[number]),
            number in reading.functions,
            middles[number],
            *_window(reading.operators[number]),
        )
        for number in range(len(made))
    ]
    inputs = len(run.inputs)
    depends: dict[int, int] = {}  # new number by old one
    for number, layer in enumerate(layers):
        if number < inputs or any(read in depends for read in layer.reads):
            depends[number] = len(depends)
    kept = (
        layer._replace(reads=tuple(depends[read] for read in layer.reads if read in depends))
        for number, layer in enumerate(layers)
        if number in depends
    )
    constants = tuple(layer.row for number, layer in enumerate(layers) if number not in depends)
    return Wiring(name, tuple(kept), constants, tuple(row for row in rows if row.kind == NOT_RUN))


def middle_of(layout: Layout) -> tuple[Span | None, ...]:
    """What the middle place of a tensor sees, first and last pixel per axis; of a vector of features, all of it."""
    layout = layout.merged_in(-1) if len(layout.dimensions) == 2 else layout
    return tuple(sight.at(layout.positions(axis) // 2) for axis, sight in enumerate(layout.sights))


class _Reading:
    """makers: numbers of the rows that a tensor, or what it looks at, was made by."""

    def __init__(self, run: Trace) -> None:
        self.run = run
        self.makers: dict[int, dict[int, None]] = {}
        self.sharing: defaultdict[int, set[int]] = defaultdict(set)  # tensors by their memory
        self.reads: list[dict[int, None]] = []
        self.operators: list[list[Operator]] = []
        self.functions: set[int] = set()
        for _, value in run.inputs:
            self._is_made(value, {self._new(): None})

    def follow(self) -> None:
        done = 0
        for leaf in (call for call in self.run.calls if call.is_leaf):
            self._alone(self.run.operators[done : leaf.first_operator])
            self._leaf(leaf.given, leaf.made, self.run.operators[leaf.first_operator : leaf.last_operator])
            done = leaf.last_operator
        self._alone(self.run.operators[done:])

    def _alone(self, operators: Iterable[Operator]) -> None:
        for operator in operators:
            if operator.computes:
                self.functions.add(number := self._new())
                self._takes(number, operator)
            else:
                came = {maker: None for value in operator.inputs for maker in self.makers.get(value.tensor, ())}
                for output in operator.outputs:
                    self._is_made(output, came)

    def _leaf(self, given: Value | None, made: Value | None, operators: Iterable[Operator]) -> None:
        number = self._new()
        for operator in operators:
            self._takes(number, operator)
        if given is not None and not self.reads[number]:  # it hands on what came, as dropout does in evaluation
            self.reads[number] |= self.makers.get(given.tensor, {})
        if made is not None:
            self._is_made(made, {number: None})

    def _new(self) -> int:
        self.reads.append({})
        self.operators.append([])
        return len(self.reads) - 1

    def _takes(self, number: int, operator: Operator) -> None:
        """A row's operator: what it reads of other rows, and what it makes or changes."""
        self.operators[number].append(operator)
        read = operator.inputs[1:] if operator.name == "copy" else operator.inputs  # what is copied over is not read
        self.reads[number] |= {
            maker: None for value in read for maker in self.makers.get(value.tensor, ()) if maker != number
        }
        for output in operator.outputs:
            if output in operator.inputs:
                for other in self.sharing[output.memory] - {output.tensor}:
                    self.makers[other] = {**self.makers[other], number: None}
            self._is_made(output, {number: None})

    def _is_made(self, value: Value, makers: dict[int, None]) -> None:
        self.makers[value.tensor] = makers
        self.sharing[value.memory].add(value.tensor)


def _window(operators: Iterable[Operator]) -> Iterator[Any]:
    """Windows, groups and whether it is transposed, of the first operator that has windows."""
    for operator in operators:
        if operator.name == "convolution":
            yield from (convolved(operator), operator.arguments[GROUPS], bool(operator.arguments[6]))
            return
        if windows := windows_of(operator):
            yield windows
            return
