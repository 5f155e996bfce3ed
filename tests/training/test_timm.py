"""Networks that others wrote go the whole way: three steps, kill -9, resumed to equal bytes, evaluated, used."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

import striate
from mortal import all_killed, weights
from of_others import timm_module

NETWORKS = Path(__file__).parents[1] / "timm_networks.py"
SHORT = {"epochs": 1, "batch_size": 10, "peak_lr": 0.0001, "autotune": False, "threads": 1, "precision": "fp32"}
SHORT_WORDS = (
    "--epochs=1",
    "--set=batch_size=10",
    "--set=peak_lr=0.0001",
    "--no-autotune",
    "--threads=1",
    "--precision=fp32",
)
LARGER = {"levit_128s": 64, "efficientnet_b0": 64}  # the sides of what runs at no smaller one
STEPS = 3

together = pytest.mark.parametrize(
    "names",
    [
        ("resnet18", "regnety_002", "mobilenetv3_small_050", "convnext_atto"),
        ("efficientnet_b0", "ghostnet_050", "vit_tiny_patch16_224"),
        pytest.param(("densenet121", "mobilevit_xxs", "swin_tiny"), marks=pytest.mark.slow),
        pytest.param(("repvgg_a0", "nf_regnet_b0", "levit_128s"), marks=pytest.mark.slow),
    ],
    ids=lambda names: names[0],
)


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
@pytest.mark.timeout(600)
@together
def test_killed_and_resumed_it_has_equal_bytes_and_is_used(photos, tmp_path, names):
    timm_module()
    sizes = {name: LARGER.get(name, 32) for name in names}
    words = {
        name: ("--model", f"{NETWORKS}:{name}", *SHORT_WORDS, f"--size={size_px}", photos)
        for name, size_px in sizes.items()
    }
    runs = all_killed(STEPS - 1, tmp_path / "killed", words)
    for name in names:
        model = f"{NETWORKS}:{name}"
        whole = striate.train(photos, model, run=tmp_path / name, **{**SHORT, "size_px": sizes[name]})
        resumed = striate.resume(runs[name], model=model)
        assert weights(resumed.path) == weights(whole.path), name
        kept = [json.loads((run.path / "evaluation.json").read_text()) for run in (whole, resumed)]
        assert kept[0] == kept[1], name
        answers = whole.predict(photos / "level")
        assert len(answers) == 20 and answers == resumed.predict(photos / "level"), name
        assert whole.evaluate(photos).total == 6, name
