"""How good a network is, whatever its task."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from striate.core.records import Preprocess
from striate.data.batches import Batch
from striate.runtime.program.quick import quick_form
from striate.runtime.runtime import Runtime
from striate.tasks.task import Metric, Task


@torch.inference_mode()
def evaluate(
    task: Task,
    network: nn.Module,
    batches: Iterable[Batch],
    preprocess: Preprocess,
    names: tuple[str, ...],
    runtime: Runtime,
) -> Metric:
    """Run a network in its inference form over batches of working-size pictures; it is left as it was."""
    was_training = network.training
    form, metric = quick_form(network, preprocess), task.metric(names)
    for pictures, targets, _ in batches:
        metric.add(task.predict(form, pictures, preprocess, runtime), targets)
    network.train(was_training)
    return metric
