"""Networks in one line, as lectures write them: "[(conv64-relu)*2-pool]*3-(fc256-relu)*1-softmax".

- Layers stand with - or -> between them; capitals and spaces make no difference.
- `conv64`: 64 filters of 3x3 that keep the size. Options behind it: `k5` kernel, `s2` stride, `p0` padding
  ((k - 1) // 2 otherwise), `g2` groups. A 1x1 convolution is `conv64k1`.
- `pool` (also `maxpool`): the maximum of 2x2, by steps of 2; `pool3s2`: of 3x3 by steps of 2; `p1` pads. `avgpool`: the
  mean likewise. `gap`: the mean of each map, which makes any size of picture fit.
- `bn`: batch norm; `lrn`: AlexNet's; `relu`, `leakyrelu`, `elu`, `tanh`, `sigmoid`; `dropout` is `dropout0.5`.
- `fc256`: 256 units on all that there is, so the network is made for one size of picture unless `gap` stands before.
- ( ) and [ ] group, `*2` repeats a layer or a group. `?`, the lectures' POOL?, is read as "there": a network has a
  layer or has it not, and one that it has not is left out of its pattern.
- `softmax`, `fc` without a number, or nothing at the end: a linear layer with one unit per class of the data comes last
  in any case. The network gives its logits; the softmax itself is in the loss and in the predictions.
- `input`, at the beginning, is passed over; `input1x32x32` says channels, height and width of the pictures, `softmax10`
  the classes, where nobody else does. Otherwise they are 3x224x224 and 1000.

>>> canonical("INPUT -> [[CONV64 -> RELU]*2 -> POOL?]*3 -> [FC256 -> RELU]*1 -> FC")
'((conv64-relu)*2-pool)*3-fc256-relu-softmax'
"""

from __future__ import annotations

import re

from striate.models.pattern.grammar import parse
from striate.models.pattern.network import PatternNetwork, pattern_network
from striate.models.pattern.words import KINDS, OTHER_NAMES

LENET5 = "input1x32x32-conv6k5p0-tanh-avgpool-conv16k5p0-tanh-avgpool-fc120-tanh-fc84-tanh-softmax10"
"""`lenet5`, the form of textbooks."""
ALEXNET = (
    "input3x227x227-conv96k11s4p0-relu-pool3s2-lrn-conv256k5-relu-pool3s2-lrn-(conv384-relu)*2-conv256-relu-pool3s2-"
    "(dropout0.5-fc4096-relu)*2-softmax"
)
"""`alexnet_single`, the form of lectures."""
VGG16 = (
    "(conv64-relu)*2-pool-(conv128-relu)*2-pool-(conv256-relu)*3-pool-((conv512-relu)*3-pool)*2-"
    "(fc4096-relu-dropout0.5)*2-softmax"
)
"""`vgg16`."""

A_LAYER = re.compile(rf"(?:^|[-\s(\[>])(?:{'|'.join([*KINDS, *OTHER_NAMES])})(?![a-z_/\\:])", re.IGNORECASE)
OF_PATHS = re.compile(r"[/\\:]")

__all__ = ["ALEXNET", "LENET5", "VGG16", "PatternNetwork", "canonical", "is_pattern", "parse", "pattern_network"]


def is_pattern(name: str) -> bool:
    """Whether a name is meant for a pattern: it holds a layer of one, and is no path and no name of a file's.

    >>> is_pattern("[conv8-rlu]*2"), is_pattern("softmax"), is_pattern("resnet-18"), is_pattern("runs/conv8-relu")
    (True, True, False, False)
    """
    return A_LAYER.search(name) is not None and OF_PATHS.search(name) is None


def canonical(name: str) -> str:
    """A pattern's shortest text; any other name as it is. Raises StriateError for a pattern that cannot be read."""
    return str(parse(name)) if is_pattern(name) else name
