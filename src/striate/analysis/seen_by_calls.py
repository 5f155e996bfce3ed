"""What the places of each module's output see of the picture, call by call."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from torch import nn

from striate.analysis.fields import layouts_of
from striate.analysis.sight import Sight, Span
from striate.analysis.stand_in import asked_of, collector_paused, on_stand_ins
from striate.analysis.trace import Trace, trace_weightless
from striate.meta.stand_ins import StandIn
from striate.meta.weightless import weightless


class Places(NamedTuple):
    """rows, columns: of a map. down, right: what each row and each column of it sees."""

    rows: int
    columns: int
    down: Sight
    right: Sight

    def sees(self, row: int, column: int) -> tuple[Span, Span] | None:
        """First and last pixel, down and to the right, of a place; None where it sees nothing of the picture."""
        down, right = self.down.at(row), self.right.at(column)
        return None if down is None or right is None else (down, right)


def seen_by_calls(network: nn.Module, size: tuple[int, ...]) -> dict[tuple[str, int], Places]:
    """Of every call of a module, by its path and the number of the call from 0, what its output sees.

    size: channels, height and width of the picture. A call whose output nobody can follow is left out. Raises as
    `striate.summarize`.

    >>> found = seen_by_calls(nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2)), (1, 8, 10))
    >>> found["1", 0].rows, found["1", 0].columns, found["1", 0].sees(2, 1)
    (3, 4, ((4, 7), (2, 5)))
    """
    network, given = asked_of(network, size, None)

    def run(stand_in: StandIn) -> Trace:
        with weightless(network, stand_in) as parameters:
            return trace_weightless(network, parameters, given, stand_in)

    with collector_paused():
        trace = on_stand_ins(network, given, run)[0]
        layouts = layouts_of(trace)
    found, times = dict[tuple[str, int], Places](), Counter[str]()
    for call in trace.calls:
        number, times[call.path] = times[call.path], times[call.path] + 1
        layout = layouts.get(call.made.tensor) if call.made is not None else None
        if layout is not None and len(layout.sights) == 2 and not layout.is_lost:
            found[call.path, number] = Places(layout.positions(0), layout.positions(1), *layout.sights)
    return found
