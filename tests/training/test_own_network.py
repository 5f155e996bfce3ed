"""A network of a person's own goes the whole way: trained, killed and resumed, tuned in stages, evaluated, used."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

import striate
from mortal import killed, weights
from striate.core.errors import StriateError
from striate.core.own_code import load_code

NETS = Path(__file__).parents[1] / "models" / "own" / "nets.py"
SHORT = {"epochs": 2, "batch_size": 8, "size_px": 24, "peak_lr": 0.05, "autotune": False, "threads": 1}
SHORT_WORDS = ("--epochs=2", "--set=batch_size=8", "--size=24", "--set=peak_lr=0.05", "--no-autotune", "--threads=1")


@pytest.mark.parametrize("name", ["Staged", "Dictionary", "Auxiliary", "Shared", "Frozen", "Idle", "View", "Deciding"])
def test_it_trains_and_is_used(photos, tmp_path, name):
    model = f"{NETS}:{name}"
    run = striate.train(photos, model, run=tmp_path / "run", **SHORT)
    kept = json.loads((run.path / "config.json").read_text())
    assert kept["architecture"] == model and len(kept["code"]["sha256"]) == 64
    again = striate.load(run.path, model=model)
    answers = again.predict(photos / "level")
    assert answers == run.predict(photos / "level") and len(answers) == 20
    assert again.evaluate(photos).to_dict() == run.evaluate(photos).to_dict()
    load_code(model).thing(2).load_state_dict(load_file(run.path / "model.safetensors"))


def test_a_run_folder_runs_no_code_that_nobody_has_named(photos, tmp_path):
    marker = tmp_path / "was_run"
    mine = tmp_path / "mine.py"
    mine.write_text(NETS.read_text() + f"\nimport pathlib\npathlib.Path({str(marker)!r}).touch()\n")
    run = striate.train(photos, f"{mine}:Body", run=tmp_path / "run", **SHORT).path
    marker.unlink()
    mine.write_text(mine.read_text() + "#\n")  # else it would not be run a second time anyhow
    for ask in (
        lambda: striate.load(run),
        lambda: striate.train(photos, weights=run, run=tmp_path / "second"),
        lambda: striate.create_model("resnet20", weights=run),
        lambda: striate.check_labels(photos, weights=run),
        lambda: striate.resume(shutil.copytree(run, tmp_path / "copy")),
    ):
        with pytest.raises(StriateError):
            ask()
    with pytest.raises(StriateError, match=r"holds .*mine\.py:Body, a network of your own, whose code only runs when"):
        striate.load(run)
    assert not marker.exists()


def test_an_instance_trains_from_its_own_weights_and_stays_as_it_is(photos, tmp_path):
    torch.manual_seed(1)
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2))
    before = network[0].weight.clone()
    run = striate.train(photos, network, run=tmp_path / "run", **{**SHORT, "peak_lr": 0.0})
    assert torch.equal(network[0].weight, before) and torch.equal(run.network.get_submodule("0").weight, before)
    assert run.recipe["command"].startswith(f"striate.train({str(photos)!r}, recipe='default', model=..., epochs=2")
    assert isinstance(run.network, nn.Module) and run.network(torch.rand(1, 3, 24, 24)).shape == (1, 2)
    other = striate.train(photos, network, run=tmp_path / "other", seed=5, **{**SHORT, "peak_lr": 0.0})
    assert weights(other.path) == weights(run.path)


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
@pytest.mark.parametrize(("name", "after"), [("Shared", 5), ("Drawing", 1), ("Remembering", 7)])
def test_sigkill_and_resume_end_in_equal_bytes(photos, tmp_path, name, after):
    model = f"{NETS}:{name}"
    whole = striate.train(photos, model, run=tmp_path / "whole", **SHORT)
    run = killed("step", after, tmp_path / "killed", "--model", model, *SHORT_WORDS, photos)
    with pytest.raises(StriateError, match=rf"only runs when it is named: add model='{model}'"):
        striate.resume(run)
    resumed = striate.resume(run, model=model)
    assert weights(resumed.path) == weights(whole.path)
    evaluations = [json.loads((path / "evaluation.json").read_text()) for path in (whole.path, run)]
    assert evaluations[0] == evaluations[1]


def test_code_that_has_changed_is_told_and_goes_on_only_when_that_is_said(photos, tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_text(NETS.read_text())
    run = killed("step", 5, tmp_path / "killed", "--model", f"{mine}:Body", *SHORT_WORDS, photos)
    mine.write_text(NETS.read_text() + "# another\n")
    with pytest.raises(StriateError, match=r"mine\.py:Body has changed since .* source_changed=True"):
        striate.resume(run, model=f"{mine}:Body")
    with pytest.raises(StriateError, match=r"was begun with the model .*mine\.py:Body, not .*mine\.py:Staged"):
        striate.resume(run, model=f"{mine}:Staged")
    resumed = striate.resume(run, model=f"{mine}:Body", source_changed=True)
    assert resumed.metrics["epoch"] and "has changed since" in (run / "log.txt").read_text()


def test_it_is_tuned_in_stages_from_weights_of_its_own(photos, tmp_path):
    model = f"{NETS}:Staged"
    first = striate.train(photos, model, run=tmp_path / "first", **SHORT)
    more = {"recipe": "finetune", "epochs": 2, "batch_size": 8, "size_px": 24, "autotune": False, "threads": 1}
    run = striate.train(photos, model, weights=first.path, run=tmp_path / "second", unfreeze_to="middle", **more)
    told = json.loads((run.path / "transfer.json").read_text())
    assert told["tuned"] == ["deep", "middle"] and [probe["layer"] for probe in told["probes"]] == [
        "enter",
        "middle",
        "last",
    ]
    own = striate.train(photos, first.network, weights="own", run=tmp_path / "own", unfreeze_to="head", **more)
    assert own.recipe["recipe"]["weights"] == "own" and own.recipe["recipe"]["model"] == model
    probe = striate.train(photos, model, weights=first.path, layers="deep", run=tmp_path / "probe", **SHORT)
    assert striate.load(probe.path, model=model).predict(photos / "level") == probe.predict(photos / "level")


def test_a_run_that_is_used_as_other_code_says_so(photos, tmp_path, caplog):
    run = striate.train(photos, f"{NETS}:Body", run=tmp_path / "run", **SHORT)
    body = load_code(f"{NETS}:Body").thing
    striate.load(run.path, model=type("Other", (body,), {}))
    (said,) = caplog.messages
    assert said.startswith(f"{run.path} was trained as {NETS}:Body and is used as ")
    assert said.endswith(":Other: nobody can tell whether that answers as it did")


def test_a_run_folder_is_called_by_the_plain_name_of_the_network(photos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    body = load_code(f"{NETS}:Body").thing
    for model, name in ((lambda classes: body(classes), "photos-lambda"), (f"{NETS}:Body", "photos-Body")):
        assert striate.train(photos, model, **{**SHORT, "epochs": 1}).path == Path("runs") / name


def test_a_network_of_the_zoo_that_somebody_has_at_hand_needs_no_code(photos, tmp_path):
    network = striate.create_model("lenet5", 2, 3, (24, 24))
    run = striate.train(photos, network, run=tmp_path / "run", **{**SHORT, "peak_lr": 0.0})
    first, theirs = next(run.network.parameters()), next(network.parameters())
    assert torch.equal(first, theirs)
    assert striate.load(run.path).network.architecture == "lenet5" and "code" not in run.recipe


def test_a_loader_gives_what_it_takes(photos):
    data = striate.open_data(photos, model=f"{NETS}:Sized")
    assert data.preprocess.size == (48, 48) and next(iter(data.loader("train", 4)))[0].shape == (4, 3, 48, 48)
