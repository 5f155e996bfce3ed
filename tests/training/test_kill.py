"""kill -9, for real: another process is killed where it hurts most, and resumed to equal bytes.

The long form, over more configurations and moments, is benchmarks/kill.py.
"""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import striate
from striate.training import prepared

# Runs `striate train` and kills itself at the n-th step, or at the n-th write of a state or of another file.
MORTAL = """
import os, signal, sys
from striate.training import clock, loop
from striate.cli import main
place, left, run = sys.argv[1], int(sys.argv[2]), sys.argv[4]
clock.SAVE_EVERY_SECONDS = 0.0
step = loop.fitting_step

def one_more():
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)

def mortal(*arguments):
    one_more()
    return step(*arguments)

def asked(event, arguments):
    writes = event in ("os.mkdir", "os.rename") or event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR)
    if writes and str(arguments[0]).startswith(run) and ("/state/" in str(arguments[0])) == (place == "state"):
        one_more()

if place == "step":
    loop.fitting_step = mortal
else:
    sys.addaudithook(asked)
sys.argv = ["striate", "train", "--run", run, *sys.argv[5:]]
main()
"""
PLAIN = {
    "model": "lenet5", "epochs": 3, "batch_size": 8, "micro_batch": 3, "schedule": "step", "precision": "fp32",
    "crop_padding_px": 2, "rotate_degrees": 10.0, "flip": True, "jitter": 0.2, "erase": 0.5,
}  # fmt: skip
FAST = {
    "model": "resnet20", "epochs": 3, "batch_size": 8, "size_px": 32, "start_px": 16, "optimizer": "muon",
    "schedule": "one_cycle", "ema_decay": 0.9, "whiten": True, "flip_alternately": True, "min_area": 0.5,
    "lighting_std": 0.1, "precision": "bf16",
}  # fmt: skip


def weights(run: Path) -> str:
    return hashlib.sha256((run / "model.safetensors").read_bytes()).hexdigest()


def words(fields: dict) -> list[str]:
    """The same for the command line."""
    flags = [f"--{name.replace('_', '-')}={fields[name]}" for name in ("precision", "micro_batch") if name in fields]
    others = {name: value for name, value in fields.items() if name not in ("precision", "micro_batch")}
    return [*flags, "--threads=1", "--no-autotune", *(f"--set={name}={value}" for name, value in others.items())]


@pytest.fixture(scope="module")
def tints(tmp_path_factory) -> Path:
    """Two classes of 20 coloured pictures."""
    root, random = tmp_path_factory.mktemp("tints"), np.random.default_rng(0)
    for name, mean in (("cold", (80, 100, 140)), ("warm", (140, 100, 80))):
        (root / name).mkdir()
        for number in range(20):
            pixels = random.normal(mean, 40, (36, 36, 3)).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(root / name / f"{number}.png")
    return root


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
@pytest.mark.parametrize(
    ("fields", "place", "after", "workers"),
    [(PLAIN, "step", 6, 0), (PLAIN, "file", 17, 3), (FAST, "state", 14, 1)],
    ids=["in an epoch", "between the weights and their meaning", "in a state"],
)
def test_sigkill_and_resume_end_in_equal_bytes(tints, tmp_path, monkeypatch, fields, place, after, workers):
    """workers: threads that load batches once it is resumed; the whole run has none."""
    whole = striate.train(tints, run=tmp_path / "whole", autotune=False, threads=1, **fields)
    run = tmp_path / "killed"
    killed = subprocess.run(
        [sys.executable, "-c", MORTAL, place, str(after), "--run", str(run), *words(fields), str(tints)],
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    states = list((run / "state").glob("step-*"))
    assert states
    batches = prepared.batches_of
    monkeypatch.setattr(prepared, "batches_of", lambda *some, **more: replace(batches(*some, **more), workers=workers))
    monkeypatch.setattr(os, "cpu_count", lambda: workers + 2)
    resumed = striate.resume(run)
    assert weights(resumed.path) == weights(whole.path)
    newest = [max((path / "state").iterdir()) / "tensors.safetensors" for path in (whole.path, run)]
    assert newest[0].read_bytes() == newest[1].read_bytes()
    assert not list(run.rglob("*.part"))
