"""What only moves numbers: concatenation, padding, slices, other shapes and orders."""

from __future__ import annotations

import torch

from striate.visual.step.calls import Call
from striate.visual.step.worked import Place, Worked, single

FAR = 2.0**40  # beyond all places of a tensor


def moved(call: Call, place: Place) -> Worked:
    """The number that stands here, from where it came; or one that was filled in.

    Every number of all inputs is given its place as a value: where the same function puts it tells where it is from.
    """
    numbered, first = [], 0
    for tensor in call.tensors:
        numbered.append(torch.arange(first, first + tensor.numel(), dtype=torch.float64).reshape(tensor.shape))
        first += tensor.numel()
    came = float(call.again(numbered)[place])
    shifted = float(call.again([each + FAR for each in numbered])[place])
    if shifted == came:  # whatever comes in, this stands here
        return Worked(came, "filled in", ())
    number, at = 0, int(came)
    while at >= call.tensors[number].numel():
        at -= call.tensors[number].numel()
        number += 1
    tensor = call.tensors[number]
    origin = tuple(int(index) for index in torch.unravel_index(torch.tensor(at), tensor.shape))
    value = float(tensor[origin])
    return Worked(value, "x, moved", (single(number, origin, value, 1.0),))
