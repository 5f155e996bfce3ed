"""How stable a network's layers are under small motions of the picture, as numbers and as an offline page."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from striate.core.one_screen import OneScreen
from striate.core.units import counted
from striate.core.values import checked
from striate.data.scan import Progress
from striate.deploy.run import Run
from striate.ops.threads import threads_left_by_others
from striate.report.axis import value_axis
from striate.report.charts import Frame
from striate.report.learning_chart import path
from striate.report.look.subject import Choice, Pictures, Sample, subject_of
from striate.report.offline import rendered, write_page
from striate.runtime.global_state import global_state_kept
from striate.visual.stability import MOTIONS, LayerChange, Motion, Sums, layer_changes

USUAL_PICTURES = 64
PIXELS_AT_ONCE = 16 * 96 * 96  # of a batch, whose layers are all kept for a while
LETTERS_PX = 13.0  # of a line of text
FRAME = Frame(width=640, height=260, left=48, right=560, top=34, bottom=222)


@dataclass(frozen=True)
class StabilityChart:
    """Change over layers by one motion, a line for each strength. Positions are pixels.

    lines: path, label of the strength, and how high that stands.
    """

    motion: Motion
    sentence: str
    lines: tuple[tuple[str, str, float], ...]
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]


@dataclass(frozen=True, repr=False, eq=False)
class Stability(OneScreen):
    """Changes of layers, pixels first, and of all that pools or has a stride. pictures: how many were moved.

    A change is 0 where a motion changes nothing, 1 where it changes as much as another picture would.
    """

    model: str
    pictures: int
    layers: list[LayerChange]
    pooling: list[LayerChange]
    motions: tuple[Motion, ...] = MOTIONS

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "model": self.model,
            "pictures": self.pictures,
            "motions": [{"name": each.name, "unit": each.unit, "strengths": each.strengths} for each in self.motions],
            "layers": [
                {"layer": each.name, "kind": each.kind, "maps": each.maps, "change": self._changes(each.after)}
                for each in self.layers
            ],
            "pooling": [
                {
                    "layer": each.name,
                    "kind": each.kind,
                    "before": self._changes(each.before),
                    "after": self._changes(each.after),
                }
                for each in self.pooling
                if each.before
            ],
        }

    def _changes(self, sums: Sums) -> dict[str, list[float]]:
        return {
            motion.name: [sums.change((motion.name, strength)) for strength in motion.strengths]
            for motion in self.motions
        }

    def sentences(self) -> list[str]:
        """What the smallest motions change in the pixels and in the last layer, and what each kind of pooling does."""
        first, last = self.layers[0].after, self.layers[-1].after
        told = []
        for motion in self.motions:
            key = (motion.name, motion.strengths[0])
            told.append(
                f"a {motion.name} of {key[1]:g} {motion.unit} changes the pixels by {first.change(key):.0%} of what "
                f"another picture would, {self.layers[-1].name} by {last.change(key):.0%}"
            )
        return [*told, *(f"{kind}: {words}" for kind, words in self._kinds())]

    def _kinds(self) -> Iterator[tuple[str, str]]:
        motion = self.motions[0]
        key = (motion.name, motion.strengths[0])
        by_kind: dict[str, list[float]] = {}
        for each in self.pooling:
            if each.before and (before := each.before.change(key)):
                by_kind.setdefault(each.kind, []).append(each.after.change(key) / before)
        for kind, ratios in by_kind.items():
            places = counted(len(ratios), "place")
            yield (
                kind,
                f"what comes out changes {statistics.fmean(ratios):.2f} times as much as what goes in, by a "
                f"{motion.name} of {key[1]:g} {motion.unit} (mean of {places}, {min(ratios):.2f} to {max(ratios):.2f})",
            )

    def facts(self) -> dict[str, object]:
        """What a prompt shows."""
        return {"model": self.model, "pictures": self.pictures, "layers": len(self.layers), "": self.sentences()[0]}

    def charts(self) -> list[StabilityChart]:
        """The curves of the page, one drawing for each motion."""
        return [self._chart(motion) for motion in self.motions]

    def _chart(self, motion: Motion) -> StabilityChart:
        lines = {
            strength: [layer.after.change((motion.name, strength)) for layer in self.layers]
            for strength in motion.strengths
        }
        highest = max(max(values) for values in lines.values())
        axis = value_axis(0, max(highest, 0.1))
        step = (FRAME.right - FRAME.left) / max(1, len(self.layers) - 1)
        heights = [[axis.place(each, FRAME.bottom, FRAME.top) for each in values] for values in lines.values()]
        paths = [path([(FRAME.left + step * x, y) for x, y in enumerate(line)]) for line in heights]
        labels = [f"{strength:g} {motion.unit}" for strength in lines]
        drawn = zip(paths, labels, apart([line[-1] for line in heights]), strict=True)
        every = max(1, -(-(len(self.layers) - 1) // 10))
        ticks = tuple((FRAME.left + step * place, str(place)) for place in range(0, len(self.layers), every))
        ends = "; ".join(
            f"{strength:g} {motion.unit}: pixels {values[0]:.2f}, {self.layers[-1].name} {values[-1]:.2f}"
            for strength, values in lines.items()
        )
        return StabilityChart(
            motion,
            f"Change over layers by {motion.name}: {ends}",
            tuple(drawn),
            ticks,
            axis.places(FRAME.bottom, FRAME.top),
        )

    def page(self) -> str:
        """One HTML file that needs nothing but itself."""
        return rendered("stability.html", found=self, charts=self.charts(), place=FRAME)

    def write(self, path: str | Path) -> None:
        """Write the page, whole or not at all. Raises StriateError where it cannot be written."""
        write_page(Path(path), self.page())


def apart(heights: Sequence[float], least: float = LETTERS_PX) -> list[float]:
    """Where labels stand that belong at some heights, in pixels: in their order, none over another.

    >>> apart([100.0, 96.0, 40.0], least=10)
    [106.0, 96.0, 40.0]
    """
    places = list(heights)
    order = sorted(range(len(places)), key=heights.__getitem__)
    for above, below in pairwise(order):
        places[below] = max(places[below], places[above] + least)
    return places


@checked
@global_state_kept()
def stability(
    looked_at: Run | nn.Module,
    pictures: Pictures,
    *,
    split: str | None = None,
    most: int = USUAL_PICTURES,
    progress: Progress | None = None,
) -> Stability:
    """How much each layer's answer changes under shifts, smooth warps, scale and rotation, beside the pixels.

    looked_at: a run as `striate.load` opens it, or any `nn.Module`. pictures: as of `striate.look`; at most so many of
    them, evenly. progress: called with (done, total) of the pictures.
    Raises StriateError for fewer than two pictures, for what cannot be read, and for a network that takes none.

    >>> import torch
    >>> found = stability(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2)), torch.rand(2, 1, 16, 16))
    >>> [layer.name for layer in found.layers], [each.kind for each in found.pooling]
    (['pixels', '0', '2'], ['max pooling'])
    """
    subject = subject_of(looked_at, pictures, Choice(split, most))
    with threads_left_by_others():
        layers, pooling = layer_changes(subject.network, _batches(subject.sample, progress))
    return Stability(subject.name, len(subject.sample), layers, pooling)


def _batches(sample: Sample, progress: Progress | None) -> Iterator[Tensor]:
    """All pictures, at least two at once."""
    height, width = sample.images([0]).shape[2:]
    most = max(2, PIXELS_AT_ONCE // (height * width))
    starts = list(range(0, len(sample), most))
    if len(starts) > 1 and len(sample) - starts[-1] < 2:
        starts.pop()
    for start, end in zip(starts, [*starts[1:], len(sample)], strict=True):
        yield sample.images(range(start, end))
        if progress:
            progress(end, len(sample))
