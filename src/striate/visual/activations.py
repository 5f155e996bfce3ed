"""What every layer makes of a picture, from input to output, as in the demonstrations of LeNet-5.

LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition", Proc. IEEE 86 (1998),
figures 2 and 13.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from striate.visual.layer_ends import LayerEnd, at_ends, layer_ends


@dataclass(frozen=True, eq=False)
class LayerOutput:
    """What a layer gave. name: its path. values: float32, maps (C, H, W), or units (N,)."""

    name: str
    values: npt.NDArray[np.float32]


def layer_outputs(network: nn.Module, image: Tensor) -> list[LayerOutput]:
    """What the layers of a network give, in the order of their calls, for one image (1, C, H, W), normalised.

    Norms, activations and dropout count to the layer before them: what it shows is what the next layer reads.

    >>> import torch
    >>> network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3))
    >>> [(each.name, each.values.shape) for each in layer_outputs(network.eval(), torch.zeros(1, 1, 4, 4))]
    [('0', (2, 2, 2)), ('3', (3,))]
    """
    ends = [end for end in layer_ends(network, image) if len(end.shape) in (2, 4)]
    given: dict[LayerEnd, npt.NDArray[np.float32]] = {}
    with at_ends(network, ends, lambda end, output: given.update({end: _values(output.clone())})):
        network(image)
    return [LayerOutput(end.layer, given[end]) for end in ends]


def _values(output: Tensor) -> npt.NDArray[np.float32]:
    """Without the batch; maps of one place are units."""
    values: npt.NDArray[np.float32] = output[0].float().cpu().numpy()
    return values[:, 0, 0] if values.ndim == 3 and values.shape[1:] == (1, 1) else values
