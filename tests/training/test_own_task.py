"""A task of one's own: nothing but its record is needed, whatever the number of its phases (tests/toy_task.py)."""

from __future__ import annotations

import copy
import json
import os
import shlex
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

import striate
from factories import PLAIN, job_of, network_of, tinted_folders, waves
from mortal import killed_in
from striate.cli import main
from striate.cli.runs import runs
from striate.core.errors import StriateError
from striate.models import create_model
from striate.tasks import TASKS
from striate.training.folder.layout import read_metrics
from striate.training.folder.overview import list_runs
from striate.training.folder.state import Counters
from striate.training.memory import retry
from striate.training.memory.retry import fitting_step
from striate.training.optim.optimizer import optimizers_of
from striate.training.step import gradients
from toy_task import MEAN_COLOUR, ColourMetric

TESTS = str(Path(__file__).parent.parent)
FULL = RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: 12 bytes")
FIELDS = {
    "task": MEAN_COLOUR.name, "model": "resnet20", "size_px": 32, "epochs": 3, "batch_size": 6, "peak_lr": 0.01,
    "precision": "fp32", "threads": 1, "autotune": False, "fused_norms": False,
}  # fmt: skip
# Trains the toy.
ON_TOY = """
sys.path.insert(0, sys.argv[2])
import striate
from striate.tasks import TASKS
from toy_task import MEAN_COLOUR
TASKS[MEAN_COLOUR.name] = MEAN_COLOUR
striate.train(sys.argv[3], run=sys.argv[4], **json.loads(sys.argv[5]))
"""


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    monkeypatch.setitem(TASKS, MEAN_COLOUR.name, MEAN_COLOUR)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A finished run; its pictures are in data/ beside it."""
    folder = tmp_path_factory.mktemp("toy")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STRIATE_CACHE", str(folder / "cache"))
        patch.setitem(TASKS, MEAN_COLOUR.name, MEAN_COLOUR)
        return striate.train(tinted_folders(folder / "data"), run=folder / "whole", **FIELDS).path


def deterministic(line: dict) -> dict:
    return {name: value for name, value in line.items() if name not in ("seconds", "images_per_second")}


def test_it_trains_in_two_phases_what_they_name_and_nothing_else(whole):
    lines = read_metrics(whole)
    assert len(lines) == 3
    for line in lines:
        assert line["train_loss"] == pytest.approx(line["train_layer3_loss"] + line["train_fc_loss"])
        assert 0 < line["val_error"] < 10
        assert line["update_ratio"] > 0  # of what is trained
    assert lines[-1]["train_loss"] < 0.5 * lines[0]["train_loss"]
    best = min(lines, key=lambda line: line["val_loss"])
    assert json.loads((whole / "evaluation.json").read_text())["loss"] < 2 * best["val_loss"]
    torch.manual_seed(0)
    drawn, trained = create_model("resnet20", 3).state_dict(), load_file(whole / "model.safetensors")
    moved = {name.split(".")[0] for name, value in trained.items() if not torch.equal(value, drawn[name])}
    statistics = {name.split(".")[0] for name in trained if "running" in name or "tracked" in name}
    assert moved == {"layer3", "fc"} | statistics
    assert torch.equal(trained["conv1.weight"], drawn["conv1.weight"])


class ErrorAlone(ColourMetric):
    def figures(self) -> dict[str, float]:
        return {"error": super().figures()["error"]}


def test_a_task_may_be_without_a_loss_of_validation(whole, tmp_path, monkeypatch):
    task = replace(MEAN_COLOUR, figures=MEAN_COLOUR.figures[1:], metric=ErrorAlone)
    monkeypatch.setitem(TASKS, task.name, task)
    run = striate.train(whole.parent / "data", run=tmp_path / "run", **{**FIELDS, "epochs": 1})
    (line,) = read_metrics(run.path)
    assert "val_loss" not in line
    assert run.metrics["val_error"] == line["val_error"]


def test_the_state_holds_both_optimisers(whole):
    names = load_file(max((whole / "state").iterdir()) / "tensors.safetensors").keys()
    network = network_of("resnet20")
    counts = {phase: len(list(network.get_submodule(phase).parameters())) for phase in MEAN_COLOUR.phases}
    found = {name for name in names if name.startswith("optimizer.")}
    assert found == {f"optimizer.{p}.{n}.momentum_buffer" for p, count in counts.items() for n in range(count)}


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_sigkill_and_resume_end_in_the_bytes_and_numbers_of_the_whole_run(whole, tmp_path):
    run, data = tmp_path / "killed", whole.parent / "data"
    killed_in(ON_TOY, 4, TESTS, data, run, json.dumps(FIELDS))
    assert max(path.name for path in (run / "state").iterdir()) == "step-00000004"  # the first of the second epoch
    striate.resume(run)
    newest = max(path.name for path in (whole / "state").iterdir())
    for file in ("model.safetensors", f"state/{newest}/tensors.safetensors"):
        assert (run / file).read_bytes() == (whole / file).read_bytes()
    assert list(map(deterministic, read_metrics(run))) == list(map(deterministic, read_metrics(whole)))


def test_the_command_of_its_card_repeats_it(whole, tmp_path, monkeypatch):
    command = shlex.split(json.loads((whole / "recipe.json").read_text())["command"])
    assert shlex.join(command) in (whole / "README.md").read_text()
    monkeypatch.setattr(sys, "argv", [*command[:-1], str(tmp_path / "again")])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    assert (tmp_path / "again" / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    with pytest.raises(StriateError, match="was begun with task mean_colour, not classification"):
        striate.resume(whole, task="classification")


def test_a_head_of_another_number_of_outputs_than_names_loads_and_predicts(whole):
    config = json.loads((whole / "config.json").read_text())
    assert (config["task"], config["num_classes"], config["outputs"]) == ("mean_colour", 2, 3)
    run = striate.load(whole)
    assert (run.classes, run.network.classes, run.task) == (("cold", "warm"), 3, MEAN_COLOUR)
    cold, warm = (run.predict(whole.parent / "data" / name) for name in run.classes)
    assert len(cold) == len(warm) == 12
    assert all(len(each.colour) == 3 for each in cold)
    red_of = [sum(each.colour[0] for each in found) for found in (cold, warm)]
    assert red_of[0] < red_of[1]
    again = run.evaluate(whole.parent / "data").to_dict()
    stored = json.loads((whole / "evaluation.json").read_text())
    assert {name: stored[name] for name in again} == again


def test_a_task_that_is_not_there_is_named(whole, monkeypatch):
    monkeypatch.delitem(TASKS, MEAN_COLOUR.name)
    with pytest.raises(StriateError, match="unknown task 'mean_colour'"):
        striate.load(whole)
    with pytest.raises(StriateError, match="unknown task 'mean_colour'"):
        striate.train(whole.parent / "data", task="mean_colour")


def test_the_report_and_the_card_tell_its_figures(whole):
    stored = json.loads((whole / "evaluation.json").read_text())
    assert (stored["split"], stored["pictures"]) == ("test", 4)
    for name in ("report.html", "README.md", "log.txt"):
        text = (whole / name).read_text().replace("<td>accuracy</td>", "")  # a default of the recipe
        assert "squared error" in text.lower(), name
        assert "accuracy" not in text.lower(), name
    assert f"test squared error {stored['loss']:.4f}" in (whole / "log.txt").read_text()


def test_runs_lists_it_by_its_first_figure(whole, capsys):
    (row,) = list_runs(whole.parent)
    loss = json.loads((whole / "evaluation.json").read_text())["loss"]
    assert (row["task"], row["figure"], row["value"], row["split"]) == ("mean_colour", "loss", loss, "test")
    assert (row["state"], row["epochs_done"]) == ("finished", 3)
    runs(whole.parent)
    assert "squared error" in (shown := capsys.readouterr().out)
    assert f"{loss:.4f} (test)" in shown


def toy_job(**runtime):
    """On waves, every step with its own dropout."""
    network = create_model("resnet20", 3)
    network.avgpool.register_forward_hook(lambda module, inputs, output: F.dropout(output, 0.5, module.training))
    return replace(job_of(network, waves(10, 32), replace(PLAIN, **runtime)), task=MEAN_COLOUR)


def everything(job, optimizers) -> list[torch.Tensor]:
    """Weights, statistics, and what the optimisers remember."""
    states = [optimizers[phase].state_dict()["state"] for phase in optimizers]
    remembered = [value for state in states for values in state.values() for value in values.values()]
    return [tensor.clone() for tensor in (*job.network.state_dict().values(), *remembered)]


def same(one, other) -> bool:
    return len(one) == len(other) and all(map(torch.equal, one, other))


@pytest.mark.parametrize("optimizer", ["sgd", "adamw", "muon"])
@pytest.mark.parametrize("steps_before", [0, 2])
def test_memory_that_runs_out_in_the_second_phase_undoes_the_first(monkeypatch, optimizer, steps_before):
    """And the step that follows is the one that would have been made in such parts from the beginning."""
    torch.manual_seed(0)
    failing = toy_job()
    failing = replace(failing, recipe=failing.recipe.changed({"optimizer": optimizer}))
    plain = replace(failing, network=copy.deepcopy(failing.network))
    ends = []
    for job, fails in ((failing, True), (plain, False)):
        optimizers, counters = optimizers_of(job.task, job.network, job.recipe), Counters(first_loss=1.0)
        batch = next(job.train.in_order())
        job.network.train()
        for _ in range(steps_before):
            assert fitting_step(job, batch, optimizers, 0.01, counters)
            counters.step += 1
        if fails:
            before, phases = everything(job, optimizers), []

            def full_in_the_second(job, phase, *more, phases=phases):
                phases.append(phase)
                made = gradients(job, phase, *more)  # statistics have moved and gradients are there
                if phase == "fc":
                    raise FULL
                return made

            with monkeypatch.context() as patch:
                patch.setattr(retry, "gradients", full_in_the_second)
                assert fitting_step(job, batch, optimizers, 0.01, counters) is None
            assert phases == ["layer3", "fc"]
            assert same(everything(job, optimizers), before)
            assert all(parameter.grad is None for parameter in job.network.parameters())
        counters.micro_batch = 5
        assert fitting_step(job, batch, optimizers, 0.01, counters)
        ends.append(everything(job, optimizers))
        if fails:
            assert not same(ends[0], before)
    assert same(*ends)
