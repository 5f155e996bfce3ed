"""Jobs, pictures and data sets of the tests, made in one place."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

import toy_task
from striate.data.batches import Batch, Batches
from striate.data.targets.boxes import BoxBatch
from striate.data.targets.classes import ClassTargets
from striate.models import Network, create_model
from striate.runtime.runtime import Runtime
from striate.tasks import TASKS
from striate.tasks.task import NETWORK, StepLosses
from striate.training.job import Job
from striate.training.recipe import Recipe
from striate.training.step import begun_step, gradients

PLAIN = Runtime("cpu", "fp32", channels_last=False, threads=1)
CLASSES = ("a", "b", "c", "d")


class SaysNothing:
    """A listener that fails when it is told anything."""

    def say(self, text: str) -> None:
        raise AssertionError(text)


@dataclass(frozen=True)
class InMemory:
    """Decoded pictures, uint8 (N, H, W, C), as a data set gives them to batches."""

    pixels: np.ndarray

    def take(self, indices: np.ndarray, _bad: Any = None) -> np.ndarray:
        return self.pixels[indices]


def noise(count: int, side_px: int, channels: int = 3) -> np.ndarray:
    """Pictures that nothing can be learned from, the same in every call."""
    return np.random.default_rng(0).integers(0, 256, (count, side_px, side_px, channels), np.uint8)


def encoded(pixels: np.ndarray, kind: str = "PNG", **more: Any) -> bytes:
    """A picture file of pixels, (H, W) or (H, W, 3)."""
    return saved(Image.fromarray(pixels), kind, **more)


def saved(picture: Image.Image, kind: str = "PNG", **more: Any) -> bytes:
    """A picture file."""
    file = io.BytesIO()
    picture.save(file, kind, **more)
    return file.getvalue()


def waves(count: int, side_px: int, channels: int = 3) -> np.ndarray:
    """Pictures of level waves in noise, whose length tells which of four classes each is of: its number modulo four."""
    random, labels = np.random.default_rng(0), np.arange(count) % len(CLASSES)
    lengths = np.sin(np.arange(side_px) * (0.4 + 0.4 * labels[:, None]))[:, None, :, None]
    spread = random.normal(0, 10, (count, side_px, side_px, channels))
    return np.clip(128 + 80 * lengths + spread, 0, 255).astype(np.uint8)


def network_of(name: str, side_px: int | None = None) -> Network:
    """A network of four classes, its weights drawn from seed 0."""
    torch.manual_seed(0)
    network = create_model(name, len(CLASSES))
    if side_px is not None:
        network.preprocess = network.preprocess.at((side_px, side_px), (side_px, side_px))
    return network


def job_of(
    network: str | Network = "lenet5",
    pixels: np.ndarray | None = None,
    runtime: Runtime = PLAIN,
    watch: Any = None,
    folder: Path | None = None,
    **recipe: Any,
) -> Job:
    """The training of a network on pictures in memory, all in one batch unless `batch_size` is given.

    pixels: by default ten of noise of 32 px; of class number % 4. recipe: fields of it.
    """
    network = network_of(network) if isinstance(network, str) else network
    pixels = noise(10, 32, network.in_channels) if pixels is None else pixels
    fields = {"model": network.architecture, "batch_size": len(pixels), **recipe}
    numbers = np.arange(len(pixels))
    batches = Batches(InMemory(pixels), ClassTargets(numbers % len(CLASSES), CLASSES), numbers, fields["batch_size"])
    where = Path() if folder is None else folder
    return Job(
        network=network,
        preprocess=network.preprocess,
        task=TASKS["classification"],
        train=batches,
        val=batches,
        recipe=Recipe(**fields),
        seed=0,
        runtime=runtime,
        folder=where,
        watch=SaysNothing() if watch is None else watch,
        scaler=runtime.loss_scaler(),
    )


def tinted_folders(folder: Path) -> Path:
    """A folder of two classes of twelve coloured pictures of 32 px each, that differ in their mean colour."""
    random = np.random.default_rng(0)
    for name, mean in (("cold", (60, 100, 160)), ("warm", (160, 100, 60))):
        (folder / name).mkdir(parents=True)
        for number in range(12):
            pixels = random.normal(mean, 20, (32, 32, 3)).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number:02}.png")
    return folder


def tinted_labels(folder: Path) -> Path:
    """A table of twenty-four pictures of 32 px, whose halves tell which of two labels they have: both, one or none."""
    random, rows = np.random.default_rng(0), ["path,labels"]
    folder.mkdir(parents=True)
    for number in range(24):
        names = [name for bit, name in enumerate(("cold", "warm")) if number >> bit & 1]
        pixels = random.normal(128, 20, (32, 32, 3))
        pixels[:16] += (-60, 0, 60) if "cold" in names else 0
        pixels[16:] += (60, 0, -60) if "warm" in names else 0
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"{number:02}.png")
        rows.append(f"{number:02}.png,{';'.join(names)}")
    (folder / "labels.csv").write_text("\n".join(rows))
    return folder / "labels.csv"


def tinted_masks(folder: Path) -> Path:
    """Twenty-four pictures of 32 px and their masks: a warm rectangle on cold ground, and a column that is ignored."""
    random = np.random.default_rng(0)
    for kind in ("images", "masks"):
        (folder / kind).mkdir(parents=True)
    for number in range(24):
        mask = np.zeros((32, 32), np.uint8)
        top, left, height, width = random.integers((2, 2, 8, 8), (12, 12, 18, 18))
        mask[top : top + height, left : left + width] = 1
        mean = np.where(mask[..., None] == 1, (160, 100, 60), (60, 100, 160))
        pixels = random.normal(mean, 20).clip(0, 255).astype(np.uint8)
        mask[:, 0] = 255
        Image.fromarray(pixels).save(folder / "images" / f"{number:02}.png")
        Image.fromarray(mask).save(folder / "masks" / f"{number:02}.png")
    (folder / "classes.txt").write_text("cold\nwarm\n")
    return folder


def tinted_boxes(folder: Path) -> Path:
    """A table of twenty-four pictures of 32 px: a rectangle of one of two colours on grey, and where it is."""
    random, rows = np.random.default_rng(0), ["path,label,x0,y0,x1,y1"]
    folder.mkdir(parents=True)
    for number in range(24):
        name, colour = (("cold", (60, 100, 200)), ("warm", (200, 100, 60)))[number % 2]
        left, top = random.integers(2, 14, 2).tolist()
        pixels = random.normal(128, 10, (32, 32, 3))
        pixels[top : top + 16, left : left + 16] = colour
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"{number:02}.png")
        rows.append(f"{number:02}.png,{name},{left},{top},{left + 16},{top + 16}")
    (folder / "boxes.csv").write_text("\n".join(rows))
    return folder / "boxes.csv"


def tinted_objects(folder: Path) -> Path:
    """A table of twenty-four pictures of 64 px: two or three rectangles of two colours on grey, and where they are."""
    random, rows = np.random.default_rng(0), ["path,label,x0,y0,x1,y1"]
    folder.mkdir(parents=True)
    for number in range(24):
        pixels = random.normal(128, 10, (64, 64, 3))
        for place in range(2 + number % 2):
            name, colour = (("cold", (60, 100, 200)), ("warm", (200, 100, 60)))[(number + place) % 2]
            left, top = 20 * place + int(random.integers(0, 4)), int(random.integers(0, 48))
            pixels[top : top + 16, left : left + 16] = colour
            rows.append(f"{number:02}.png,{name},{left},{top},{left + 16},{top + 16}")
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"{number:02}.png")
    (folder / "boxes.csv").write_text("\n".join(rows))
    return folder / "boxes.csv"


def tinted_outlines(folder: Path) -> Path:
    """Twenty-four pictures of 32 px: two or three warm discs on grey, and the masks that number them."""
    random, (y, x) = np.random.default_rng(0), np.mgrid[:32, :32]
    for kind in ("images", "masks"):
        (folder / kind).mkdir(parents=True)
    for number in range(24):
        pixels, mask = random.normal(128, 10, (32, 32, 3)), np.zeros((32, 32), np.uint8)
        for place in range(2 + number % 2):
            disc = np.hypot(x - 6 - 10 * place, y - int(random.integers(6, 26))) < 5
            pixels[disc], mask[disc] = (200, 100, 60), place + 1
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / "images" / f"{number:02}.png")
        Image.fromarray(mask).save(folder / "masks" / f"{number:02}.png")
    return folder


def batch_of(boxes: Tensor, labels: Tensor, picture: Tensor, size: tuple[int, int], pictures: int = 0) -> BoxBatch:
    """Boxes of pictures of one size, all of which are asked for. pictures: how many, where the last have none."""
    pictures = pictures or int(picture.max()) + 1
    shown, ignored = torch.tensor([size]).float().repeat(pictures, 1), torch.zeros(len(boxes), dtype=torch.bool)
    return BoxBatch(boxes, labels, picture, pictures, size, ignored, shown)


@dataclass(frozen=True)
class Trial:
    """What a task is tried on. data: writes it below a folder and returns what to train on. settings: of `train`."""

    data: Callable[[Path], Path]
    settings: dict[str, Any]


TRIALS = {
    "classification": Trial(tinted_folders, {"model": "resnet20", "size_px": 32}),
    "detection": Trial(tinted_objects, {"model": "quick_detector", "weights": None, "size_px": 64, "peak_lr": 1e-3}),
    "instances": Trial(
        tinted_outlines,  # at 32 px there are fewer anchors than are drawn, so that parts of a batch draw the same
        {"model": "mask_rcnn_quick_regnet26_fpn", "weights": None, "size_px": 32, "peak_lr": 1e-3},
    ),
    "localisation": Trial(tinted_boxes, {"model": "resnet20+box", "weights": None, "size_px": 32, "peak_lr": 1e-3}),
    "multilabel": Trial(tinted_labels, {"model": "resnet20", "weights": None, "size_px": 32}),
    "segmentation": Trial(tinted_masks, {"model": "recurrent_labelling", "size_px": 32, "peak_lr": 1e-3}),
    toy_task.MEAN_COLOUR.name: Trial(tinted_folders, {"model": "resnet20", "size_px": 32}),
}


def trial_of(task: str) -> Trial:
    """What a task is tried on. Fails, with what to do, for one that has nothing of the kind."""
    assert task in TRIALS, f"nothing to try {task} on: add a Trial for it to TRIALS in tests/factories.py"
    return TRIALS[task]


def gradients_of(job: Job, batch: Batch, step: int) -> StepLosses:
    """The gradients of a step, filled in; the weights stay."""
    return gradients(job, NETWORK, *begun_step(job, batch, step))
