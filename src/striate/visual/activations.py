"""What every layer makes of a picture, from input to output, as in the demonstrations of LeNet-5.

LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition", Proc. IEEE 86 (1998),
figures 2 and 13.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from striate.models.stages import is_one

LEAST_KERNEL_AXES = 2  # of weights that connect units with others; norms have one number per map


@dataclass(frozen=True, eq=False)
class LayerOutput:
    """What a layer gave. name: its path. values: float32, maps (C, H, W), or units (N,)."""

    name: str
    values: npt.NDArray[np.float32]


def layer_outputs(network: nn.Module, image: Tensor) -> list[LayerOutput]:
    """What the layers of a network give, in the order of their calls, for one image (1, C, H, W), normalised.

    Norms, activations and dropout count to the layer before them: what it shows is what the next layer reads.

    >>> network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3))
    >>> [(each.name, each.values.shape) for each in layer_outputs(network.eval(), torch.zeros(1, 1, 4, 4))]
    [('0', (2, 2, 2)), ('3', (3,))]
    """
    given: list[tuple[str, Tensor]] = []
    with ExitStack() as hooks, torch.no_grad():
        for path, module in network.named_modules():
            if path and is_one(module):

                def note(module: nn.Module, inputs: tuple[object, ...], output: object, path: str = path) -> None:
                    if isinstance(module, nn.Flatten) or not isinstance(output, Tensor) or output.dim() not in (2, 4):
                        return
                    if given and inputs[:1] and inputs[0] is given[-1][1] and only_changes(module, output, inputs[0]):
                        path = given.pop()[0]
                    given.append((path, output))

                hooks.callback(module.register_forward_hook(note).remove)
        network(image)
    return [LayerOutput(path, _values(output)) for path, output in given]


def only_changes(module: nn.Module, output: Tensor, came: Tensor) -> bool:
    """Whether a module changes each number, or each map, for itself."""
    connects = any(weight.dim() >= LEAST_KERNEL_AXES for weight in module.parameters(recurse=False))
    return output.shape == came.shape and not connects


def _values(output: Tensor) -> npt.NDArray[np.float32]:
    """Without the batch; maps of one place are units."""
    values: npt.NDArray[np.float32] = output[0].float().cpu().numpy()
    return values[:, 0, 0] if values.ndim == 3 and values.shape[1:] == (1, 1) else values
