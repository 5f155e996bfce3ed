"""Runs on data that the program holds: a Dataset of one's own is trained on, killed, gone on with, and told apart."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torch.utils.data import Dataset

import striate
from striate.core.errors import StriateError
from striate.data.manifest import rows_of

QUICK = {"model": "lenet5", "epochs": 2, "batch_size": 8, "threads": 1, "precision": "fp32", "autotune": False}


class Tints(Dataset):
    """Forty pictures of two classes that differ in their brightness, made when they are asked for."""

    classes = ("dark", "light")

    def __init__(self, brightness: int = 90) -> None:
        self.brightness = brightness

    def __len__(self) -> int:
        return 40

    def __getitem__(self, index: int) -> tuple[Image.Image, int]:
        label = index % 2
        mean = self.brightness + 60 * label
        pixels = np.random.default_rng(index).normal(mean, 20, (20, 18 + index % 5)).clip(0, 255)
        return Image.fromarray(pixels.astype(np.uint8)), label


# Trains on the Dataset of this file, and kills itself at the n-th step.
MORTAL = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
import test_own_data
import striate
from striate.training import clock, loop
left, step = int(sys.argv[2]), loop.fitting_step
clock.SAVE_EVERY_SECONDS = 0.0

def mortal(*arguments):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return step(*arguments)

loop.fitting_step = mortal
striate.train(test_own_data.Tints(), run=sys.argv[3], **test_own_data.QUICK)
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> striate.Run:
    """A run that nobody disturbed."""
    return striate.train(Tints(), run=tmp_path_factory.mktemp("own") / "whole", **QUICK)


def weights(run: Path) -> bytes:
    return (run / "model.safetensors").read_bytes()


def test_a_run_writes_down_what_it_was_trained_on(whole):
    record = json.loads((whole.path / "recipe.json").read_text())
    assert record["data"]["source"] == record["source"] == "dataset"
    assert record["command"].startswith("striate.train(dataset, recipe='default', model='lenet5', epochs=2, ")
    rows = list(rows_of(whole.path / "data.tsv"))
    assert [row.name for row in rows] == [f"dataset[{index}]" for index in range(40)]
    assert [row.label for row in rows] == ["dark", "light"] * 20
    assert whole.classes == Tints.classes


def test_the_same_pictures_as_a_list_train_the_same_network(whole, tmp_path):
    pairs = [(picture, Tints.classes[label]) for picture, label in (Tints()[index] for index in range(40))]
    assert striate.load(whole).evaluate(pairs).total == 40
    report = striate.check(pairs)
    assert report.problems == []
    assert report.classes == Tints.classes


def test_evaluation_of_a_dataset_says_what_the_run_has_seen(whole):
    found = whole.evaluate(Tints())
    counts = {split: sum(row.split == split for row in rows_of(whole.path / "data.tsv")) for split in ("train", "val")}
    assert (found.trained_on, found.chose_weights) == (counts["train"], counts["val"])
    assert whole.evaluate(Tints(40)).trained_on == 0


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_a_run_on_a_dataset_is_killed_and_resumed_to_equal_bytes(whole, tmp_path):
    run, here = tmp_path / "killed", Path(__file__).parent
    killed = subprocess.run(
        [sys.executable, "-c", MORTAL, str(here), "5", str(run)], capture_output=True, text=True, timeout=200
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    with pytest.raises(
        StriateError, match=r"data in memory \(dataset\), which it does not hold; give it again: .*=dataset"
    ):
        striate.resume(run)
    others = "^the pictures in (dataset|list) are not those that .* was begun with"
    with pytest.raises(StriateError, match=others):
        striate.resume(run, data=Tints(91))
    with pytest.raises(StriateError, match=others):
        striate.resume(run, data=[Tints()[index] for index in range(39)])
    resumed = striate.resume(run, data=Tints())
    assert weights(resumed.path) == weights(whole.path)


def test_without_a_cache_the_pictures_are_read_from_the_dataset(whole, tmp_path):
    again = striate.train(Tints(), run=tmp_path / "again", cache_gb=0, **QUICK)
    assert weights(again.path) == weights(whole.path)
