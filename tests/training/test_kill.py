"""kill -9, for real: another process is killed where it hurts most, and resumed to equal bytes.

The long form, over more configurations and moments, is benchmarks/kill.py.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import striate
from mortal import killed, weights
from striate.training import prepared

PLAIN = {
    "model": "lenet5", "epochs": 3, "batch_size": 8, "micro_batch": 3, "schedule": "step", "precision": "fp32",
    "crop_padding_px": 2, "rotate_degrees": 10.0, "flip": True, "jitter": 0.2, "erase": 0.5,
    "balance": "sampler",
}  # fmt: skip
FAST = {
    "model": "resnet20", "epochs": 3, "batch_size": 8, "size_px": 32, "start_px": 16, "optimizer": "muon",
    "schedule": "one_cycle", "ema_decay": 0.9, "whiten": True, "flip_alternately": True, "min_area": 0.5,
    "lighting_std": 0.1, "precision": "bf16",
}  # fmt: skip


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
    run = killed(place, after, tmp_path / "killed", *words(fields), tints)
    batches = prepared.batches_of
    monkeypatch.setattr(prepared, "batches_of", lambda *some, **more: replace(batches(*some, **more), workers=workers))
    monkeypatch.setattr(os, "cpu_count", lambda: workers + 2)
    resumed = striate.resume(run)
    assert weights(resumed.path) == weights(whole.path)
    newest = [max((path / "state").iterdir()) / "tensors.safetensors" for path in (whole.path, run)]
    assert newest[0].read_bytes() == newest[1].read_bytes()
    assert not list(run.rglob("*.part"))
