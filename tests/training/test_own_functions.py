"""An optimiser, a schedule and an augmentation of a person's own: trained with, killed and resumed, refused."""

from __future__ import annotations

import json
import os
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import striate
from mortal import killed, weights
from striate.core.errors import IdleField, StriateError
from striate.training.folder.begun import going_on, read_begun
from striate.training.folder.own_state import noted, read, restore
from striate.training.recipe import Recipe

MINE = Path(__file__).parent / "mine.py"
SHORT = {"recipe": "digits_lenet5", "epochs": 1, "batch_size": 140, "autotune": False, "threads": 1}
SHORT_WORDS = ("digits", "--recipe=digits_lenet5", "--epochs=1", "--set=batch_size=140", "--no-autotune", "--threads=1")


def rates(run):
    lines = (run.path / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line)["lr"] for line in lines]


def named(**fields):
    return {field: f"{MINE}:{name}" for field, name in fields.items()}


def unfinished(run):
    """The folder of a run as if it had been stopped before its test."""
    (run.path / "evaluation.json").unlink()
    return run.path


def words(fields):
    return [f"--set={field}={value}" for field, value in fields.items()]


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
@pytest.mark.parametrize(
    ("optimizer", "more", "after"),
    [
        pytest.param("rmsprop", {"schedule": "falling"}, 4, marks=pytest.mark.slow),
        pytest.param("adamw", {"augment": "spots"}, 1, marks=pytest.mark.slow),
        pytest.param("adafactor", {}, 6, marks=pytest.mark.slow),
        ("nadam", {"augment": "inverted", "schedule": "falling"}, 3),
        ("Remembering", {"augment": "Darker"}, 5),
    ],
)
def test_sigkill_and_resume_end_in_equal_bytes(tmp_path, optimizer, more, after):
    fields = named(optimizer=optimizer, **more)
    whole = striate.train("digits", run=tmp_path / "whole", **SHORT, **fields)
    run = killed("step", after, tmp_path / "killed", *words(fields), *SHORT_WORDS)
    with pytest.raises(StriateError, match=r"begun with the optimizer .* only runs when it is named: add optimizer='"):
        striate.resume(run)
    assert all(f"--set {field}={value}" in going_on(run) for field, value in fields.items())
    resumed = striate.resume(run, **fields)
    assert weights(resumed.path) == weights(whole.path)
    states = [max((path / "state").glob("step-*")) / "tensors.safetensors" for path in (whole.path, run)]
    assert states[0].read_bytes() == states[1].read_bytes()


def test_its_own_rate_is_the_peak_and_groups_keep_their_ratio(tmp_path):
    fields = named(optimizer="adamw")
    run = striate.train("digits", run=tmp_path / "own", schedule="constant", warmup_epochs=0, **SHORT, **fields)
    assert rates(run) == [0.004] and read_begun(run.path)[0].recipe.peak_lr == 0.004
    assert read_begun(run.path)[0].recipe.weight_decay == 0.01
    given = striate.train(
        "digits", run=tmp_path / "given", schedule="constant", warmup_epochs=0, peak_lr=0.001, **SHORT, **fields
    )
    assert rates(given) == [0.001]
    counters = json.loads((max((given.path / "state").glob("step-*")) / "counters.json").read_text())
    content = dict(counters["optimizers"]["network"]["content"]["dict"])
    groups = [dict(group["dict"]) for group in content["param_groups"]["list"]]
    assert [group["lr"] for group in groups] == [0.001, 0.00025]


def test_the_schedule_multiplies_the_peak_and_the_recipe_warms_nothing_up(tmp_path):
    asked = []

    def rate(step, steps):
        asked.append((step, steps))
        return np.float64(2.0) if step == 8 else torch.tensor(0.5)

    run = striate.train("digits", run=tmp_path / "run", schedule=rate, peak_lr=0.01, **SHORT)
    assert rates(run) == [0.02] and asked[-9:] == [(step, 9) for step in range(9)]
    with pytest.raises(IdleField, match="warmup_epochs does nothing here: it needs schedule=constant, step"):
        Recipe(model="lenet5", schedule="my.py:rate").changed({"warmup_epochs": 2})


def test_an_own_optimizer_is_the_same_as_the_recipes(tmp_path):
    """SGD as torch has it, at the recipe's rate, comes to the weights of the recipe's SGD without decay."""
    plain = {"momentum": 0.9, "weight_decay": 0.0, "optimizer": "sgd", "peak_lr": 0.05, "nesterov": False}
    ours = striate.train("digits", run=tmp_path / "ours", **SHORT, **plain)
    own = partial(torch.optim.SGD, lr=0.05, momentum=0.9, fused=True)
    theirs = striate.train("digits", run=tmp_path / "theirs", optimizer=own, **SHORT)
    assert weights(ours.path) == weights(theirs.path)


def test_lambdas_train_and_it_is_said_once_that_nobody_finds_them_again(tmp_path):
    run = striate.train(
        "digits",
        run=tmp_path / "run",
        optimizer=lambda parameters: torch.optim.Adam(parameters, lr=0.003),
        augment=lambda pictures: pictures,
        schedule=steady,
        **SHORT,
    )
    log = (run.path / "log.txt").read_text()
    assert log.count("has no name by which it is found again") == 2
    assert "test_own_functions:test_lambdas" in log and "striate.resume(..., augment=...)" in log
    assert "optimizer=..., augment=..." in run.recipe["command"]
    assert read_begun(run.path)[0].recipe.schedule.endswith("test_own_functions:steady")
    assert "test_own_functions:steady" in (run.path / "report.html").read_text()


def steady(step, steps):
    return 1.0


def test_pictures_of_pillow_cost_and_that_is_said(tmp_path):
    fields = named(augment="inverted")
    run = striate.train("digits", run=tmp_path / "run", **SHORT, **fields)
    assert "mine.py:inverted works on Pillow's pictures one by one: " in (run.path / "log.txt").read_text()


def test_the_loader_varies_as_a_run_does_and_leaves_the_generators_alone():
    data = striate.open_data("digits", model="lenet5")
    recipe = Recipe(model="lenet5", augment=f"{MINE}:spots", crop_padding_px=2)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    (first, _), (again, _) = (next(iter(data.loader("train", augment=recipe))) for _ in range(2))
    (plain, _), (other, _) = (
        next(iter(data.loader("train", augment=a))) for a in (recipe.augmentation, f"{MINE}:spots")
    )
    assert torch.equal(first, again) and not torch.equal(first, plain) and not torch.equal(first, other)
    assert torch.equal(before, torch.get_rng_state())
    (seeded, _), later = next(iter(data.loader("train", augment=recipe, seed=1))), data.loader("train", augment=recipe)
    assert not torch.equal(first, seeded)
    later.epoch = 1
    assert not torch.equal(first, next(iter(later))[0])
    inverted = next(iter(data.loader("val", augment=lambda pictures: 255 - pictures, shuffle=False)))[0]
    assert torch.allclose(inverted.mean(), -next(iter(data.loader("val")))[0].mean(), atol=2)
    with pytest.raises(
        StriateError, match="augment must be a recipe, by name or itself, an Augmentation or a function"
    ):
        data.loader("train", augment=3)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"optimizer": "failing"}, r"optimizer .*mine\.py:failing raises RuntimeError at .*mine\.py:\d+: no luck$"),
        (
            {"optimizer": "holding"},
            r"optimizer .*holding cannot be gone on with: its state\['state'\]\[0\]\['when'\]",
        ),
        ({"optimizer": "small"}, r"optimizer .*small raises TypeError"),
        ({"optimizer": "falling"}, r"optimizer .*falling raises TypeError"),
        ({"schedule": "failing"}, r"schedule .*failing raises RuntimeError"),
        ({"schedule": "spots"}, r"schedule .*spots raises TypeError"),
        ({"augment": "failing"}, r"augment .*failing raises RuntimeError"),
        ({"augment": "small"}, r"augment .*small gives uint8 \(140, 1, \d+, \d+\) on cpu of uint8 \(140, 1, "),
        ({"augment": "floating"}, r"augment .*floating gives float32 "),
        ({"augment": "resized"}, r"augment .*resized gives L 9x9 of Pillow's picture L \d+x\d+; "),
        ({"augment": "absent"}, r"unknown name in .*mine\.py 'absent'"),
    ],
)
def test_what_cannot_be_trained_with_is_one_sentence(tmp_path, fields, told):
    with pytest.raises(StriateError, match=told) as raised:
        striate.train("digits", run=tmp_path / "run", **SHORT, **named(**fields))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"optimizer": lambda p: None}, "gives None .NoneType.; it is called with the parameters and gives a torch"),
        (
            {"optimizer": torch.optim.LBFGS},
            "optimizer torch.optim.lbfgs:LBFGS gives LBFGS, which computes the loss sev",
        ),
        ({"optimizer": lambda p: torch.optim.SGD([torch.zeros(1)], 0.1)}, "gives one of other parameters than it is"),
        ({"optimizer": torch.optim.SGD([torch.zeros(1)], 0.1)}, "optimizer must be a name or what makes a torch.opti"),
        ({"optimizer": 3}, "optimizer must be a name or what makes a torch.optim.Optimizer of parameters, such as"),
        ({"schedule": lambda step, steps: -0.5}, "gives -0.5 .float. at step 0 of 9; it is called with .step, steps."),
        ({"schedule": lambda step, steps: float("nan") if step else 1}, "gives nan .float. at step 8 of 9"),
        ({"schedule": lambda step, steps: "1"}, "gives '1' .str. at step 0"),
        ({"augment": lambda pictures: None}, "augment .*<lambda> gives None .NoneType. of uint8"),
        ({"augment": "flip"}, "augment must be code of your own, FILE.py:NAME, got 'flip'"),
        ({"optimizer": "adma"}, "unknown optimizer 'adma'; did you mean 'adam' or 'adamw'"),
        ({"schedule": "cosin"}, "unknown schedule 'cosin'; did you mean 'cosine'"),
        (
            {"optimizer": torch.optim.Adam, "weight_decay": 0.1},
            "weight_decay does nothing here: it needs optimizer=sgd,",
        ),
        ({"optimizer": torch.optim.Adam, "momentum": 0.8}, "momentum does nothing here: it needs optimizer=sgd or"),
    ],
)
def test_what_is_no_function_of_the_kind_is_one_sentence(tmp_path, fields, told):
    with pytest.raises(StriateError, match=told):
        striate.train("digits", run=tmp_path / "run", **SHORT, **fields)


def test_a_record_holds_names_and_a_program_may_name_code_in_it(tmp_path):
    with pytest.raises(StriateError, match="optimizer of a Recipe is a name, such as my_train.py:make, got <class"):
        Recipe(model="lenet5", optimizer=torch.optim.Adam)
    recipe = Recipe(model="lenet5", epochs=1, batch_size=140, **named(optimizer="rmsprop"))
    settings = {"autotune": False, "threads": 1}
    run = striate.train("digits", recipe=recipe, run=tmp_path / "run", **settings)
    assert run.recipe["code"]["optimizer"]["name"] == f"{MINE}:rmsprop"
    assert f"optimizer={MINE}:rmsprop" in run.recipe["command"]
    assert striate.resume(unfinished(run), recipe=recipe).metrics["epoch"] == 1
    assert Recipe.parse([f"optimizer={MINE}:rmsprop"]) == {"optimizer": f"{MINE}:rmsprop"}


def test_a_run_folder_runs_no_function_that_nobody_has_named(tmp_path):
    """Not even one whose recipe.json names code where a run has none."""
    marker, theirs = tmp_path / "was_run", tmp_path / "theirs.py"
    theirs.write_text(f"import pathlib\npathlib.Path({str(marker)!r}).touch()\ndef make(*_): return 1\n")
    run = unfinished(striate.train("digits", run=tmp_path / "run", **SHORT))
    for field in ("model", "optimizer", "schedule", "augment"):
        forged = Path(shutil.copytree(run, tmp_path / field))
        record = json.loads((forged / "recipe.json").read_text())
        record["recipe"][field] = f"{theirs}:make"
        (forged / "recipe.json").write_text(json.dumps(record))
        with pytest.raises(StriateError, match=rf"was begun with the {field} .*only runs when it is named"):
            striate.resume(forged)
    assert not marker.exists()
    with pytest.raises(StriateError, match=r"was begun with another optimizer than .*:nadam; leave that out"):
        striate.resume(run, **named(optimizer="nadam"))


def test_code_that_has_changed_is_refused_until_that_is_said(tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_text(MINE.read_text())
    run = unfinished(striate.train("digits", run=tmp_path / "run", schedule=f"{mine}:falling", **SHORT))
    mine.write_text(MINE.read_text() + "\n# another\n")
    with pytest.raises(StriateError, match=r"mine\.py:falling has changed since .* source_changed=True"):
        striate.resume(run, schedule=f"{mine}:falling")
    assert striate.resume(run, schedule=f"{mine}:falling", source_changed=True).metrics["epoch"] == 1


def test_a_state_comes_back_to_the_bit():
    """Order in memory, types and what an optimiser keeps on itself."""

    def made():
        torch.manual_seed(0)
        parameter = torch.nn.Parameter(torch.randn(4, 3, 2, 2).contiguous(memory_format=torch.channels_last))
        return {"network": torch.optim.Adam([parameter], lr=0.1)}, parameter

    before, parameter = made()
    parameter.grad = torch.ones_like(parameter)
    before["network"].step()
    state = before["network"].state[parameter]
    state["half"], state["rows"] = torch.rand(3).bfloat16(), [torch.rand(5, 2).double().T, (1 << 70, float("nan"))]
    before["network"].calls = torch.tensor(7)
    states, tensors = noted(before)
    states = json.loads(json.dumps(states))
    after, theirs = made()
    restore(read(states, {name: tensor.clone().contiguous() for name, tensor in tensors.items()}), after)
    found = after["network"].state[theirs]
    assert found["exp_avg"].stride() == state["exp_avg"].stride() and torch.equal(found["exp_avg"], state["exp_avg"])
    assert found["half"].dtype == torch.bfloat16 and torch.equal(found["half"], state["half"])
    assert found["rows"][0].stride() == (1, 2) and torch.equal(found["rows"][0], state["rows"][0])
    assert found["rows"][1][0] == 1 << 70 and np.isnan(found["rows"][1][1])
    assert after["network"].calls == 7
    states["network"]["content"]["dict"][0][1] = {"tensor": "own.99"}
    with pytest.raises(StriateError, match="the optimiser's state is damaged"):
        read(states, tensors)


def test_stages_are_unfrozen_under_an_optimizer_of_ones_own(photos, tmp_path):
    more = {"weights": "embedded", "epochs": 2, "batch_size": 20, "size_px": 48, "autotune": False, "threads": 1}
    own = partial(torch.optim.Adam, lr=0.001)
    run = striate.train(photos, run=tmp_path / "run", optimizer=own, unfreeze_to="layer3", **more)
    assert run.metrics["epoch"] >= 0 and read_begun(run.path)[0].recipe.peak_lr == 0.001


def test_torchvisions_transforms_take_pictures_one_by_one():
    class Transform:
        def __call__(self, img):
            assert isinstance(img, Image.Image)
            return img

    Transform.__module__ = "torchvision.transforms.transforms"
    data = striate.open_data("digits", model="lenet5")
    varied, plain = (next(iter(data.loader("val", augment=a)))[0] for a in (Transform(), None))
    assert torch.equal(varied, plain)


def test_a_schedule_that_gives_rates_is_told(tmp_path, capsys):
    def rate(step, steps):
        return 0.002 * (1 - step / steps)

    striate.train("digits", "lenet5", run=tmp_path / "run", epochs=1, schedule=rate)
    told = capsys.readouterr().err
    assert "never gives more than 0.002: what it gives is not the rate, but what the peak rate is multiplied by" in told
    striate.train("digits", "lenet5", run=tmp_path / "other", epochs=1, schedule=lambda step, steps: 1 - step / steps)
    assert "never gives more" not in capsys.readouterr().err
