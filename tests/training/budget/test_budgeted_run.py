"""`train --budget` on real pictures: epochs, network and end are decided, written down, and repeated."""

from __future__ import annotations

import json
import shutil

import pytest
import torch

import striate
from striate.data.sources import open_data
from striate.models.weight_files import read_weights
from striate.training import loop
from striate.training.budget import beginning, deadline
from striate.training.budget.record import DECIDED, read_decided
from striate.training.planning import planning
from striate.training.planning.candidates import Candidate
from striate.training.planning.trial import Costs

PLAIN = {"model": "lenet5", "precision": "fp32", "threads": 1, "autotune": False, "quiet": True}


class Ticking:
    """A clock of which every look takes half a second; or one that stands still."""

    def __init__(self):
        self.now, self.tick = 0.0, 0.5

    def __call__(self):
        self.now += self.tick
        return self.now


@pytest.fixture
def clock(monkeypatch):
    """In the place of that of a budget, with steps whose costs are known."""
    ticking = Ticking()
    for module in (deadline, beginning):
        monkeypatch.setattr(module, "seconds_gone", ticking)
    monkeypatch.setattr(beginning, "costs_of", lambda job, limit_s: Costs(0.5, 0.01, 0.001, 8, None))
    return ticking


def trained(photos, folder, **more):
    return striate.train(str(photos), run=folder, budget="60s", batch_size=8, **PLAIN, **more)


def test_a_budget_decides_the_epochs_and_what_was_decided_is_written_down(photos, tmp_path, clock):
    run = trained(photos, tmp_path / "run", tensorboard=False)
    record = json.loads((run.path / "recipe.json").read_text())
    assert record["budget"] == {"text": "60s", "why": ""} and record["recipe"]["epochs"] > 5
    assert "--budget 60s" in record["command"] and "--epochs" not in record["command"]
    decided = json.loads((run.path / DECIDED).read_text())
    steps = [each["step"] for each in decided["stretches"]]
    assert steps == sorted(set(steps)) and len(steps) > 3
    lines = [json.loads(line) for line in (run.path / "metrics.jsonl").read_text().splitlines()]
    assert lines[-1]["step"] == decided["stretches"][-1]["last"] and "val_accuracy" in lines[-1]
    assert lines[-1]["lr"] < 0.1 * max(line["lr"] for line in lines)  # the schedule came to its end
    with pytest.raises(striate.StriateError, match="was trained for 60s .* does not go on by epochs=..."):
        striate.resume(run.path, epochs=500)
    with pytest.raises(striate.StriateError, match="was begun with budget 60s, not 2m"):
        striate.resume(run.path, budget="2m")
    assert striate.resume(run.path, budget="1m").path == run.path  # the same, written otherwise


def test_a_run_that_was_killed_goes_on_to_the_weights_that_its_decisions_lead_to(
    photos, tmp_path, clock, death_in_place_of, monkeypatch
):
    whole = trained(photos, tmp_path / "whole")
    clock.now, clock.tick = 0.0, 0.5
    with death_in_place_of("made_to_fit", calls_before=25):
        trained(photos, tmp_path / "killed")
    decided = (whole.path / DECIDED).read_bytes()
    (tmp_path / "killed" / DECIDED).write_bytes(decided)
    clock.now = clock.tick = 0.0
    monkeypatch.setattr(deadline, "FEWEST_STEPS", 10**9)  # nothing new is decided
    resumed = striate.resume(tmp_path / "killed", quiet=True)
    one, other = (read_weights(run.path / "model.safetensors") for run in (whole, resumed))
    assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
    assert (resumed.path / DECIDED).read_bytes() == decided


def test_a_run_whose_folder_goes_is_rescued_with_all_that_was_decided(photos, tmp_path, clock, monkeypatch):
    validate, decided = loop.validate, []

    def gone(run, line):
        if line["epoch"] == 2:
            decided.extend((run.job.deadline.decided, run.job.train.steps))
            shutil.rmtree(run.job.folder)
        return validate(run, line)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "validate", gone)
        with pytest.raises(striate.StriateError, match="was deleted or moved while it was trained in"):
            trained(photos, tmp_path / "run")
    assert read_decided(tmp_path / "run-rescued") == decided[0]
    assert decided[0].stretches[-1].step > decided[1]  # since the state of the first epoch
    assert (striate.resume(tmp_path / "run-rescued", quiet=True).path / "report.html").exists()


def test_a_budget_alone_chooses_the_network_and_says_why(photos, tmp_path, clock, monkeypatch, capsys):
    monkeypatch.setattr(planning, "short_list", lambda task, typical_px: (Candidate("lenet5"), Candidate("mlp")))
    fields = {name: value for name, value in PLAIN.items() if name not in ("model", "quiet")}
    run = striate.train(str(photos), run=tmp_path / "run", budget="60s", **fields)
    record = json.loads((run.path / "recipe.json").read_text())
    assert record["recipe"]["model"] == "lenet5" and "--model lenet5" in record["command"]
    assert record["budget"]["why"].startswith("recommended is lenet5: of what the house has trained to the end")
    assert record["budget"]["why"] in (run.path / "log.txt").read_text()


def test_a_budget_that_is_too_short_says_the_smallest_possible_one(photos, tmp_path, clock, monkeypatch):
    clock.tick = 0.0
    with pytest.raises(striate.StriateError) as caught:
        striate.train(str(photos), run=tmp_path / "run", budget="3s", batch_size=8, **PLAIN)
    assert caught.value.in_flags.startswith(
        "--budget 3s is too short for lenet5 on these pictures; the smallest possible is about 7s: one epoch with its "
        "validation takes 2.1 s, what is before and after it 4.2 s"
    )
    monkeypatch.setattr(planning, "short_list", lambda task, typical_px: (Candidate("lenet5"),))
    with pytest.raises(
        striate.StriateError, match="budget='3s' is too short for these pictures: the smallest possible"
    ):
        striate.train(str(photos), run=tmp_path / "other", budget="3s")


def test_the_head_of_a_staged_run_takes_its_part_of_the_budget(photos, tmp_path, clock):
    clock.tick = 0.0
    fields = {name: value for name, value in PLAIN.items() if name != "model"}
    with pytest.raises(striate.StriateError) as caught:
        striate.train(str(photos), run=tmp_path / "run", budget="3s", weights="embedded", **fields)
    counts = open_data(str(photos)).splits
    passes = 8 * len(counts["train"]) + 2 * len(counts["val"]) + len(counts.get("test", counts["val"]))
    around_s = 4 + passes * 0.01 + 3 * (1 - deadline.AIM)
    assert str(caught.value).endswith(f"what is before and after it {around_s:.1f} s")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"budget": "20m", "epochs": 3}, "--budget decides how many epochs there are; leave --epochs out, or --budget"),
        ({"budget": "20"}, "--budget needs a unit; is 20 meant as 20m (minutes), 20s or 20h?"),
        ({"budget": "0s"}, "--budget must be a time with its unit, such as 30s, 20m, 2h or 1h30m, got '0s'"),
    ],
)
def test_budgets_without_sense(photos, tmp_path, fields, message):
    with pytest.raises(striate.StriateError) as caught:
        striate.train(str(photos), "lenet5", run=tmp_path / "run", **fields)
    assert caught.value.in_flags == message
