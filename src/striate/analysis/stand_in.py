"""What a network is run on to be counted: tensors without numbers, or real ones where those do not do."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from torch import nn

from striate.analysis.failures import ForwardError
from striate.analysis.inputs import Inputs, check_arguments, given_inputs, picture, picture_size
from striate.analysis.trace import trace_weightless
from striate.core.errors import StriateError
from striate.meta.stand_ins import META, REAL, StandIn
from striate.meta.weightless import weightless
from striate.models import create_model

Run = TypeVar("Run")


def macs_of(network: nn.Module) -> int:
    """Multiply-accumulates for a picture of the network's own size: those of its summary, in a third of the time.

    >>> from striate.analysis import summarize
    >>> macs_of(create_model("lenet5")) == summarize("lenet5").macs
    True
    """

    def counted(stand_in: StandIn) -> int:
        with weightless(network, stand_in) as parameters:
            return sum(operator.macs for operator in trace_weightless(network, parameters, given, stand_in).operators)

    network, given = asked_of(network, None, None)
    with collector_paused():
        return on_stand_ins(network, given, counted)[0]


def asked_of(model: nn.Module | str, size: int | tuple[int, ...] | None, inputs: Any) -> tuple[nn.Module, Inputs]:
    """The network and what it is run on, as `summarize` takes them."""
    model = create_model(model) if isinstance(model, str) else getattr(model, "_orig_mod", model)  # of torch.compile
    if size is not None and inputs is not None:
        raise StriateError("size and inputs exclude each other; inputs has the shapes of everything")
    given = picture(picture_size(model, size)) if inputs is None else given_inputs(model, inputs)
    return model, given


def on_stand_ins(model: nn.Module, given: Inputs, run: Callable[[StandIn], Run]) -> tuple[Run, str]:
    """What `run` makes of tensors without numbers and ""; of real ones, and why, where those do not do.

    Raises StriateError, naming the layer and the line of code, for what does not fit.
    """
    try:
        return run(META), ""
    except ForwardError as error:
        check_arguments(model, given)  # asked for only now, as it takes a hundredth of a small network's summary
        if not has_numbers(model):
            raise
        why_real = str(error)
    return run(REAL), why_real


def has_numbers(model: nn.Module) -> bool:
    """Whether a network has weights, and not only their shapes."""
    return not any(tensor.is_meta for tensor in (*model.parameters(), *model.buffers()))


@contextmanager
def collector_paused() -> Iterator[None]:
    """Tens of thousands of small records are made at once; looking for cycles among them takes a tenth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
