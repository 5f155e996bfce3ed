"""What training comes to, step by step: proof that a change which must change nothing has changed nothing.

    python tests/golden_trace.py before.json     # on the commit before
    python tests/golden_trace.py after.json      # on the commit after, on the same machine: equal files
    python tests/golden_trace.py --portable tests/training/golden_trace.json

Every recipe makes three steps on the same few pictures, `finetune` as a staged transfer, in fp32 and one thread: the
loss of every step and a SHA-256 of the weights after it. One run on the digits adds evaluation.json and report.html.
It listens to torch alone (who calls `backward`, which optimiser has stepped), so that the code in between may be
written anew. On another processor hashes differ and losses agree to 1e-4, which
`tests/training/test_golden_trace.py` holds by the portable part, made anew only where a result is meant to change.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.optim.optimizer import register_optimizer_step_post_hook

import striate

PICTURES = 40  # of a class; 28 of them, and as many of the other, to train on
STEPS = 3
SETTINGS: dict[str, Any] = {"precision": "fp32", "threads": 1, "autotune": False, "fused_norms": False, "seed": 3}
# What each recipe is given beside its name: a network that three steps of take a second, pictures of its size, and a
# rate at which the rounding of another processor has not grown to 1e-4 by the third step.
RECIPES: dict[str, dict[str, Any]] = {
    "default": {"model": "resnet20", "size_px": 32, "peak_lr": 0.001},
    "fast": {},
    "small_pictures": {"peak_lr": 0.1, "muon_lr": 0.02},
    "finetune": {"weights": "embedded", "epochs": 4, "unfreeze_to": "layer3", "size_px": 48},
    "probe": {"weights": "embedded", "size_px": 48},
    "digits_lenet5": {},
    "alexnet_2012": {"size_px": 80, "peak_lr": 0.001},
    "vgg_2014": {"model": "nin_cifar", "size_px": 32, "peak_lr": 0.001},
    "resnet_2015": {"model": "resnet20", "size_px": 32, "peak_lr": 0.001},
    "cifar_resnet": {"peak_lr": 0.001},
}


@dataclass
class Trace:
    """losses: of every call of `backward`. weights: hashes of all that an optimiser trains, after each of its steps."""

    losses: list[float] = field(default_factory=list)
    weights: list[str] = field(default_factory=list)


def photographs(to: Path) -> Path:
    """Two classes of coloured stripes, upright and level, 64 px; one in seven lies in the wrong folder."""
    for upright, name in ((True, "upright"), (False, "level")):
        (to / name).mkdir(parents=True)
        for number in range(PICTURES):
            random = np.random.default_rng(number + 1000 * upright)
            wave = np.sin(np.arange(64) * random.uniform(0.2, 0.4) + random.uniform(0, 6))
            pixels = 128 + wave[:, None, None] * random.uniform(40, 100, 3) + random.normal(0, 8, (64, 64, 3))
            pixels = np.clip(pixels, 0, 255).astype(np.uint8)
            Image.fromarray(pixels.swapaxes(0, 1) if upright != (number % 7 == 0) else pixels).save(
                to / name / f"{number:02}.png"
            )
    return to


@contextmanager
def traced() -> Iterator[Trace]:
    """The context in which losses and weights are noted."""
    trace, backward = Trace(), Tensor.backward

    def noted(loss: Tensor, *arguments: Any, **named: Any) -> None:
        trace.losses.append(float(loss.detach()))
        backward(loss, *arguments, **named)

    def stepped(optimizer: torch.optim.Optimizer, *_: Any) -> None:
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        trace.weights.append(sha256(b"".join(p.detach().contiguous().numpy().tobytes() for p in parameters)))

    handle = register_optimizer_step_post_hook(stepped)
    try:
        with mock.patch.object(Tensor, "backward", noted):
            yield trace
    finally:
        handle.remove()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def trace_of(recipe: str, photos: Path, runs: Path) -> dict[str, Any]:
    """Three steps of a recipe (of each epoch, for a staged transfer), and a hash of the weights that validated best."""
    fields = {"epochs": 1, "batch_size": 20, **RECIPES[recipe]}
    data = "digits" if recipe == "digits_lenet5" else photos
    if data == "digits":
        fields["batch_size"] = 419  # of 1,257
    with traced() as trace:
        run = striate.train(data, recipe=recipe, run=runs / recipe, **SETTINGS, **fields)
    state = sha256(max((run.path / "state").glob("step-*")).joinpath("tensors.safetensors").read_bytes())
    best = sha256((run.path / "model.safetensors").read_bytes())
    return {"losses": trace.losses, "weights": trace.weights, "state": state, "best": best}


def _standing_still(real: Callable[[], float] = time.monotonic) -> float:
    """No time, in the main thread alone: other threads, such as a server's event loop, wait by it."""
    return 0.0 if threading.current_thread() is threading.main_thread() else real()


def digits_run(runs: Path) -> dict[str, Any]:
    """evaluation.json and report.html of a run on the digits, begun in `runs`, at a clock that stands still."""
    before = Path.cwd()
    os.chdir(runs)
    try:
        with mock.patch.object(time, "monotonic", _standing_still):
            run = striate.train("digits", recipe="digits_lenet5", epochs=2, run="digits", **SETTINGS)
        report = (run.path / "report.html").read_text(encoding="utf-8").replace(str(Path.cwd()), "")
        return {"evaluation": json.loads((run.path / "evaluation.json").read_text()), "report": report.splitlines()}
    finally:
        os.chdir(before)


def portable(recipes: dict[str, Any], digits: dict[str, Any]) -> dict[str, Any]:
    """What holds on every processor: the losses, how many updates, the test of the digits, the report's headings."""
    headings = re.findall(r"<h[1-3][^>]*>(.*?)</h", "\n".join(digits["report"]), re.DOTALL)
    return {
        "recipes": {name: {"losses": one["losses"], "updates": len(one["weights"])} for name, one in recipes.items()},
        "digits": {name: digits["evaluation"][name] for name in ("split", "pictures", "top1", "loss")},
        "headings": headings,
    }


def main() -> None:
    """Write the trace to the file that the command line names, all of it or, after --portable, what holds anywhere."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name, mock.patch.dict(os.environ, STRIATE_CACHE=f"{name}/cache"):
        photos = photographs(Path(name) / "photos")
        recipes = {recipe: trace_of(recipe, photos, Path(name) / "runs") for recipe in RECIPES}
        digits = digits_run(Path(name))
    whole = {"recipes": recipes, "digits": digits}
    content = portable(recipes, digits) if "--portable" in sys.argv else whole
    Path(sys.argv[-1]).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
