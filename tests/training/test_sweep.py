"""A sweep in one process: every run is what it would be in a process of its own, and leaves nothing behind."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.optim.optimizer import _global_optimizer_post_hooks

import striate

FIELDS = {
    "model": "lenet5",
    "epochs": 1,
    "autotune": False,
    "precision": "fp32",
    "size_px": 32,
    "jitter": 0.2,
    "quiet": True,
}


def bytes_of(run: Path) -> tuple[bytes, bytes]:
    state = max((run / "state").iterdir()) / "tensors.safetensors"
    return (run / "model.safetensors").read_bytes(), state.read_bytes()


def process_state() -> dict[str, object]:
    """What a process shares, as far as a training could leave something in it."""
    assert callable(striate.train)  # imported by now, which draws from `random`: some dependency of ours does
    modules = torch.nn.modules.module
    return {
        "threads": [thread.name for thread in threading.enumerate()],
        "torch threads": torch.get_num_threads(),
        "gradients": torch.is_grad_enabled(),
        "autocast": torch.is_autocast_enabled("cpu"),
        "dtype": torch.get_default_dtype(),
        "device": torch.get_default_device(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "matmul": torch.get_float32_matmul_precision(),
        "mkldnn": torch.backends.mkldnn.enabled,
        "hooks": [
            len(hooks) for name, hooks in vars(modules).items() if name.startswith("_global_") and "hooks" in name
        ],
        "optimiser hooks": len(_global_optimizer_post_hooks),
        "torch's generator": torch.get_rng_state().tolist(),
        "numpy's generator": str(np.random.get_state()),  # noqa: NPY002 - the caller's own
        "random's generator": random.getstate(),
        "pixels": Image.MAX_IMAGE_PIXELS,
    }


def test_a_sweep_is_three_lines_and_leaves_nothing(photos, tmp_path, capfd):
    before = process_state()
    rates = (0.1, 0.05)
    for lr in rates:
        striate.train(photos, peak_lr=lr, run=tmp_path / f"lr{lr}", **FIELDS)
    assert process_state() == before
    assert capfd.readouterr().err == ""
    program = (
        f"import striate; striate.train({str(photos)!r}, peak_lr=0.05, run={str(tmp_path / 'alone')!r}, **{FIELDS!r})"
    )
    subprocess.run([sys.executable, "-c", f"import torch; torch.set_num_threads(1); {program}"], check=True)
    assert bytes_of(tmp_path / "alone") == bytes_of(tmp_path / "lr0.05") != bytes_of(tmp_path / "lr0.1")


def test_a_run_that_fails_in_a_sweep_leaves_nothing_either(photos, tmp_path):
    def fail(moment):
        raise LookupError("of the caller")

    before = process_state()
    with pytest.raises(LookupError):
        striate.train(photos, run=tmp_path / "fails", callbacks=[fail], **FIELDS)
    assert process_state() == before
