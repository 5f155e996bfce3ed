"""Batches in parts: equal gradients; memory that runs out: the same step in smaller parts, or a plain error."""

from __future__ import annotations

import statistics
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import striate
from factories import PLAIN, job_of
from striate.analysis.summary import summarize
from striate.core.errors import StriateError
from striate.data.batches import Batch
from striate.data.targets.classes import ClassBatch
from striate.models import create_model
from striate.runtime.runtime import has_fast_bf16
from striate.tasks.evaluation import evaluate
from striate.tasks.task import NETWORK
from striate.training import finish, loop, prepared
from striate.training import run as run_module
from striate.training.folder.layout import read_metrics
from striate.training.folder.state import Counters
from striate.training.memory import forecast
from striate.training.memory import retry as memory
from striate.training.memory.forecast import fitting_micro_batch, training_bytes, unknown
from striate.training.memory.retry import fitting_step
from striate.training.optim.optimizer import optimizers_of
from striate.training.recipe import Recipe
from striate.training.step import gradients

TESTS = str(Path(__file__).parent.parent.parent)
FULL = RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: 12 bytes")


def gradient(job):
    return {name: p.grad.clone() for name, p in job.network.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("micro_batch", [1, 3, 4, 9, 10, 99])
def test_parts_add_up_to_the_gradient_of_the_whole(micro_batch):
    whole = job_of("lenet5")
    parts = replace(whole, runtime=replace(PLAIN, micro_batch=micro_batch))
    images, labels = torch.randn(10, 1, 32, 32), torch.arange(10) % 4
    found = []
    for job in (whole, parts):
        job.network.zero_grad()
        made = gradients(job, NETWORK, images, ClassBatch(labels))
        loss, right = made.losses["loss"], made.counted["accuracy"]
        found.append((loss, right, gradient(job)))
    (loss, right, expected), (parts_loss, parts_right, added) = found
    torch.testing.assert_close(parts_loss, loss)
    assert parts_right == right
    for name, value in expected.items():
        torch.testing.assert_close(added[name], value, rtol=1e-4, atol=1e-6)


def test_a_step_that_ran_out_of_memory_has_not_happened(monkeypatch):
    job = job_of("resnet20")
    optimizer, counters = optimizers_of(job.task, job.network, job.recipe), Counters(first_loss=1.0)
    batch = next(job.train.in_order())
    before = {name: tensor.clone() for name, tensor in job.network.state_dict().items()}

    def half_way(*arguments):
        gradients(*arguments)  # statistics have moved and gradients are there
        raise FULL

    monkeypatch.setattr(memory, "gradients", half_way)
    assert fitting_step(job, batch, optimizer, 0.1, counters) is None
    assert counters.micro_batch == 5
    assert all(torch.equal(tensor, before[name]) for name, tensor in job.network.state_dict().items())
    assert all(parameter.grad is None for parameter in job.network.parameters())
    monkeypatch.undo()
    assert fitting_step(job, batch, optimizer, 0.1, counters) is not None
    assert not torch.equal(job.network.state_dict()["conv1.weight"], before["conv1.weight"])


def test_one_picture_that_does_not_fit_is_an_error_with_numbers(monkeypatch):
    job = job_of("resnet20")

    def never(*_):
        raise FULL

    monkeypatch.setattr(memory, "gradients", never)
    optimizer, counters = optimizers_of(job.task, job.network, job.recipe), Counters()
    batch = Batch(*(part[:1] for part in next(job.train.in_order())))
    monkeypatch.setattr(memory, "available_bytes", lambda device: 12_345_678)
    with pytest.raises(StriateError) as refused:
        fitting_step(job, batch, optimizer, 0.1, counters)
    weights, activations = 3 * 4 * summarize(job.network).params, summarize(job.network).kept.at(1)
    megabytes = (weights + 1.5 * activations) / 1e6
    assert str(refused.value) == (
        f"memory ran out with one picture of 32x32 px at a time in resnet20 ({FULL}); it needs about {megabytes:.1f} "
        "MB, 12.3 MB are free now. Close other programs, or take a smaller size_px=... or model=..."
    )


def test_another_error_is_not_taken_for_memory(monkeypatch):
    job = job_of("resnet20")

    def wrong(*_):
        raise RuntimeError("shapes do not fit")

    monkeypatch.setattr(memory, "gradients", wrong)
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        fitting_step(job, next(job.train.in_order()), optimizers_of(job.task, job.network, job.recipe), 0.1, Counters())


def test_a_run_goes_on_in_smaller_parts_and_says_so(tmp_path, monkeypatch):
    calls = []

    def full_at_the_third(*arguments):
        calls.append(1)
        if len(calls) == 3:
            raise FULL
        return gradients(*arguments)

    monkeypatch.setattr(memory, "gradients", full_at_the_third)
    fields = {"recipe": "digits_lenet5", "epochs": 2, "autotune": False}
    run = striate.train("digits", run=tmp_path / "run", **fields)
    assert "memory ran out; 32 pictures at once from here on" in (run.path / "log.txt").read_text()
    monkeypatch.undo()
    whole = striate.train("digits", run=tmp_path / "whole", **fields)
    losses = [[line["train_loss"] for line in read_metrics(r.path)] for r in (run, whole)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)  # LeNet-5 has no batch norm: the mathematics is the same


def test_memory_that_runs_out_elsewhere_is_one_sentence(tmp_path, monkeypatch):
    def full(*_):
        raise FULL

    fields = {"recipe": "digits_lenet5", "epochs": 1, "autotune": False}
    with monkeypatch.context() as patch:
        patch.setattr(loop, "evaluate", full)
        with pytest.raises(
            StriateError, match=r"^memory ran out \(.*can't allocate memory.*striate\.resume\('.*run'\)$"
        ):
            striate.train("digits", run=tmp_path / "run", **fields)
    assert "stopped: memory ran out" in (tmp_path / "run" / "log.txt").read_text()
    striate.resume(tmp_path / "run")


def test_validation_takes_no_more_pictures_at_once_than_training(tmp_path, monkeypatch):
    sizes = set()

    def noted(task, network, batches, *more):
        batches = list(batches)
        sizes.update(len(batch.indices) for batch in batches)
        return evaluate(task, network, batches, *more)

    monkeypatch.setattr(loop, "evaluate", noted)
    monkeypatch.setattr(finish, "evaluate", noted)
    striate.train("digits", run=tmp_path, recipe="digits_lenet5", epochs=1, micro_batch=10, autotune=False)
    assert max(sizes) <= 10


def test_the_limits_of_a_process_group_count_without_the_files_it_has_read(tmp_path, monkeypatch):
    """A container of 8 GB that has read 6 GB of pictures and holds 1 GB of its own has 7 GB left."""
    (tmp_path / "memory.max").write_text("8000000000\n")
    (tmp_path / "memory.current").write_text("7000000000\n")
    (tmp_path / "memory.stat").write_text("anon 1000000000\ninactive_file 2000000000\nactive_file 4000000000\n")
    names = (str(tmp_path), "memory.max", "memory.current", "")
    monkeypatch.setattr(forecast, "GROUPS", (names,))
    monkeypatch.setattr(forecast, "_left_of_addresses", lambda: None)
    free = forecast._number("/proc/meminfo", "MemAvailable:", 1024)
    assert forecast.available_bytes("cpu") == min(7_000_000_000, free or 7_000_000_000)
    (tmp_path / "memory.max").write_text("max\n")
    assert forecast._left_of_group(*names) is None


@pytest.mark.skipif(sys.platform != "linux", reason="reads the limit from /proc")
def test_a_limit_on_addresses_counts():
    """As `ulimit -v` sets it."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
    taken = forecast._number("/proc/self/status", "VmSize:", 1024)
    try:
        resource.setrlimit(resource.RLIMIT_AS, (taken + 2**30, before[1]))
        assert 0.9 * 2**30 < forecast.available_bytes("cpu") < 1.1 * 2**30
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


MEASURE = """
import sys
from pathlib import Path
import torch
sys.path.insert(0, sys.argv[1])
from factories import job_of, noise
from striate.analysis.summary import summarize
from striate.runtime.runtime import Runtime
from striate.training.memory.forecast import training_bytes
from striate.runtime.malloc import keep_freed_memory
from striate.training.memory.retry import fitting_step
from striate.training.optim.optimizer import make_optimizer, optimizers_of
from striate.training.folder.state import Counters

torch.set_num_threads(1)
name, precision, optimizer_name, pictures = *sys.argv[2:5], int(sys.argv[5])

def bytes_of(key):
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(key))

def two_steps(pictures):
    runtime = Runtime("cpu", precision, channels_last=True, threads=1)
    job = job_of(name, noise(pictures, 32), runtime, optimizer=optimizer_name)
    job.runtime.network(job.network)
    optimizer, batch = optimizers_of(job.task, job.network, job.recipe), next(job.train.in_order())
    for step in range(2):
        assert fitting_step(job, batch, optimizer, 0.01, Counters(step=step, first_loss=1.0))
    return job

two_steps(2)  # what the libraries themselves take, once
Path("/proc/self/clear_refs").write_text("5")  # the peak is now
before = bytes_of("VmRSS")
with keep_freed_memory():
    job = two_steps(pictures)
print(bytes_of("VmHWM") - before, training_bytes(summarize(job.network), pictures, job.runtime, job.recipe))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
@pytest.mark.parametrize(
    ("name", "precision", "optimizer", "pictures"),
    [
        ("resnet20", "fp32", "sgd", 128),
        pytest.param(
            *("nin_cifar", "bf16", "adamw", 64),
            marks=pytest.mark.skipif(not has_fast_bf16("cpu"), reason="bf16 is imitated here, in copies of more bits"),
        ),
    ],
)
def test_the_forecast_is_what_real_steps_take(name, precision, optimizer, pictures):
    """Within a factor of 1.3 either way of the growth of a process over its first two steps, the median of three.

    Large blocks fall into the holes of a heap that small ones have shaped, by hashes and addresses drawn anew in every
    process: twelve of the second case grew by 0.89 to 1.20 of the forecast, one, in a whole run of the tests, by 1.43.
    With the same hashes and addresses all grow alike.
    """
    command = [sys.executable, "-c", MEASURE, TESTS, name, precision, optimizer, str(pictures)]
    answers = [subprocess.run(command, capture_output=True, text=True, timeout=200) for _ in range(3)]
    assert all(answer.returncode == 0 for answer in answers), answers[0].stderr
    taken, forecasts = zip(*(map(int, answer.stdout.split()) for answer in answers), strict=True)
    assert len(set(forecasts)) == 1
    assert 1 / 1.3 < statistics.median(taken) / forecasts[0] < 1.3, (taken, forecasts)


def test_no_forecast_is_said_with_its_reason_and_the_batch_is_tried(tmp_path, monkeypatch):
    def no_targets(self, images):
        raise ValueError("targets should not be none when in training mode")

    with monkeypatch.context() as patched:
        patched.setattr(type(create_model("lenet5")), "training_logits", no_targets)
        cost = summarize(create_model("lenet5"))
    recipe = Recipe(model="lenet5")
    assert training_bytes(cost, 32, PLAIN, recipe) is None
    assert fitting_micro_batch(cost, PLAIN, recipe, free_bytes=1) is None
    said = unknown(cost)
    assert said.startswith("no forecast of memory, as it cannot be told what training keeps: LeNet5: LeNet5 at ")
    assert "targets should not be none when in training mode" in said
    assert unknown(summarize(create_model("lenet5"))) == ""
    for module in (prepared, run_module):
        monkeypatch.setattr(module, "summarize", lambda network: cost)
    fields = {"recipe": "digits_lenet5", "epochs": 1, "autotune": False}
    run = striate.train("digits", run=tmp_path / "run", **fields)
    assert said in (run.path / "log.txt").read_text()
