"""A finished run that goes on: more epochs with a schedule of their own, killed anywhere, to equal bytes."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import striate
from mortal import last_state, weights
from striate.core.errors import StriateError
from striate.training import clock, continued
from striate.training.folder.layout import read_metrics
from striate.training.folder.overview import list_runs

FIELDS = {
    "recipe": "digits_lenet5", "epochs": 2, "autotune": False, "threads": 1, "precision": "fp32", "ema_decay": 0.5,
}  # fmt: skip
STEPS = 20  # of an epoch


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run of two epochs, and the same gone on with to four."""
    folder = tmp_path_factory.mktemp("continued")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STRIATE_CACHE", str(tmp_path_factory.mktemp("cache")))
        striate.train("digits", run=folder / "two", **FIELDS)
        shutil.copytree(folder / "two", folder / "four")
        seen = {}

        def begin(self, moment):
            seen.update({name: tensor.clone() for name, tensor in moment.network.state_dict().items()})

        striate.resume(folder / "four", epochs=4, callbacks=[type("Begin", (), {"begin": begin})()])
    return folder, seen


@pytest.fixture
def two(finished, tmp_path) -> Path:
    """A copy of the finished run, to go on with."""
    return shutil.copytree(finished[0] / "two", tmp_path / "run")


def test_it_begins_with_the_last_weights_and_says_what_is_exact(finished):
    folder, seen = finished
    state = load_file(max((folder / "two" / "state").iterdir()) / "tensors.safetensors")
    assert all(torch.equal(tensor, state[f"ema.{name}"]) for name, tensor in seen.items())
    said = (
        "going on from epoch 2 to 4 with a schedule of its own, warm-up included: exact is what it begins with, the "
        "weights, averages and momentum of the last step; what it ends with is not what 4 epochs from the start would "
        "have reached, whose rates are others"
    )
    assert said in (folder / "four" / "log.txt").read_text().splitlines()


def test_the_folder_is_of_the_whole(finished, capfd):
    two, four = finished[0] / "two", finished[0] / "four"
    before, lines = read_metrics(two), read_metrics(four)
    assert lines[:2] == before
    assert [(line["epoch"], line["step"]) for line in lines] == [(n, n * STEPS) for n in (1, 2, 3, 4)]
    assert [line["lr"] for line in lines[2:]] == [line["lr"] for line in before]  # the same schedule, anew
    record = json.loads((four / "recipe.json").read_text())
    assert record["recipe"]["epochs"] == 4
    assert record["continued"] == [
        {"from_epoch": 2, "from_step": 40, "planned": 2, "epochs": 4, "version": striate.__version__}
    ]
    assert (four / "evaluation-2-epochs.json").read_bytes() == (two / "evaluation.json").read_bytes()
    run = striate.load(four)
    best = max(lines, key=lambda line: line["val_accuracy"])
    assert run.metrics["epoch"] == best["epoch"] > 2 and run.metrics["val_top1"] == best["val_accuracy"]
    page = (four / "report.html").read_text()
    assert "--resume --epochs 4" in page and "new schedule after epoch" in page
    (row,) = list_runs(four)
    assert (row["epochs"], row["epochs_done"], row["state"]) == (4, 4, "finished")
    assert striate.resume(four, epochs=4).metrics == striate.resume(four).metrics == run.metrics
    assert capfd.readouterr().err.count("is finished already; nothing was trained") == 2


@pytest.mark.parametrize(("name", "calls"), [("fitting_step", 0), ("fitting_step", 27), ("save", 1), ("validate", 0)])
def test_one_that_dies_goes_on_to_equal_bytes(finished, two, monkeypatch, death_in_place_of, name, calls):
    monkeypatch.setattr(clock, "SAVE_EVERY_SECONDS", 0.0)
    best = weights(two)
    with death_in_place_of(name, calls):
        striate.resume(two, epochs=4)
    if calls == 0:
        assert weights(two) == best  # nothing is lost
    assert list_runs(two)[0]["state"] == "unfinished: go on with --resume"
    striate.resume(two, epochs=4)
    assert weights(two) == weights(finished[0] / "four") and last_state(two) == last_state(finished[0] / "four")
    assert [line["epoch"] for line in read_metrics(two)] == [1, 2, 3, 4]


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_sigkill(finished, two):
    program = f"""
import os, signal, striate
from striate.training import clock
clock.SAVE_EVERY_SECONDS = 0.0
class Mortal(striate.Callback):
    def step(self, moment):
        if moment.step == 55:
            os.kill(os.getpid(), signal.SIGKILL)
striate.resume({str(two)!r}, epochs=4, callbacks=[Mortal()])
"""
    assert subprocess.run([sys.executable, "-c", program], capture_output=True).returncode == -signal.SIGKILL
    striate.resume(two)
    assert weights(two) == weights(finished[0] / "four") and last_state(two) == last_state(finished[0] / "four")


def test_one_that_dies_while_it_is_written_down_is_finished_again(finished, two, monkeypatch):
    def death(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(continued, "write_json", death)
        striate.resume(two, epochs=4)
    assert striate.resume(two).metrics["val_top1"] == striate.load(finished[0] / "two").metrics["val_top1"]
    striate.resume(two, epochs=4)
    assert weights(two) == weights(finished[0] / "four")


def test_a_damaged_last_state_makes_the_rest_of_the_old_schedule_again(finished, two, death_in_place_of):
    with death_in_place_of("fitting_step", 0):
        striate.resume(two, epochs=4)
    (two / "state" / "step-00000040" / "tensors.safetensors").write_bytes(b"")
    striate.resume(two)
    assert weights(two) == weights(finished[0] / "four") and last_state(two) == last_state(finished[0] / "four")


def test_it_goes_on_twice_and_after_a_callback_has_ended_it(two):
    class End(striate.Callback):
        def step(self, moment) -> None:
            if moment.step == 50:
                moment.stop()

    striate.resume(two, epochs=4, callbacks=[End()])
    run = striate.resume(two, epochs=5)
    assert [(line["epoch"], line["step"]) for line in read_metrics(two)] == [
        (1, 20), (2, 40), (3, 50), (3, 60), (4, 80), (5, 100)
    ]  # fmt: skip
    assert [each["from_step"] for each in run.recipe["continued"]] == [40, 50]
    assert run.metrics["test_pictures"] == 359


def test_what_cannot_go_on_is_one_sentence(two, tmp_path, death_in_place_of):
    message = f"{two} has made 2 epochs and is finished; epochs=... must be more than that to go on with it, got 1"
    with pytest.raises(StriateError, match=re.escape(message)):
        striate.resume(two, epochs=1)
    with pytest.raises(StriateError, match="was begun with peak_lr"):
        striate.resume(two, epochs=4, peak_lr=7.0)
    with death_in_place_of("save", 1):
        striate.train("digits", run=tmp_path / "killed", **FIELDS)
    message = "was begun with epochs 2, not 4; finish it first, then it goes on to more, or start another run"
    with pytest.raises(StriateError, match=message):
        striate.resume(tmp_path / "killed", epochs=4)
    shutil.rmtree(two / "state")
    with pytest.raises(StriateError, match="holds no state any more, without which a finished run cannot go on"):
        striate.resume(two, epochs=4)
    assert (two / "evaluation.json").exists()


@pytest.mark.usefixtures("embedded")
def test_a_transfer_goes_on_with_all_of_its_stages(photos, tmp_path):
    fields = {"weights": "embedded", "unfreeze_to": "layer3", "size_px": 32, "autotune": False, "threads": 1}
    fields["ema_decay"] = 0.0  # so that the network that is shown is the one that is trained
    striate.train(photos, run=tmp_path / "run", epochs=2, **fields)
    unfrozen = []

    def trained(moment):
        unfrozen.append({name.split(".")[0] for name, p in moment.network.named_parameters() if p.requires_grad})

    run = striate.resume(tmp_path / "run", epochs=5, callbacks=[trained])
    assert len(unfrozen) == 3 and all("layer3" in names for names in unfrozen)
    assert run.metrics["test_pictures"] > 0
