"""The file that engines beside torch read, and how fast each of them answers; torch's exporters come with it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from striate.data.picture import to_batch
from striate.deploy.engine_choice import Asking
from striate.deploy.export.exporting import Audience, Trials, Wanted, export
from striate.deploy.export.pictures import drawn
from striate.deploy.export.proof import CLOSE, Comparison
from striate.ops.threads import torch_threads
from striate.runtime.inference import network_input
from striate.runtime.program.quick import QuickForm
from striate.tasks import task_named

PASSES = 4


def write_file(asking: Asking, file: Path) -> None:
    """Write a network as an ONNX file. Raises StriateError, and leaves none, where that cannot be."""
    export(asking.bundle, Wanted(file, "onnx"), Trials(drawn(asking.bundle.preprocess)), Audience())


def images_per_s(asking: Asking, forms: Mapping[str, QuickForm]) -> dict[str, float]:
    """The rates of all engines whose answers to drawn pictures are torch's in fp32: the best of some turns."""
    batch = next(drawn(asking.bundle.preprocess).batches(asking.bundle.preprocess))
    images = network_input(to_batch(batch.pixels), asking.bundle.preprocess, asking.runtime)
    with torch.inference_mode(), torch_threads(1):  # as in `Run.answer`
        expected = asking.form(images).float().numpy()
        agreeing = {name: form for name, form in forms.items() if _agrees(asking, form, images, expected)}
        best = dict.fromkeys(agreeing, float("inf"))
        for _ in range(PASSES):
            for name, form in agreeing.items():
                begun = time.perf_counter()
                with asking.runtime.autocast():
                    form(images)
                best[name] = min(best[name], time.perf_counter() - begun)
    return {name: len(images) / seconds for name, seconds in best.items()}


def _agrees(asking: Asking, form: QuickForm, images: Tensor, expected: np.ndarray) -> bool:
    if form is asking.form:
        return True
    found = Comparison(task_named(asking.bundle.task).at(asking.bundle.thresholds), CLOSE[asking.runtime.precision])
    with asking.runtime.autocast():
        answers = form(images).float().numpy()
    found.add([str(number) for number in range(len(images))], expected, answers)
    return found.agrees
