"""One sentence for a forward pass that failed: the module, the line of its code, the reason, what to do."""

from __future__ import annotations

import dis
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from striate.analysis.inputs import Inputs
from striate.core.errors import StriateError

if TYPE_CHECKING:
    from striate.analysis.trace import Call

# code that is not the network's: torch and what runs the network here
NOT_THE_NETWORKS = (str(Path(torch.__file__).parent), str(Path(__file__).parent))


class ForwardError(StriateError):
    """The network itself raised while it was run."""


def failure(model: nn.Module, call: Call | None, inputs: Inputs, error: Exception) -> ForwardError:
    """One sentence. call: in which it was raised, if that is known. inputs: what the network was run on.

    What the network's own code raises is quoted alone: another size may be no answer to it.
    """
    where = f"layer {call.path!r} ({call.kind})" if call and call.path else type(model).__name__
    line = line_of(error)
    arriving = f", {call.given.shape}" if call and call.given else ""
    reason = str(error).splitlines()[0].rstrip(". ") if str(error) else type(error).__name__
    at = f" at {line}" if line else ""
    if _raised_by_the_network(error):
        words = f": {reason}" if str(error) else ""
        return ForwardError(
            f"{type(model).__name__}: {where}{at} raises {type(error).__name__} on what arrives{arriving}{words}"
        )
    return ForwardError(
        f"{type(model).__name__}: {where}{at} cannot work on what arrives{arriving}: "
        f"{reason}; {_advice(inputs, reason)}"
    )


def line_of(error: BaseException) -> str:
    """File and line of the network's own code that raised, 'net.py:12'; empty where it has no code of its own."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(NOT_THE_NETWORKS) and frame.name != "__torch_dispatch__"
    ]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""


def _raised_by_the_network(error: BaseException) -> bool:
    """Whether a `raise` or an `assert` in code that is not torch's is where the error came from.

    What torch raises from C++ has the network's frame for its last one too, but there at a call.
    """
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    if last is None or last.tb_frame.f_code.co_filename.startswith(NOT_THE_NETWORKS):
        return False
    return last.tb_frame.f_code.co_code[last.tb_lasti] == dis.opmap["RAISE_VARARGS"]


def _advice(inputs: Inputs, reason: str) -> str:
    if "Long" in reason and "scalar type" in reason:
        return "give whole numbers as a tensor, such as inputs=torch.zeros(1, 16, dtype=torch.long)"
    return "give another size, as channels, height, width" if inputs.are_picture else "give other inputs"
