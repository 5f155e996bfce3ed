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

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from striate.analysis.failures import ForwardError
from striate.analysis.inputs import Inputs
from striate.analysis.memory import Kept, kept_on, kept_weightless, peak_bytes
from striate.analysis.rows import Row, not_counted, rows_of
from striate.analysis.stand_in import asked_of, collector_paused, has_numbers, on_stand_ins
from striate.analysis.table import as_dict, as_text
from striate.analysis.trace import Trace, trace_weightless
from striate.core.one_screen import OneScreen
from striate.meta.shapes import Shape
from striate.meta.stand_ins import META, PROCESSOR, REAL, StandIn
from striate.meta.weightless import weightless


@dataclass(frozen=True, repr=False)
class Summary(OneScreen):
    """What a network costs on one picture, or on the inputs it was given. Totals are the sums of the columns of `rows`.

    name: the network's in the zoo, or its class.
    not_counted: operators that ran and have no multiply-accumulates, name to number, views left out.
    peak_bytes: activations alive at once in inference, at least: each from where it is made to where it is last read.
    Eager torch takes more, as Python holds a tensor until its name is used anew and kernels have work space of their
    own. parameter_bytes: of the weights, which come on top.
    kept: what training keeps; None for a network that cannot be run in training mode, and then `kept_unknown` says why.
    run_on: "meta", tensors without numbers, or "real" where those did not do, and `why_real` says why; what depends on
    numbers was then decided by the tensors given or by random ones, and weights that are packed are not counted.
    """

    name: str
    rows: tuple[Row, ...]
    not_counted: dict[str, int]
    peak_bytes: int
    parameter_bytes: int
    kept: Kept | None
    kept_unknown: str = ""
    run_on: str = "meta"
    why_real: str = ""
    of_picture: bool = True

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

    def facts(self) -> dict[str, object]:
        """What a prompt shows."""
        return {
            "name": self.name,
            "input": "x".join(map(str, self.input_shape)),
            "rows": len(self.rows),
            "params": f"{self.params:,}",
            "macs": f"{self.macs:,}",
            "activations": f"{self.activations:,}",
            "field_px": self.field_px,
            **({} if self.run_on == "meta" else {"run_on": self.run_on}),
        }


def summarize(model: nn.Module | str, size: int | tuple[int, ...] | None = None, *, inputs: Any = None) -> Summary:
    """What a network costs: rows and totals, from one run without weights or memory. The model stays as it is.

    model: a network, or its name as `create_model` takes it, such as "resnet18", a pattern or "my_net.py:Net".
    size: channels, height, width of the picture, for any network, or one number for height and width; for one of the
    zoo also height, width, or None for the size it was built for.
    inputs: in place of size, whatever `forward` takes: a tensor, or a shape with the batch, (1, 3, 224, 224), for
    numbers of the weights' type; a tuple or list of these for positional, a dictionary for named arguments. In them,
    tensors and shapes may be nested in tuples, lists and dictionaries; everything else (None, True, 0.5) is handed on.
    A network that needs numbers, since its path depends on them, is run on real tensors; `Summary.run_on` says so.
    Raises StriateError for a size that is missing or malformed, for inputs that forward does not take, and, naming the
    layer and the line of code, for what does not fit.

    >>> network = nn.Sequential(nn.Conv2d(3, 10, 5, padding=2), nn.Flatten(), nn.Linear(10 * 32 * 32, 7))
    >>> cost = summarize(network, size=(3, 32, 32))
    >>> cost.params == (5*5*3 + 1) * 10 + (10*32*32 + 1) * 7
    True
    >>> cost.macs == 5*5*3*10 * 32*32 + 10*32*32*7
    True
    >>> summarize(nn.Bilinear(4, 5, 6), inputs=[(2, 4), (2, 5)]).macs == 2 * 4*5*6
    True
    """
    network, given = asked_of(model, size, inputs)
    with collector_paused():
        cost, why_real = on_stand_ins(network, given, lambda stand_in: _cost(network, given, stand_in))
    return replace(cost, why_real=why_real) if why_real else cost


def _cost(model: nn.Module, given: Inputs, stand_in: StandIn) -> Summary:
    name = str(getattr(model, "architecture", "") or type(model).__name__)
    kept, why = None, ""
    with weightless(model, stand_in) as parameters:
        run = trace_weightless(model, parameters, given, stand_in)
        weights = sum(tensor.numel() * tensor.element_size() for tensor in parameters.values())
        if stand_in is META and run.follows_processor:
            try:
                kept = kept_weightless(model, parameters, given)
            except ForwardError as error:  # training may need numbers, or targets too; inference is known all the same
                why = str(error)
    differs = stand_in is META and not (run.follows_processor and (kept or why))
    if kept is None:
        others = (*([PROCESSOR] if stand_in is META and not why else []), *([REAL] if has_numbers(model) else []))
        kept, why = _kept_or_why(model, given, others, why)
    peak = peak_bytes(_as_processor(model, given, run) if differs else run)
    facts = (tuple(rows_of(run)), not_counted(run), peak, weights, kept, why)
    return Summary(name, *facts, run_on=stand_in.name, of_picture=given.are_picture)


def _kept_or_why(model: nn.Module, given: Inputs, stand_ins: Sequence[StandIn], why: str) -> tuple[Kept | None, str]:
    """What training keeps, on the first kind of tensors that it can be run on; else why not."""
    for stand_in in stand_ins:
        try:
            return kept_on(model, given, stand_in), ""
        except ForwardError as error:
            why = str(error)
    return None, why


def _as_processor(model: nn.Module, given: Inputs, run: Trace) -> Trace:
    """The run as the processor's kernels do it; as it was where that cannot be told."""
    try:
        with weightless(model, PROCESSOR) as parameters:
            return trace_weightless(model, parameters, given, PROCESSOR)
    except ForwardError:
        return run
