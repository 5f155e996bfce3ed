"""What a person passes to `train` and `resume` from Python: taken, or named before a folder exists."""

from __future__ import annotations

import json
import random
import shlex
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

import striate
from striate.core.errors import StriateError
from striate.recipes import get_recipe
from striate.training.folder.begun import read_begun
from striate.training.recipe import Recipe

QUICK = {"recipe": "digits_lenet5", "epochs": 1, "autotune": False, "threads": 1}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"epochs": 1.5}, "epochs must be a whole number, got 1.5 (float)"),
        ({"epochs": "three"}, "epochs must be a whole number, got 'three' (str)"),
        ({"batch_size": "32"}, "batch_size must be a whole number, got '32' (str)"),
        ({"batch_size": True}, "batch_size must be a whole number, got True (bool)"),
        ({"flip": 1}, "flip must be True or False, got 1 (int)"),
        ({"seed": None}, "seed must be a whole number, got None (NoneType)"),
        ({"seed": -1}, "seed must be between 0 and 9,223,372,036,854,775,807, got -1"),
        ({"seed": 10**20}, "seed must be between 0 and 9,223,372,036,854,775,807, got 100000000000000000000"),
        ({"threads": "two"}, "threads must be a whole number or None, got 'two' (str)"),
        ({"precision": 16}, "precision must be a text, got 16 (int)"),
        ({"cache_gb": float("nan")}, "cache_gb must be a number of at least 0, got nan"),
        ({"peak_lr": [0.1]}, "peak_lr must be a number, got [0.1] (list)"),
        ({"model": 5}, "model must be the name of a network, FILE.py:NAME, an nn.Module, or a class or function"),
        ({"recipe": 5}, "recipe must be a text, a Recipe or None, got 5 (int)"),
        ({"run": 5}, "run must be a path or None, got 5 (int)"),
        ({"tensorboard": "yes"}, "tensorboard must be True or False, got 'yes' (str)"),
        ({"weights": 5}, "weights must be a text, got 5 (int)"),
        ({"lr": 0.1}, "unknown recipe field 'lr'; did you mean 'peak_lr'?"),
        ({"bs": 32}, "unknown recipe field 'bs'; did you mean 'batch_size'?"),
        ({"wd": 1e-4}, "unknown recipe field 'wd'; did you mean 'weight_decay'?"),
        ({"num_epochs": 3}, "unknown recipe field 'num_epochs'; did you mean 'epochs'?"),
        ({"random_state": 3}, "unknown recipe field 'random_state'; did you mean 'seed'?"),
        ({"size": 32, "size_px": 64}, "size_px is given twice, as size too; leave one of them out"),
        ({"size": 0}, "size_px must be between 1 and 8,192, got 0"),
        ({"optimizer": "adma"}, "unknown optimizer 'adma'; did you mean 'adam' or 'adamw'?"),
    ],
)
def test_a_wrong_value_is_named_before_a_folder_exists(fields, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fields = {**QUICK, **fields} if "recipe" not in fields else fields
    with pytest.raises(StriateError) as error:
        striate.train("digits", **fields)
    assert str(error.value).startswith(message)
    assert list(tmp_path.iterdir()) == []


def test_size_is_what_open_data_and_the_command_line_call_it(tmp_path):
    run = striate.train("digits", "lenet5", run=tmp_path / "run", size=(28, 32), **{**QUICK, "recipe": "default"})
    assert run.preprocess.size == (28, 32) and run.recipe["recipe"]["size_px"] == [28, 32]
    assert striate.resume(run.path, size=(28, 32)).metrics == run.metrics
    with pytest.raises(StriateError, match=r"was begun with size_px \(28, 32\), not 32"):
        striate.resume(run.path, size=32)


def test_numpy_s_numbers_and_whole_floats_are_recorded_as_python_s(tmp_path):
    rate = np.logspace(-2, -1, 3, dtype=np.float32)[1]
    settings = {**QUICK, "epochs": 1.0, "peak_lr": rate, "batch_size": np.int64(64), "threads": np.int32(1)}
    run = striate.train("digits", run=tmp_path / "run", seed=np.int64(3), **settings)
    record = json.loads((run.path / "recipe.json").read_text())
    assert record["recipe"]["peak_lr"] == float(rate)
    assert (record["recipe"]["epochs"], record["recipe"]["batch_size"], record["seed"]) == (1, 64, 3)
    assert striate.resume(run.path, epochs=1.0, peak_lr=rate, seed=np.int64(3)).path == run.path
    with pytest.raises(StriateError, match="was begun with batch_size 64, not 32; leave that out"):
        striate.resume(run.path, batch_size=32.0)
    with pytest.raises(StriateError, match=r"^epochs must be a whole number, got 'two' \(str\)$"):
        striate.resume(run.path, epochs="two")


def test_a_record_of_one_s_own_is_a_recipe_and_its_command_repeats_it(tmp_path):
    own = replace(get_recipe("digits_lenet5"), epochs=1, optimizer="adamw", peak_lr=0.003, nesterov=False)
    run = striate.train("digits", recipe=own, run=tmp_path / "run", autotune=False, threads=1)
    record = json.loads((run.path / "recipe.json").read_text())
    assert record["recipe_name"] == "custom"
    assert read_begun(run.path)[0].recipe == own
    words = shlex.split(record["command"])
    assert words[:5] == ["striate", "train", "digits", "--recipe", "default"]
    assignments = [value for flag, value in pairwise(words) if flag == "--set"]
    fields = Recipe.parse(assignments) | {"model": words[words.index("--model") + 1]}
    fields |= {"epochs": int(words[words.index("--epochs") + 1])}
    again = get_recipe("default").changed(fields)
    assert {n: v for n, v in again.differences(own).items() if own.needed_by(n) is None} == {}
    assert striate.resume(run.path, recipe=own).path == run.path
    with pytest.raises(StriateError, match=r"was begun with peak_lr 0\.003, not 0\.1"):
        striate.resume(run.path, recipe=replace(own, peak_lr=0.1))


def states():
    return torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002


def test_training_leaves_generators_and_settings_as_they_were(tmp_path):
    torch.manual_seed(11)
    before, threads = states(), torch.get_num_threads()
    run = striate.train("digits", run=tmp_path / "run", **QUICK)
    striate.resume(run.path)
    opened = striate.load(run.path)
    opened.predict_pixels([np.zeros((8, 8, 1), np.uint8)], ["black"])
    after = states()
    assert torch.equal(before[0], after[0])
    assert np.array_equal(before[1], after[1])
    assert before[2] == after[2]
    assert torch.get_num_threads() == threads
