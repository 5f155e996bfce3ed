"""A file tried on pictures: what its own runtime makes of them against what the network does."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from striate.core.errors import StriateError, first_line
from striate.data.picture import normalise, to_batch, to_network_size
from striate.data.scan import Progress
from striate.data.targets import BatchTargets
from striate.deploy.engines import Engine
from striate.deploy.export.pictures import Batch, Pictures
from striate.deploy.export.traced import CLOSE_IN_FP32, Traced, example
from striate.deploy.export_record import Proof
from striate.tasks.classification.prediction import NEAR_TIE
from striate.tasks.task import Metric, Task

Numbers = npt.NDArray[np.float32]

# How far a file's numbers may be from the network's, and two classes' from each other to be a near tie, of the largest
# logit of a batch. bf16 has its own measure; of int8 only that it is no nonsense is asked here, and how accurate it is
# elsewhere.
CLOSE = {"fp32": CLOSE_IN_FP32, "bf16": NEAR_TIE, "int8": 1.0}


@dataclass
class Comparison:
    """What two ways made of the same pictures, counted.

    task: by which they are judged. largest: difference of two numbers. apart: whether some are not `close`. near_ties:
    names of the pictures whose answer differs, where rounding may exchange it; others: those where it may not.
    before, after: what the network and the file answered where that is measured.
    """

    task: Task
    close: float
    pictures: int = 0
    largest: float = 0.0
    apart: bool = False
    near_ties: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    before: Metric | None = None
    after: Metric | None = None

    def add(self, names: list[str], expected: Numbers, found: Numbers, targets: BatchTargets | None = None) -> None:
        """Count a batch. expected, found: outputs of the task. targets: of its pictures, where they are known."""
        self.pictures += len(names)
        agreement = self.task.agreement(expected, found, self.close)
        self.largest = max(self.largest, float(agreement.difference.max()))
        self.apart |= bool(agreement.apart.any())
        for place in np.flatnonzero(agreement.other).tolist():
            (self.near_ties if agreement.tied[place] else self.others).append(names[place])
        for metric, output in ((self.before, expected), (self.after, found)):
            if metric is not None and targets is not None:
                metric.add(torch.tensor(output), targets)

    @property
    def agrees(self) -> bool:
        """Whether the answers are the same throughout, near ties aside, and the numbers are close."""
        return not self.others and not self.apart

    def proof(self, pictures: Pictures) -> Proof:
        """For the file's metadata; in int8 another class is no near tie."""
        ties = tuple(self.near_ties) if self.close < CLOSE["int8"] else ()
        return Proof(self.pictures, self.largest, ties, pictures.drawn)


def compared(
    traced: Traced, engine: Engine, pictures: Pictures, found: Comparison, progress: Progress | None = None
) -> Comparison:
    """Try a file on pictures, against the network in fp32. found: what they are counted in, of no pictures yet."""
    for batch in pictures.batches(traced.preprocess):
        images = network_images(traced, batch)
        found.add(batch.names, expected_of(traced, images), answered_by(engine, images), batch.targets)
        if progress is not None:
            progress(found.pictures, len(pictures.given))
    return found


def network_images(traced: Traced, batch: Batch) -> Tensor:
    """A batch as the file takes it: pixels, or normalised images."""
    pixels = to_batch(batch.pixels)
    if traced.with_preprocessing:
        return pixels.contiguous()
    return normalise(to_network_size(pixels, traced.preprocess), traced.preprocess).contiguous()


@torch.inference_mode()
def expected_of(traced: Traced, images: Tensor) -> Numbers:
    """What the network gives, in fp32."""
    answer: Tensor = traced.module(images)
    return answer.numpy()


def answered_by(engine: Engine, images: Tensor) -> Numbers:
    """What a file gives. Raises StriateError where its runtime cannot compute it."""
    try:
        answer: Numbers = engine(images.numpy())
    except Exception as error:  # of whatever kind its runtime has
        raise StriateError(f"the file was not kept: {engine.words} cannot run it: {first_line(error)}") from error
    return answer


def takes_other_sizes(traced: Traced, engine: Engine, task: Task, close: float) -> bool:
    """Whether a file gives for pictures of other sizes, if it says that it takes them, what the network gives."""
    for size in traced.other_sizes:
        images = example(traced.module, traced.preprocess, 1, size)
        try:
            found = answered_by(engine, images)
        except StriateError:
            return False
        sized = Comparison(task, close)
        sized.add(["drawn"], expected_of(traced, images), found)
        if not sized.agrees:
            return False
    return True
