"""The threads of every epoch: chosen by the load, written down before its first step, repeated when a run goes on."""

from __future__ import annotations

import hashlib
import json

import pytest
import torch

import striate
from striate.core import processor
from striate.core.errors import StriateError
from striate.runtime import runtime as runtime_module
from striate.runtime.runtime import Runtime
from striate.training import clock, loop
from striate.training.speed import threads
from striate.training.speed.threads import THREADS, read_threads

QUICK = {"epochs": 3, "batch_size": 8, "schedule": "step", "precision": "fp32", "autotune": False}
# Cores that others keep busy in three epochs and the test that follows; of two, two leave one thread.
LOADS, THREADS_THEN = (0.0, 2.0, 0.0, 2.0), {0: 2, 1: 1, 2: 2, 3: 1}


@pytest.fixture
def two_threads(monkeypatch):
    """torch has two threads, also for small networks, on a machine of two cores."""
    monkeypatch.setattr(runtime_module, "LARGE_FROM_MACS", 0)
    monkeypatch.setattr(processor, "cores", lambda: 2)
    monkeypatch.setattr(threads, "cores", lambda: 2)
    monkeypatch.setattr(threads, "busy_lately", lambda: 2.0)
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(1)


@pytest.fixture
def loads(monkeypatch):
    """A function that sets what the coming looks see, one after the other; one more than that is an error."""

    def see(values):
        left = iter(values)
        monkeypatch.setattr(processor, "busy_lately", lambda: next(left))

    return see


@pytest.fixture
def seen(monkeypatch):
    """Step and torch's threads of every step made."""
    rows, step = [], loop.fitting_step

    def watched(job, batch, optimizer, lr, counters):
        rows.append((counters.step, torch.get_num_threads()))
        return step(job, batch, optimizer, lr, counters)

    monkeypatch.setattr(loop, "fitting_step", watched)
    return rows


def weights(folder):
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def by_epoch(rows, steps=4):
    return [sorted({number for step, number in rows if step // steps == epoch}) for epoch in range(3)]


def test_every_epoch_has_the_threads_that_the_load_allows(photos, tmp_path, two_threads, loads, seen):
    loads(LOADS)
    run = striate.train(photos, "lenet5", run=tmp_path / "run", **QUICK)
    assert by_epoch(seen) == [[2], [1], [2]]
    assert read_threads(run.path / THREADS, most=2) == THREADS_THEN
    log = (run.path / "log.txt").read_text(encoding="utf-8")
    assert "1 thread from epoch 2 on: other programs keep 2.0 of 2 cores busy, where more threads would wait" in log
    assert "2 threads from epoch 3 on: other programs leave the cores again" in log
    assert torch.get_num_threads() == 2
    machine = json.loads((run.path / "recipe.json").read_text(encoding="utf-8"))["machine"]
    assert (machine["threads"], machine["threads_by_load"]) == (2, True)


@pytest.mark.parametrize(
    ("die_at", "save_every_s"), [(0, 60.0), (2, 0.0), (4, 60.0), (5, 0.0), (6, 60.0), (11, 0.0)],
    ids=["first step", "mid-epoch", "second epoch's first step", "in it", "in it, its begin lost", "last step"],
)  # fmt: skip
def test_a_killed_run_repeats_the_threads_of_epochs_that_were_begun(
    photos, tmp_path, two_threads, loads, seen, monkeypatch, death_in_place_of, die_at, save_every_s
):
    """Whoever looked again at an epoch that was begun would see the load of the next one, and use other threads."""
    loads(LOADS)
    whole = striate.train(photos, "lenet5", run=tmp_path / "whole", **QUICK)
    seen.clear()
    loads(LOADS)
    monkeypatch.setattr(clock, "SAVE_EVERY_SECONDS", save_every_s)
    with death_in_place_of("fitting_step", die_at):
        striate.train(photos, "lenet5", run=tmp_path / "killed", **QUICK)
    assert read_threads(tmp_path / "killed" / THREADS, 2) == {e: n for e, n in THREADS_THEN.items() if 4 * e <= die_at}
    resumed = striate.resume(tmp_path / "killed")
    assert by_epoch(seen) == [[2], [1], [2]]
    assert weights(resumed.path) == weights(whole.path)
    assert (resumed.path / THREADS).read_bytes() == (whole.path / THREADS).read_bytes()
    assert (resumed.path / "evaluation.json").read_bytes() == (whole.path / "evaluation.json").read_bytes()


def test_the_choice_is_on_the_disk_before_the_first_step(photos, tmp_path, two_threads, loads, death_in_place_of):
    loads((2.0, 0.0))
    with death_in_place_of("fitting_step", 0):
        striate.train(photos, "lenet5", run=tmp_path / "run", **QUICK)
    assert json.loads((tmp_path / "run" / THREADS).read_text(encoding="utf-8")) == {"0": 1}


def test_threads_that_are_forced_stay_and_nobody_looks(photos, tmp_path, two_threads, loads, seen):
    loads(())
    run = striate.train(photos, "lenet5", run=tmp_path / "run", threads=2, **QUICK)
    assert by_epoch(seen) == [[2], [2], [2]]
    assert not (run.path / THREADS).exists()


def test_a_run_of_the_code_before_goes_on_with_its_threads(
    photos, tmp_path, two_threads, loads, seen, death_in_place_of
):
    loads(LOADS)
    with death_in_place_of("fitting_step", 5):
        striate.train(photos, "lenet5", run=tmp_path / "run", threads=2, **QUICK)
    record = json.loads((tmp_path / "run" / "recipe.json").read_text(encoding="utf-8"))
    del record["machine"]["threads_by_load"]
    (tmp_path / "run" / "recipe.json").write_text(json.dumps(record), encoding="utf-8")
    striate.resume(tmp_path / "run")
    assert by_epoch(seen) == [[2], [2], [2]]


def test_a_compiled_network_keeps_the_threads_of_its_first_epoch(tmp_path, two_threads, loads):
    class Job:
        folder = tmp_path
        runtime = Runtime("cpu", "fp32", True, 2, compiled=True, threads_by_load=True)

    loads((0.0,))
    for epoch in range(3):
        threads.EpochThreads(Job).begin(epoch)
    assert read_threads(tmp_path / THREADS, 2) == {0: 2, 1: 2, 2: 2}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"0": 3}', "epoch 0 has 3 threads, where 1 to 2 are possible; without the file, striate.resume"),
        ('{"0": "2"}', "is damaged: each of its values must be a whole number between 1 and"),
        ('{"0": true}', "is damaged: each of its values must be a whole number between 1 and"),
        ('{"0": 0}', "is damaged: each of its values must be a whole number between 1 and"),
        ('{"first": 1}', "is damaged: it must be a record"),
        ("[1, 2]", "is damaged: it must be a record, got [1, 2]"),
        ('{"0": 1', "is damaged: Expecting ',' delimiter"),
    ],
)
def test_a_damaged_record_is_named(tmp_path, text, message):
    (tmp_path / THREADS).write_text(text, encoding="utf-8")
    with pytest.raises(StriateError) as raised:
        read_threads(tmp_path / THREADS, most=2)
    assert message in str(raised.value) and THREADS in str(raised.value)


def test_prediction_and_evaluation_use_the_threads_that_are_left(two_threads, loads):
    loads((2.0, 0.0))
    for number in (1, 2):
        with runtime_module.default_runtime("fp32", 10**9, "cpu").processor_threads():
            assert torch.get_num_threads() == number
        assert torch.get_num_threads() == 2
