"""`fast` is another recipe where the pictures are small: when, what is written down, and its resume."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
import torch

import striate
from factories import waves
from striate.core.errors import Interrupted, StriateError
from striate.models import create_model
from striate.recipes import get_recipe
from striate.training import clock, loop
from striate.training.folder.layout import RECIPE

QUICK = {"recipe": "fast", "epochs": 2, "autotune": False, "precision": "fp32", "threads": 1}
QUICK |= {"peak_lr": 0.1, "muon_lr": 0.02}


def data(side_px: int, count: int = 30) -> tuple[np.ndarray, list[str]]:
    """In memory, so that two runs read equal pixels."""
    return waves(count, side_px), ["ab"[number % 2] for number in range(count)]


def written(run: striate.Run) -> dict[str, object]:
    return json.loads((run.path / RECIPE).read_text(encoding="utf-8"))


def test_fast_on_small_pictures_is_the_recipe_for_them(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    run = striate.train(data(32), **QUICK, label_smoothing=0.1, batch_size=8)
    assert (
        "recipe small_pictures, which fast is for pictures of at most 40 px, and these have 32 px; "
        "model='quick_regnet26' asks for fast as it is"
    ) in capsys.readouterr().err
    assert run.path.name.endswith("-fast")
    told = written(run)
    assert told["recipe_name"] == "small_pictures"
    assert "recipe='small_pictures'" in told["command"]
    changed = {"epochs": 2, "label_smoothing": 0.1, "batch_size": 8, "peak_lr": 0.1, "muon_lr": 0.02}
    expected = get_recipe("small_pictures").changed(changed)
    assert run.recipe["recipe"] == json.loads(json.dumps(expected.to_dict()))
    assert (run.network.architecture, run.preprocess.size, run.preprocess.mirrored) == ("airbench94", (32, 32), True)
    assert striate.resume(run.path, recipe="fast").path == run.path  # as the same words again, with --resume


@pytest.mark.parametrize("side_px, more", [(41, {}), (32, {"size_px": 40})])
def test_it_is_fast_itself_otherwise(tmp_path, side_px, more):
    run = striate.train(data(side_px), run=tmp_path / "run", **{**QUICK, **more, "epochs": 1, "batch_size": 14})
    assert written(run)["recipe_name"] == "fast"


def test_it_resumes_to_the_same_bits(tmp_path, monkeypatch):
    fields = {**QUICK, "batch_size": 8}
    whole = striate.train(data(32), run=tmp_path / "whole", **fields)
    step, made = loop.fitting_step, []

    def interrupted(*arguments):
        made.append(1)
        if len(made) == 4:
            raise KeyboardInterrupt
        return step(*arguments)

    monkeypatch.setattr(clock, "SAVE_EVERY_SECONDS", 0.0)
    monkeypatch.setattr(loop, "fitting_step", interrupted)
    with pytest.raises((KeyboardInterrupt, Interrupted)):
        striate.train(data(32), run=tmp_path / "parts", **fields)
    parts = striate.resume(tmp_path / "parts", data=data(32))
    digests = [hashlib.sha256((run.path / "model.safetensors").read_bytes()).digest() for run in (whole, parts)]
    assert digests[0] == digests[1] and len(made) > 4


def test_a_mistake_is_that_of_the_recipe_that_trains(tmp_path):
    with pytest.raises(StriateError, match="full_size_at does nothing here: it needs start_px"):
        striate.train(data(32), run=tmp_path / "run", **QUICK, full_size_at=0.5)


def test_convolutions_begin_as_the_identity():
    network = create_model("airbench94")
    block, maps = network.block2, torch.rand(1, 64, 6, 6)
    assert torch.equal(block.conv1(maps)[:, :64], maps)
    assert not torch.equal(block.conv1(maps)[:, 64:128], maps)
