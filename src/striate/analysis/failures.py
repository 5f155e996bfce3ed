"""One sentence for a forward pass that failed: the module, the line of its code, the reason, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from striate.analysis.inputs import Inputs
from striate.core.errors import StriateError
from striate.meta.own_lines import place_and_reason, raised_by_the_network

if TYPE_CHECKING:
    from striate.analysis.trace import Call


class ForwardError(StriateError):
    """The network itself raised while it was run."""


def failure(model: nn.Module, call: Call | None, inputs: Inputs, error: Exception) -> ForwardError:
    """One sentence. call: in which it was raised, if that is known. inputs: what the network was run on.

    What the network's own code raises is quoted alone: another size may be no answer to it.
    """
    where = f"layer {call.path!r} ({call.kind})" if call and call.path else type(model).__name__
    at, reason = place_and_reason(error)
    arriving = f", {call.given.shape}" if call and call.given else ""
    reason = reason.rstrip(". ") if reason else type(error).__name__
    if raised_by_the_network(error):
        words = f": {reason}" if str(error) else ""
        return ForwardError(
            f"{type(model).__name__}: {where}{at} raises {type(error).__name__} on what arrives{arriving}{words}"
        )
    return ForwardError(
        f"{type(model).__name__}: {where}{at} cannot work on what arrives{arriving}: "
        f"{reason}; {_advice(inputs, reason)}"
    )


def _advice(inputs: Inputs, reason: str) -> str:
    if "Long" in reason and "scalar type" in reason:
        return "give whole numbers as a tensor, such as inputs=torch.zeros(1, 16, dtype=torch.long)"
    return "give another size, as channels, height, width" if inputs.are_picture else "give other inputs"
