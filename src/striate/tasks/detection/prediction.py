"""What a network for detection answers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from striate.core.records import Preprocess
from striate.models.detection.proposals import Proposed
from striate.runtime.inference import network_input, parts_of
from striate.runtime.runtime import Runtime
from striate.tasks.detection.proposing import proposed_of


def predict_objects(network: nn.Module, pictures: Tensor, preprocess: Preprocess, runtime: Runtime) -> Tensor:
    """Objects (N, rows, 6), float32 on the CPU, of uint8 working-size pictures (N, C, h, w); see `Detector`."""
    answers = []
    with runtime.autocast():
        for part in parts_of(pictures, preprocess, runtime):
            images, given = network_input(part, preprocess, runtime), []
            if preprocess.proposals is not None:
                proposed = proposed_of(part, preprocess.proposals, preprocess)
                given = [Proposed(*map(runtime.move, proposed))]
            answers.append(network(images, *given).float().cpu())
    return torch.cat(answers)
