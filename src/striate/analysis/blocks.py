"""The layers of a network as a person draws them: one box per layer with its norm and activation, repeats told once."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import prod
from typing import NamedTuple

from striate.analysis.wiring import Layer

LONGEST = 48  # boxes of a block that may repeat
BLOCKS_FROM, SINGLES_FROM = 2, 4  # in a row, to be told once
FUNCTIONS_FROM = 5  # in a row, to be told as one
MOST = 100  # boxes that are drawn before functions and growing blocks are told as one


class Box(NamedTuple):
    """Layers drawn as one: numbers of them in the order in which they ran, and numbers of the boxes that are read."""

    layers: tuple[int, ...]
    reads: tuple[int, ...]


class Repeat(NamedTuple):
    """Blocks next to each other that are drawn once. first: their first box. boxes: of one block. times: how many.

    grows: they are alike in all but channels.
    """

    first: int
    boxes: int
    times: int
    grows: bool = False

    @property
    def end(self) -> int:
        """The box after the last one."""
        return self.first + self.boxes * self.times


@dataclass(frozen=True)
class Blocks:
    """The boxes of a network, in an order in which each reads only earlier ones, and which of them repeat."""

    boxes: tuple[Box, ...]
    repeats: tuple[Repeat, ...]

    @property
    def drawn(self) -> int:
        """Boxes that are drawn."""
        return len(self.boxes) - sum(repeat.boxes * (repeat.times - 1) for repeat in self.repeats)


def blocks_of(layers: Sequence[Layer], most: int = MOST) -> Blocks:
    """Boxes, and the repeats among them. most: boxes to draw; with more than that, more is told as one.

    A layer that works element by element, such as a norm, an activation or dropout, belongs to the box that it reads,
    where no other reads that one, or else to the box that alone reads it. Blocks repeat where they stand one after the
    other, one map enters and one leaves, and all their layers have the same kinds, shapes, windows, parameters and
    connections: two blocks of several boxes, or four of one. Where there are more than `most` boxes even so, five or
    more functions without weights that one module calls in a row are one box. Where that does not do either, channels
    may differ from block to block, as in a dense block, whose layers read ever more of them.
    """
    boxes = boxes_of(layers)
    exact = Blocks(boxes, _repeats(boxes, [_told(layers, box) for box in boxes]))
    if exact.drawn <= most:
        return exact
    boxes = _functions_joined(layers, boxes)
    exact = Blocks(boxes, _repeats(boxes, [_told(layers, box) for box in boxes]))
    if exact.drawn <= most:
        return exact
    loose = _repeats(boxes, [_told_without_channels(layers, box) for box in boxes])
    return Blocks(boxes, tuple(repeat if repeat in exact.repeats else repeat._replace(grows=True) for repeat in loose))


def boxes_of(layers: Sequence[Layer]) -> tuple[Box, ...]:
    """The layers, those that work element by element joined to their neighbours."""
    readers: list[list[int]] = [[] for _ in layers]
    chains: dict[int, list[int]] = {}  # by the last layer of each
    for number, layer in enumerate(layers):
        for read in layer.reads:
            readers[read].append(number)
    for number, layer in enumerate(layers):
        before = layer.reads[0] if layer.reads else number
        joins = is_elementwise(layer) and readers[before] == [number] and _takes(layers[chains[before][0]])
        chains[number] = [*(chains.pop(before) if joins else ()), number]
    starts = {chain[0]: last for last, chain in chains.items()}
    for last, chain in sorted(chains.items(), reverse=True):
        reader = readers[last][0] if len(readers[last]) == 1 else -1
        looks_forward = reader in starts and layers[reader].reads == (last,)
        if looks_forward and all(is_elementwise(layers[number]) for number in chain):
            end = starts.pop(reader)
            chains[end] = [*chains.pop(last), *chains[end]]
            starts[chain[0]] = end
    return _numbered(layers, sorted(chains.values()))


def is_elementwise(layer: Layer) -> bool:
    """Whether it only changes each number or each map for itself, or the shape, without any cost that a table lists."""
    row = layer.row
    if len(layer.reads) != 1 or row.macs or row.activations:
        return False
    return row.in_shape == row.out_shape or (not row.params and prod(row.in_shape) == prod(row.out_shape))


def _takes(first: Layer) -> bool:
    """Whether what reads a box may join it: an input has none, and what follows maps put side by side looks forward."""
    return bool(first.reads) and first.row.kind != "cat"


def _numbered(layers: Sequence[Layer], chains: Sequence[Sequence[int]]) -> tuple[Box, ...]:
    """Chains of layers, in order, as boxes."""
    box_of = {number: place for place, chain in enumerate(chains) for number in chain}
    return tuple(Box(tuple(chain), tuple(box_of[read] for read in layers[chain[0]].reads)) for chain in chains)


def _functions_joined(layers: Sequence[Layer], boxes: Sequence[Box]) -> tuple[Box, ...]:
    """Boxes in a row of functions without weights that one module calls, as one where they are many."""
    runs = (list(run) for _, run in groupby(range(len(boxes)), key=lambda number: _caller(layers, boxes, number)))
    groups = [part for run in runs for part in ([run] if len(run) >= FUNCTIONS_FROM else [[one] for one in run])]
    place = {number: new for new, group in enumerate(groups) for number in group}
    joined = list[Box]()
    for new, group in enumerate(groups):
        reads = dict.fromkeys(place[read] for number in group for read in boxes[number].reads)
        reads.pop(new, None)
        joined.append(Box(tuple(layer for number in group for layer in boxes[number].layers), tuple(reads)))
    return tuple(joined)


def _caller(layers: Sequence[Layer], boxes: Sequence[Box], number: int) -> tuple[str, int]:
    """The module that calls a box's functions; something of its own where it is more than functions without weights."""
    inside = [layers[layer] for layer in boxes[number].layers]
    is_plain = all(layer.is_function and not layer.row.params and not layer.row.macs for layer in inside)
    return (inside[0].row.path, -1) if is_plain else ("", number)


def _repeats(boxes: Sequence[Box], told: Sequence[Hashable]) -> tuple[Repeat, ...]:
    """Repeats that do not overlap, from the first box to the last, at each place the one that covers most boxes."""
    last_reader = _last_readers(boxes)
    found, at = list[Repeat](), 0
    while at < len(boxes):
        candidates = [
            Repeat(at, length, _times(boxes, told, last_reader, at, length))
            for length in range(1, min(LONGEST, (len(boxes) - at) // 2) + 1)
            if told[at] == told[at + length] and _closed(boxes, last_reader, at, length)
        ]
        enough = [r for r in candidates if r.times >= (BLOCKS_FROM if r.boxes > 1 else SINGLES_FROM)]
        best = max(enough, key=lambda repeat: (repeat.end, -repeat.boxes), default=None)
        found += [best] if best else []
        at = best.end if best else at + 1
    return tuple(found)


def _last_readers(boxes: Sequence[Box]) -> list[int]:
    """The last box that reads each; one after all others for those that are an answer of the network."""
    last = [len(boxes)] * len(boxes)
    for number, box in enumerate(boxes):
        for read in box.reads:
            last[read] = number
    return last


def _closed(boxes: Sequence[Box], last_reader: Sequence[int], first: int, length: int) -> bool:
    """Whether one map enters these boxes and only the last one is read by others."""
    if len(boxes[first].reads) != 1:
        return False
    (entry,), end = boxes[first].reads, first + length
    enters = all(read == entry or read >= first for box in boxes[first:end] for read in box.reads)
    return enters and all(last < end for last in last_reader[first : end - 1])


def _times(boxes: Sequence[Box], told: Sequence[Hashable], last_reader: Sequence[int], first: int, length: int) -> int:
    """How many blocks of `length` boxes, each the only reader of the one before, are alike from `first` on."""
    (entry,), times = boxes[first].reads, 1
    while (start := first + times * length) + length <= len(boxes):
        pairs = zip(range(first, first + length), range(start, start + length), strict=True)
        alike = all(
            told[one] == told[other] and boxes[other].reads == _moved(boxes[one].reads, entry, start, start - first)
            for one, other in pairs
        )
        if not alike or last_reader[start - 1] >= start + length or not _closed(boxes, last_reader, start, length):
            break
        times += 1
    return times


def _moved(reads: Sequence[int], entry: int, start: int, by: int) -> tuple[int, ...]:
    """What a box of a later block must read to be connected as that of the first is."""
    return tuple(start - 1 if read == entry else read + by for read in reads)


def _told(layers: Sequence[Layer], box: Box) -> Hashable:
    """All that two boxes must have in common to be the same, but what they read."""
    return tuple(
        (layer.row.kind, layer.row.in_shape, layer.row.out_shape, layer.row.params, layer.row.macs, *layer[4:])
        for layer in (layers[number] for number in box.layers)
    )


def _told_without_channels(layers: Sequence[Layer], box: Box) -> Hashable:
    return tuple(
        (layer.row.kind, layer.row.in_shape[2:], layer.row.out_shape[2:], *layer[4:])
        for layer in (layers[number] for number in box.layers)
    )
