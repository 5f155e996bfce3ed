"""Kill training runs of an own network on an own Dataset with an own optimiser by SIGKILL, and resume them.

    python benchmarks/kill_own.py [--kills 10]

The network has two layers with one weight, a buffer that changes, dropout and random numbers of its own; the Dataset
draws pictures of many sizes from its index; optimiser, schedule and augmentation are functions of this file. A state is
saved after every step; kills come in a random step or at a random moment. Prints the table of kill.md's last section;
exits with 1 unless every SHA-256 of weights and state is that of the run that was never killed.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Net(nn.Module):
    """Shares a weight, remembers a mean, and draws random numbers."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.enter, self.one, self.other = (nn.Conv2d(width, 16, 3, padding=1) for width in (3, 16, 16))
        self.other.weight = self.one.weight
        self.norm, self.dropout, self.answer = nn.BatchNorm2d(16), nn.Dropout(0.2), nn.Linear(16, num_classes)
        self.register_buffer("mean", torch.zeros(1))

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        if self.training:
            self.mean.mul_(0.9).add_(0.1 * images.mean().detach())
        maps = F.relu(self.norm(self.one(self.enter(images - self.mean + 0.1 * torch.randn_like(images)))))
        maps = F.relu(self.other(F.max_pool2d(maps, 2)) + random.random() / 10)
        return {"features": maps, "logits": self.answer(self.dropout(maps.mean((2, 3))))}


class Waves(torch.utils.data.Dataset):
    """Upright and level stripes, of sizes between 24 and 40 px."""

    classes = ("upright", "level")

    def __len__(self) -> int:
        return 120

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        numbers = np.random.default_rng(index)
        height, width = numbers.integers(24, 41, 2)
        wave = np.sin(np.arange(40) * numbers.uniform(0.6, 1.2) + numbers.uniform(0, 6))
        grid = np.tile(wave, (40, 1)) if index % 2 == 0 else np.tile(wave[:, None], (1, 40))
        pixels = 128 + 60 * grid[:height, :width, None] + numbers.normal(0, 30, (height, width, 3))
        return pixels.clip(0, 255).astype(np.uint8), index % 2


def optimizer(parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
    return torch.optim.NAdam(parameters, lr=2e-3)


def schedule(step: int, steps: int) -> float:
    return 1 - step / steps


def augment(pictures: Tensor) -> Tensor:
    return pictures.roll(int(torch.randint(0, 4, ())), 3)


def settings() -> dict[str, object]:
    return {
        "model": Net, "optimizer": optimizer, "schedule": schedule, "augment": augment, "epochs": 4, "batch_size": 12,
        "size_px": 24, "ema_decay": 0.9, "threads": 1, "autotune": False, "quiet": True,
    }  # fmt: skip


def child(run: Path, step: int) -> None:
    """Train from the beginning, and die in a step; -1: never."""
    import striate
    from striate.training import clock, loop

    clock.SAVE_EVERY_SECONDS = 0.0
    made, fitting_step = [0], loop.fitting_step

    def mortal(*arguments: object) -> object:
        made[0] += 1
        if made[0] == step:
            os.kill(os.getpid(), signal.SIGKILL)
        return fitting_step(*arguments)

    loop.fitting_step = mortal
    striate.train(Waves(), run=run, **settings())


def resumed(run: Path) -> None:
    import striate

    code = {name: settings()[name] for name in ("model", "optimizer", "schedule", "augment")}
    striate.resume(run, data=Waves(), quiet=True, **code)


def result(run: Path) -> list[str]:
    newest = max((run / "state").glob("step-*")) / "tensors.safetensors"
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in (run / "model.safetensors", newest)]


def begin(run: Path, step: int, moment_s: float | None = None) -> int:
    process = subprocess.Popen([sys.executable, __file__, "--child", str(run), str(step)])
    while moment_s is not None and process.poll() is None and not (run / "recipe.json").exists():
        time.sleep(0.01)
    try:
        return process.wait(moment_s)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--resumed", help=argparse.SUPPRESS)
    options = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).parent))
    import kill_own as own  # by its name, so that its functions are those of a file and not of __main__

    if options.child:
        own.child(Path(options.child[0]), int(options.child[1]))
        return 0
    if options.resumed:
        own.resumed(Path(options.resumed))
        return 0
    folder, chance, equal = Path(tempfile.mkdtemp()), random.Random(0), 0
    os.environ["STRIATE_CACHE"] = str(folder / "cache")
    if begin(folder / "whole", -1) != 0:
        return 1
    steps, expected = max((folder / "whole" / "state").glob("step-*")).name, result(folder / "whole")
    print(f"never killed: {steps}, {' '.join(each[:12] for each in expected)}", flush=True)
    for number in range(options.kills):
        run = folder / f"killed-{number}"
        step, moment_s = chance.randrange(2, 28), chance.uniform(0.05, 1.5)
        if begin(run, step, None) != -signal.SIGKILL if number % 2 else begin(run, -1, moment_s) == 0:
            print(f"| {number} | lived | |")
            continue
        newest = max((path.name for path in (run / "state").glob("step-*")), default="none")
        if (
            not (run / "recipe.json").exists()
            or subprocess.run([sys.executable, __file__, "--resumed", str(run)]).returncode
        ):
            print(f"| {number} | could not be resumed | |")
            continue
        same = result(run) == expected
        equal += same
        where = f"in step {step}" if number % 2 else f"after {moment_s:.2f} s"
        print(f"| {where} | newest state {newest} | {'equal' if same else 'DIFFERENT'} |", flush=True)
    print(f"\n{equal} of {options.kills} equal")
    shutil.rmtree(folder)
    return 0 if equal == options.kills else 1


if __name__ == "__main__":
    sys.exit(main())
