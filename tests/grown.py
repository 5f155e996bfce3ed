"""A run's folder that grows as a training has it grow, without one."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from striate.data.manifest import MANIFEST, Row, write_rows
from striate.deploy.bundle import save_config
from striate.models import Network
from striate.training.folder.layout import EVALUATION, METRICS, RECIPE, STATE, append_metrics
from striate.training.folder.state import Counters, save_state

BEGUN: dict[str, Any] = {
    "source": "photos",
    "recipe_name": "default",
    "recipe": {"model": "lenet5", "epochs": 8},
    "seed": 3,
    "options": {},
    "command": "striate train photos",
    "preprocess": {"size": [32, 32], "resize": [32, 32], "mean": [0.5], "std": [0.5], "channels": 1},
    "machine": {
        "device": "cpu",
        "precision": "fp32",
        "channels_last": True,
        "threads": 1,
        "processor": "one of a test",
    },
    "data": {"source": "photos", "split_rule": "as given", "counts": {"train": [8, 8]}, "warnings": []},
}


def begin(folder: Path, **changes: Any) -> Path:
    """A run that is begun; changes: of recipe.json."""
    folder.mkdir(parents=True)
    (folder / RECIPE).write_text(json.dumps(BEGUN | changes))
    return folder


def of(pictures: Path) -> dict[str, Any]:
    """What of recipe.json says where the pictures are."""
    return {"source": str(pictures), "data": BEGUN["data"] | {"source": str(pictures)}}


def line(epoch: int, **more: Any) -> dict[str, Any]:
    """What an epoch comes to: 10 steps and 2 seconds each."""
    loss = math.exp(-epoch / 4)
    measured = {"train_loss": loss, "val_loss": 1.25 * loss, "val_accuracy": 1 - loss / 2, "best": True}
    return (
        {"epoch": epoch, "step": 10 * epoch, "lr": 0.05, "images_per_second": 80.0, "seconds": 2.0 * epoch}
        | measured
        | more
    )


def grow(folder: Path, *epochs: int, **more: Any) -> None:
    """Some epochs more."""
    for epoch in epochs:
        append_metrics(folder, line(epoch, **more))


def tear(folder: Path) -> None:
    """Write half of a line, as one that is killed does."""
    with (folder / METRICS).open("a") as file:
        file.write('{"epoch": 99, "st')


def finish(folder: Path) -> None:
    """The test, after the last epoch."""
    (folder / EVALUATION).write_text(json.dumps({"split": "test", "top1": 0.875}))


def with_states(folder: Path, pictures: Path, networks: Mapping[str, Network], *steps: int) -> None:
    """What a run has after its first validation: config, list of pictures, and states of networks by their roles."""
    network = next(iter(networks.values()))
    files = sorted(path.relative_to(pictures) for path in pictures.rglob("*.png"))
    save_config(folder, network, tuple(f"class {number}" for number in range(network.classes)), {})
    write_rows(folder / MANIFEST, [Row("val", file.parent.name, "0" * 32, str(file)) for file in files])
    for step in steps:
        save_state(folder / STATE, networks, {}, Counters(step=step))
