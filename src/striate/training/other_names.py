"""What other tools call the fields of a recipe and the arguments of `train`; used for suggestions only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from striate.core.errors import StriateError, unknown_name

# fmt: off
OTHER_NAMES = {
    "lr": "peak_lr", "lr0": "peak_lr", "learning_rate": "peak_lr", "max_lr": "peak_lr", "base_lr": "peak_lr",
    "batch": "batch_size", "bs": "batch_size", "batchsize": "batch_size", "train_batch_size": "batch_size",
    "n_epochs": "epochs", "num_epochs": "epochs", "max_epochs": "epochs", "num_train_epochs": "epochs", "n": "epochs",
    "wd": "weight_decay", "l2": "weight_decay", "decay": "weight_decay",
    "optim": "optimizer", "opt": "optimizer", "solver": "optimizer",
    "scheduler": "schedule", "lr_scheduler": "schedule", "sched": "schedule",
    "warmup": "warmup_epochs", "milestones": "drop_at", "gamma": "drop_factor",
    "size": "size_px", "img_size": "size_px", "image_size": "size_px", "imgsz": "size_px", "input_size": "size_px",
    "pretrained": "weights", "checkpoint": "weights", "init": "weights", "arch": "model", "architecture": "model",
    "network": "model", "net": "model", "backbone": "model",
    "ema": "ema_decay", "smoothing": "label_smoothing",
    "drop": "dropout", "drop_rate": "dropout", "p": "dropout", "cutmix": "cut_mix", "color_jitter": "jitter",
    "hflip": "flip", "fliplr": "flip", "degrees": "rotate_degrees", "random_erasing": "erase",
    "early_stopping": "stop_after_epochs", "patience": "stop_after_epochs", "monitor": "best_by",
    "freeze": "unfreeze_to", "random_state": "seed", "output": "run", "output_dir": "run", "out": "run", "name": "run",
    "save_dir": "run", "project": "run", "dtype": "precision", "amp": "precision", "num_threads": "threads",
    "n_jobs": "threads", "microbatch": "micro_batch", "path": "data", "dataset": "data", "folder": "data",
}
# fmt: on


# Names that fields had, and "size", which the command line and `open_data` call it.
TAKEN_NAMES = {"average_decay": "ema_decay", "size": "size_px"}


def renamed(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields by the names that they have. Raises StriateError for one that is given by two names.

    >>> renamed({"size": 32, "epochs": 3})
    {'size_px': 32, 'epochs': 3}
    """
    for name, field in TAKEN_NAMES.items():
        if name in fields and field in fields:
            raise StriateError(f"{field} is given twice, as {name} too; leave one of them out")
    return {TAKEN_NAMES.get(name, name): value for name, value in fields.items()}


def unknown_field(name: str, known: Iterable[str]) -> StriateError:
    """The error for a field that there is not: what it is called here, where another tool calls it so.

    >>> str(unknown_field("lr", ["peak_lr", "momentum"]))
    "unknown recipe field 'lr'; did you mean 'peak_lr'?"
    """
    names = set(known)
    ours = OTHER_NAMES.get(name.lower())
    if ours in names:
        return StriateError(f"unknown recipe field {name!r}; did you mean {ours!r}?")
    return unknown_name("recipe field", name, names)
