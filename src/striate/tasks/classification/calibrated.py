"""Classification by a calibrated network: the same classes, as sure as they should be, or none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from striate.answers.calibration import Calibration
from striate.core.records import Preprocess
from striate.runtime.runtime import Runtime
from striate.tasks.task import Task


def calibrated(task: Task, calibration: Calibration) -> Task:
    """A task whose logits are those of a calibration: what validates, evaluates and predicts sees the same shares."""

    def predict(network: nn.Module, pictures: Tensor, preprocess: Preprocess, runtime: Runtime) -> Any:
        return calibration.logits(task.predict(network, pictures, preprocess, runtime))

    return replace(task, predict=predict, read=calibration.reading(task.read))
