"""Several networks as one, for a file: its output is the logarithm of their mean probabilities.

So a softmax of it gives the mean, and whoever reads logits reads these.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from striate.core.errors import StriateError
from striate.deploy.bundle import Bundle
from striate.deploy.together import require_alike
from striate.models import Network

if TYPE_CHECKING:
    from striate.deploy.run import Run


class MeanNetwork(Network):
    """The mean probabilities of several networks that take the same images, as logits.

    orders: for each class, of each network, which of its logits is that class's. temperatures: by which logits are
    divided. mirrored: each answers the mean over images and mirror images, as its run does.
    """

    def __init__(
        self,
        networks: Sequence[Network],
        orders: Sequence[Sequence[int]],
        temperatures: Sequence[float],
        *,
        mirrored: bool,
    ) -> None:
        super().__init__()
        self.members = nn.ModuleList(networks)
        self.register_buffer("orders", torch.tensor(orders))
        self.temperatures, self.mirrored = tuple(temperatures), mirrored
        self.architecture = f"the mean of {', '.join(network.label for network in networks)}"
        self.preprocess = networks[0].preprocess

    orders: Tensor

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) to logarithms of probabilities (N, classes)."""
        told = []
        for place, (member, temperature) in enumerate(zip(self.members, self.temperatures, strict=True)):
            logits = member(images)
            if self.mirrored:
                logits = (logits + member(images.flip(3))) / 2
            told.append((logits.float()[:, self.orders[place]] / temperature).log_softmax(1))
        return torch.stack(told).logsumexp(0) - math.log(len(told))


def together(runs: Sequence[Run]) -> Bundle:
    """Several runs for classification as one network, whose classes are in the order of the first.

    Raises StriateError for fewer than two, other classes, and pictures that become their input in other ways.
    """
    require_alike(runs)
    first = runs[0]
    for run in runs[1:]:
        if run.preprocess != first.preprocess:
            raise StriateError(
                f"{first.path} and {run.path} see pictures in other ways (size, cut, colours), but a file has one "
                "input: export each of them, and have `striate predict` average what the files say"
            )
    orders = [[run.classes.index(name) for name in first.classes] for run in runs]
    temperatures = [1.0 if run.calibration is None else run.calibration.temperature for run in runs]
    networks = [run.network for run in runs]
    mean = MeanNetwork(networks, orders, temperatures, mirrored=first.preprocess.mirrored).eval()
    preprocess = replace(first.bundle.preprocess, mirrored=False)  # it is in the network
    return Bundle(mean, preprocess, first.classes, {}, named=first.bundle.named)
