"""TensorBoard events of a run, on request: curves over steps, filters, pictures, findings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from striate.core.extras import require_packages
from striate.core.files import storage_errors
from striate.report.facts import ReportFacts, Sample
from striate.training.folder.state import Counters
from striate.training.job import Watch

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

EVENTS = "tensorboard"  # folder in the folder of the run
SMALLEST_TILE_PX = 24
TAGS = {
    "speed/images_per_second": "images_per_second",
    "vitals/grad_norm": "grad_norm",
    "vitals/update_ratio": "update_ratio",
    "vitals/dead_share": "dead_share",
    "vitals/clean_accuracy": "clean_accuracy",
}
"""Of the lines of metrics.jsonl, by the names that TensorBoard groups them by; those of the task's figures besides."""


def require_tensorboard() -> None:
    """Raise StriateError, with the command that installs it, when the package tensorboard is missing."""
    require_packages("--tensorboard needs", "tensorboard")


class TensorBoard:
    """Writes what it is told as events, and passes it on to another watch.

    All curves are over steps. A resumed run goes on in the same folder; what was written of steps after the state that
    it resumes from is taken back. Look at them with: tensorboard --logdir RUN/tensorboard
    """

    def __init__(self, folder: Path, network: nn.Module, samples: Sequence[Sample], watch: Watch) -> None:
        self.folder, self.network, self.samples, self.watch = folder, network, samples, watch
        self._writer: SummaryWriter | None = None
        self._read = Counters()

    def say(self, text: str) -> None:
        """Passed on."""
        self.watch.say(text)

    def step(self, counters: Counters, lr: float) -> None:
        """The mean loss and accuracy since the last call in this epoch, and the rate."""
        self.watch.step(counters, lr)
        before = self._read if counters.seen > self._read.seen else Counters()
        pictures = max(1, counters.seen - before.seen)
        with self._opened(counters.step) as writer:
            writer.add_scalar("loss/train", (counters.loss_sum - before.loss_sum) / pictures, counters.step)
            for name, total in counters.sums.items():
                writer.add_scalar(f"{name}/train", (total - before.sums.get(name, 0)) / pictures, counters.step)
            writer.add_scalar("rate/lr", lr, counters.step)
        self._read = Counters(seen=counters.seen, loss_sum=counters.loss_sum, sums=dict(counters.sums))

    def epoch(self, line: dict[str, Any]) -> None:
        """All figures of an epoch, its findings, the filters of the first layer."""
        self.watch.epoch(line)
        self._read = Counters()
        with self._opened(line["step"]) as writer:
            for tag, name in (TAGS | tags_of(line)).items():
                if name in line:
                    writer.add_scalar(tag, line[name], line["step"])
            for finding in line.get("findings", ()):
                writer.add_text(f"seen/{finding['kind']}", finding["text"], finding["step"])
            filters = first_filters(self.network)
            if filters is not None:
                writer.add_image("filters/first_layer", filters, line["step"])

    def result(self, facts: ReportFacts) -> None:
        """What the test came to, and the pictures of it that are worth showing; closes the events."""
        self.watch.result(facts)
        after = facts.history[-1]["step"] + 1  # of its own, so that testing again replaces only the test
        with self._opened(after) as writer:
            figure, value = facts.task.measured(facts.evaluation)[0]
            writer.add_scalar(f"{figure.key}/{facts.evaluated_split}_of_best", value, after)
            for number, example in enumerate(facts.examples, 1):
                tag = f"{facts.task.examples_are}/{number:02} {example.caption}"
                writer.add_image(tag, example.pixels, after, dataformats="HWC")
            writer.close()

    @contextmanager
    def _opened(self, step: int) -> Iterator[SummaryWriter]:
        """The events, from `step` on: what is there of this step and later ones is taken back.

        All are on the disk afterwards: a run that is killed keeps what its newest state has.
        """
        with storage_errors(self.folder):
            if self._writer is None:
                from torch.utils.tensorboard import SummaryWriter

                begun = self.folder.exists()
                self._writer = SummaryWriter(str(self.folder), purge_step=step if begun else None)
                if not begun:
                    for number, sample in enumerate(self.samples, 1):
                        tag = f"augmented/{number:02} {sample.label}"
                        self._writer.add_image(tag, sample.pixels, 0, dataformats="HWC")
            yield self._writer
            self._writer.flush()


def tags_of(line: dict[str, Any]) -> dict[str, str]:
    """Tags of the figures of an epoch, in training and validation, with their names in the line.

    >>> tags_of({"epoch": 1, "train_loss": 0.5, "val_loss": 0.25, "val_accuracy": 0.75})
    {'loss/train_epoch': 'train_loss', 'loss/val': 'val_loss', 'accuracy/val': 'val_accuracy'}
    """
    parts = (("train_", "train_epoch"), ("val_", "val"))
    return {f"{name[len(part) :]}/{tag}": name for name in line for part, tag in parts if name.startswith(part)}


def first_filters(network: nn.Module) -> Tensor | None:
    """The filters of the first convolution as one picture, float (channels, H, W) 0..1; None without a convolution.

    Filters over more than three channels show the first alone.
    """
    layer = next((module for module in network.modules() if isinstance(module, nn.Conv2d)), None)
    if layer is None:
        return None
    weights = layer.weight.detach().float().cpu()
    weights = weights if weights.shape[1] in (1, 3) else weights[:, :1]
    low, high = weights.amin(), weights.amax()
    return tiles((weights - low) / (high - low).clamp(min=1e-12))


def tiles(pictures: Tensor) -> Tensor:
    """Pictures (N, C, H, W) side by side in a square with white lines between, small ones enlarged.

    >>> tiles(torch.zeros(6, 3, 24, 24)).shape
    torch.Size([3, 49, 74])
    """
    count, channels, height, width = pictures.shape
    times = -(-SMALLEST_TILE_PX // max(height, width))
    pictures = pictures.repeat_interleave(times, 2).repeat_interleave(times, 3)
    height, width = height * times, width * times
    columns = round(count**0.5 + 0.49)
    rows = -(-count // columns)
    sheet = torch.ones(channels, rows * (height + 1) - 1, columns * (width + 1) - 1)
    for number, picture in enumerate(pictures):
        top, left = number // columns * (height + 1), number % columns * (width + 1)
        sheet[:, top : top + height, left : left + width] = picture
    return sheet
