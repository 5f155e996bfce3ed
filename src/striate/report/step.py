"""One number of a layer, worked out, as an offline page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from striate.core.errors import StriateError, unknown_name
from striate.core.one_screen import OneScreen
from striate.core.values import checked
from striate.data.decode import Pixels
from striate.deploy.run import Run
from striate.report.look.subject import Choice, Pictures, Subject, subject_of
from striate.report.offline import rendered, write_page
from striate.report.pictures import shown
from striate.runtime.global_state import global_state_kept
from striate.visual.attribution.score import in_evaluation
from striate.visual.step.calls import Layer, layers_of
from striate.visual.step.step import RATE, Step, worked_step
from striate.visual.step.worked import Terms

MOST_ROWS = 24  # of a table, those that count most
MOST_CHANNELS = 6  # whose windows are drawn, those that count most
MOST_CELLS = 121  # of a window that is drawn
AROUND = 2  # places to each side

Rows = list[list[float]]


class Window(NamedTuple):
    """Of one channel: its number, what its products or numbers sum to, and grids of numbers by what they are."""

    channel: int
    sum: float
    grids: dict[str, Rows]


class Table(NamedTuple):
    """Numbers of a tensor one by one, those that count most. left_out: how many more there are."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, list[float]]]
    left_out: int


@dataclass(frozen=True, repr=False, eq=False)
class StepThrough(OneScreen):
    """A step with what it is of. picture: its name; pixels: as the network sees it. class_name: of the score."""

    model: str
    picture: str
    pixels: Pixels
    class_name: str
    step: Step

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"model": self.model, "picture": self.picture, "class_name": self.class_name, **self.step.to_dict()}

    def facts(self) -> dict[str, object]:
        """What a prompt shows."""
        step = self.step
        return {
            "layer": f"{step.layer} ({step.name}) at {place_in_words(step)}",
            "value": step.worked.value,
            "formula": step.worked.formula,
            f"gradient of {self.class_name}": step.gradient,
        }

    def windows(self) -> list[Window]:
        """Of all channels, those that count most first; none where what is read is no window of maps."""
        step = self.step
        if not step.worked.terms or len(step.shapes[step.worked.terms[0].tensor]) != 4:
            return []
        read = step.worked.terms[0]
        channels = sorted(set(read.places[:, 1].tolist()))
        cells = len(read.places) // len(channels)
        rows = len(set(read.places[:, 2].tolist()))
        if not 1 < cells <= MOST_CELLS or cells * len(channels) != len(read.places) or cells % rows:
            return []
        columns = self._columns(read)
        counts = columns.get("x · w", columns["x"])
        found = []
        for channel in channels:
            here = read.places[:, 1] == channel
            grids = {name: values[here].reshape(rows, -1).tolist() for name, values in columns.items()}
            found.append(Window(channel, float(counts[here].sum()), grids))
        return sorted(found, key=lambda window: -abs(window.sum))

    def channels(self) -> int:
        """How many channels are read."""
        return len(set(self.step.worked.terms[0].places[:, 1].tolist()))

    def spans(self) -> list[tuple[int, int]]:
        """First and last row, and first and last column, of a window."""
        places = self.step.worked.terms[0].places
        return [(int(places[:, axis].min()), int(places[:, axis].max())) for axis in (2, 3)]

    def tables(self) -> list[Table]:
        """What counts one by one: the terms that are not drawn as windows."""
        several = self.step.worked.terms
        if several and self.windows():
            several = several[2 if self.step.worked.products else 1 :]
        elif self.step.worked.products:
            several = (several[0], *several[2:])
        return [self._table(each) for each in several]

    def _table(self, of: Terms) -> Table:
        columns = self._columns(of)
        counts = columns.get("x · w", of.values * of.derivatives).abs()
        order = counts.argsort(descending=True, stable=True)[:MOST_ROWS].tolist()
        batched = self.step.shapes[of.tensor][:1] == (1,) and self.step.sources[of.tensor].startswith("input")
        rows = [
            (_written(of.places[row].tolist()[batched:]), [float(values[row]) for values in columns.values()])
            for row in order
        ]
        return Table(self.step.sources[of.tensor], tuple(columns), rows, len(of.values) - len(rows))

    def _columns(self, of: Terms) -> dict[str, Tensor]:
        worked = self.step.worked
        if worked.products and of is worked.terms[0]:
            weights = worked.terms[1]
            return {
                "x": of.values,
                "w": weights.values,
                "x · w": of.values * weights.values,
                "gradient to x": self.step.flow(of),
                "gradient to w": self.step.flow(weights),
            }
        return {"x": of.values, "derivative": of.derivatives, "gradient": self.step.flow(of)}

    def around(self) -> tuple[list[int], list[tuple[int, list[float]]]]:
        """The columns and rows of the output around the place, with their numbers; none where it is no map."""
        step = self.step
        if step.output.dim() != 4:
            return [], []
        batch, channel, y, x = step.place
        rows = range(max(0, y - AROUND), min(step.output.shape[2], y + AROUND + 1))
        columns = range(max(0, x - AROUND), min(step.output.shape[3], x + AROUND + 1))
        numbers: Tensor = step.output[batch, channel]
        return list(columns), [(row, numbers[row, columns[0] : columns[-1] + 1].tolist()) for row in rows]

    def page(self) -> str:
        """One HTML file that needs nothing but itself."""
        columns, rows = self.around()
        windows = self.windows()
        return rendered(
            "step.html",
            found=self,
            step=self.step,
            at=place_in_words(self.step),
            windows=windows[:MOST_CHANNELS],
            others=sum(window.sum for window in windows[MOST_CHANNELS:]),
            spans=self.spans() if windows else [],
            tables=self.tables(),
            around_columns=columns,
            around_rows=rows,
            picture=shown(self.pixels),
            written=_written,
        )

    def write(self, path: str | Path) -> None:
        """Write the page, whole or not at all. Raises StriateError where it cannot be written."""
        write_page(Path(path), self.page())


def _written(place: Sequence[int]) -> str:
    return ", ".join(map(str, place))


def place_in_words(step: Step) -> str:
    """Where the number is in the output of its layer, as it is asked for."""
    return _written(step.place[1:] if len(step.output) == 1 else step.place)


@checked
@global_state_kept()
def step(
    looked_at: Run | nn.Module,
    picture: Pictures,
    layer: str,
    at: Sequence[int] | None = None,
    *,
    of_class: int | str | None = None,
    rate: float = RATE,
) -> StepThrough:
    """One number of a layer worked out for a picture: its window, weights, products and sum; gradients; one update.

    looked_at: a run as `striate.load` opens it, or any `nn.Module`. picture: one, as of `striate.look`; of several the
    first. layer: a module's path, such as "conv1"; where a module makes several operations, or none makes it, with the
    operation, such as "layer1.0:add". at: the place in the layer's output, (channel, row, column) of maps; by default
    that of the largest number. of_class: whose score the gradients are of, by number or name; by default the likeliest.
    rate: of the update. Numbers have 64 bits, are computed from those that are shown, and are the same as torch's.
    Raises StriateError for what is not there, and for a kind of operation that is not known.

    >>> network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3))
    >>> found = step(network, torch.ones(1, 1, 4, 4), "0", (1, 0, 1))
    >>> read, weights, bias = found.step.worked.terms
    >>> abs(float((read.values * weights.values).sum() + bias.values) - found.step.torch_value) < 1e-12
    True
    """
    subject = subject_of(looked_at, picture, Choice(most=1))
    number = class_number(subject, of_class)
    found = worked_step(subject.network, subject.sample.images([0]), layer, at, number, rate=rate)
    sample = subject.sample
    return StepThrough(subject.name, sample.names[0], sample.shown[0], subject.class_name(found.class_number), found)


def class_number(subject: Subject, given: int | str | None) -> int | None:
    """A class by its number or name. Raises StriateError for a name that there is not."""
    if not isinstance(given, str):
        return given
    if given in subject.classes:
        return subject.classes.index(given)
    if given.isdecimal():
        return int(given)
    if not subject.classes:
        raise StriateError(f"{subject.name} has no names of classes; name one by its number, got {given!r}")
    raise unknown_name("class", given, subject.classes)


@global_state_kept()
def steps_of(looked_at: Run | nn.Module, picture: Pictures) -> list[Layer]:
    """All layers that can be named, with what they do and the shape of what they give, in the order of their calls."""
    subject = subject_of(looked_at, picture, Choice(most=1))
    with in_evaluation(subject.network, 0), torch.no_grad():
        return layers_of(subject.network, subject.sample.images([0]))
