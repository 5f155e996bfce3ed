"""Which line of a person's own code raised."""

from __future__ import annotations

import dis
import traceback
from pathlib import Path

import torch

STRIATE = Path(__file__).parent.parent
# Code that is not the network's: torch, and what runs the network here.
NOT_THE_NETWORKS = (str(Path(torch.__file__).parent), *(str(STRIATE / room) for room in ("meta", "analysis")))
OWN_NETWORKS = str(STRIATE / "models" / "own")


def line_of(error: BaseException) -> str:
    """File and line of the network's own code that raised, 'net.py:12'; empty where it has no code of its own."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith((*NOT_THE_NETWORKS, OWN_NETWORKS)) and frame.name != "__torch_dispatch__"
    ]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""


def place_and_reason(error: BaseException) -> tuple[str, str]:
    """Of an error in a person's own code: ' at net.py:12', and the first line of its text; either may be empty."""
    line, text = line_of(error), str(error)
    return f" at {line}" if line else "", text.splitlines()[0] if text else ""


def raised_by_the_network(error: BaseException) -> bool:
    """Whether a `raise` or an `assert` in code that is not torch's is where the error came from.

    What torch raises from C++ has the network's frame for its last one too, but there at a call.
    """
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    if last is None or last.tb_frame.f_code.co_filename.startswith((*NOT_THE_NETWORKS, OWN_NETWORKS)):
        return False
    return last.tb_frame.f_code.co_code[last.tb_lasti] == dis.opmap["RAISE_VARARGS"]
