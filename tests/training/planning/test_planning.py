"""`striate.plan` and `striate plan` on real pictures, over a few small networks."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

import striate
from striate.core.records import Preprocess
from striate.data.sources import open_data
from striate.recipes import get_recipe
from striate.recipes.chosen import recipe_of
from striate.tasks import TASKS
from striate.training.plan import Plan
from striate.training.planning import planning, trial
from striate.training.planning.candidates import Candidate, candidates, short_list, suits
from striate.training.planning.drafts import drafted
from striate.training.planning.forecast import Amounts, around_seconds, epoch_seconds
from striate.training.planning.kept import read_costs, write_costs
from striate.training.planning.trial import Costs

FEW = (Candidate("mlp"), Candidate("lenet5", "digits_lenet5"), Candidate("lenet5"), Candidate("nin"))


@pytest.fixture
def few(monkeypatch):
    """Only a few networks are offered, of which the last may be too costly to be tried in a second."""
    monkeypatch.setattr(planning, "candidates", lambda task, typical_px: FEW)


def test_a_plan_has_what_was_tried_and_what_was_estimated_and_leaves_random_numbers_alone(few):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    said = []
    found = striate.plan("digits", "10m", seconds=1, progress=lambda done, total: said.append((done, total)))
    assert torch.equal(torch.get_rng_state(), before)
    by_name = {str(each.candidate): each for each in found.forecasts}
    assert by_name.keys() == {str(candidate) for candidate in FEW}
    assert [each.epoch_s for each in found.forecasts] == sorted(each.epoch_s for each in found.forecasts)
    assert all(each.epoch_s > 0 and each.epochs >= 0 for each in found.forecasts)
    tried = by_name["lenet5 by the recipe digits_lenet5"]
    assert tried.tried and tried.size == (32, 32)
    assert found.recommended is tried and found.advice.startswith("recommended is lenet5 by the recipe digits_lenet5: ")
    assert tried.known.source == "docs/measured.md" and by_name["nin"].known is None
    assert said[0] == (0, 8) and said[-1] == (8, 8)
    told = json.loads(json.dumps(found.to_dict()))
    assert [each["model"] for each in told["networks"]] == [each.candidate.model for each in found.forecasts]
    assert sum(each["recommended"] for each in told["networks"]) == 1


def test_what_was_tried_is_remembered_for_the_same_pictures(few, monkeypatch):
    first = striate.plan("digits", "10m", seconds=1)

    def never(*_):
        raise AssertionError("tried again")

    tried = {str(each.candidate) for each in first.forecasts if each.tried}
    monkeypatch.setattr(planning, "candidates", lambda task, px: [each for each in FEW if str(each) in tried])
    monkeypatch.setattr(planning.Draft, "trial", never)
    monkeypatch.setattr(planning, "read_costs", lambda key: Costs(0.5, 0.25, 0.125, 8, None))
    again = striate.plan("digits", "10m", seconds=1)
    steps, own = round(1259 / 64), next(each for each in again.forecasts if each.recipe == "digits_lenet5")
    assert own.epoch_s == pytest.approx(steps * 0.5 + 179 * 0.25)
    assert own.around_s == pytest.approx(8 + 359 * 0.25 + 1797 * 0.125)
    assert own.memory_bytes is None


def test_costs_are_read_as_they_were_written_and_a_damaged_record_is_none():
    key, costs = {"network": "lenet5"}, Costs(0.5, 0.25, 0.125, 8, 10**9)
    assert read_costs(key) is None
    write_costs(key, costs)
    assert read_costs(key) == costs
    write_costs(key, Costs(-1.0, 0.25, 0.125, 8, None))
    assert read_costs(key) is None


def test_seconds_of_an_epoch_and_around_it():
    costs, amounts = Costs(2.0, 0.5, 0.1, 8, None), Amounts(100, 60, 10, 30)
    assert epoch_seconds(costs, 7, amounts, get_recipe("default")) == 7 * 2.0 + 10 * 0.5
    default, staged = get_recipe("default"), replace(get_recipe("finetune"), head_views=6)
    assert around_seconds(costs, amounts, default, decoded=True) == 8 + 30 * 0.5
    assert around_seconds(costs, amounts, default, decoded=False) == 8 + 30 * 0.5 + 100 * 0.1
    assert around_seconds(costs, amounts, staged, decoded=True) == 8 + (30 + 6 * 60 + 10) * 0.5


def test_what_was_measured_on_other_pictures_has_another_key(photos):
    task = TASKS["classification"]
    ours, again, digits = (open_data(source) for source in (str(photos), str(photos), "digits"))
    draft = drafted(Candidate("mlp"), Plan(str(photos), *recipe_of(None, {"model": "mlp"}, task)), ours, 32)
    assert draft.key(ours) == draft.key(again) != draft.key(replace(ours, pictures=digits.pictures))


@pytest.mark.parametrize(("said", "is_memory"), [("can't allocate memory", True), ("shapes do not match", False)])
def test_only_memory_that_ran_out_makes_a_network_one_that_does_not_fit(monkeypatch, photos, said, is_memory):
    def fails(*_):
        raise RuntimeError(said)

    monkeypatch.setattr(trial, "timed_step", fails)
    dataset, task = open_data(str(photos)), TASKS["classification"]
    draft = drafted(Candidate("mlp"), Plan("photos", *recipe_of(None, {"model": "mlp"}, task)), dataset, 32)
    with nullcontext() if is_memory else pytest.raises(RuntimeError, match=said):
        assert draft.trial(dataset, task, 0.1)[0] is None


def test_every_network_of_a_task_is_offered_and_those_for_other_sizes_are_left_out():
    assert {each.model for each in candidates(TASKS["segmentation"], 300)} == set(
        striate.list_models(task="segmentation")
    )
    assert "vgg16+box" in {each.model for each in candidates(TASKS["localisation"], 300)}
    photographs = [Candidate("lenet5"), Candidate("lenet5", "digits_lenet5")]
    assert photographs[0] in candidates(TASKS["classification"], 300)
    assert photographs[1] not in candidates(TASKS["classification"], 300)
    assert not suits(Preprocess((32, 32), (32, 32)), 300) and suits(Preprocess((224, 224), (256, 256)), 300)


@pytest.mark.parametrize("name", TASKS)
def test_every_task_has_candidates_that_its_networks_answer(name):
    task = TASKS[name]
    offered, short = ({each.model for each in of(task, 64)} for of in (candidates, short_list))
    assert short and short <= offered <= set(striate.list_models(task=task.answered_by))


def test_pictures_of_at_most_40_px_are_offered_the_recipe_that_fast_is_for_them():
    small, fast = Candidate("airbench94", "small_pictures"), Candidate("quick_regnet26", "fast")
    by_px = {px: list(short_list(TASKS["classification"], px)) for px in (32, 40, 41, 96, 97)}
    assert [px for px, offered in by_px.items() if small in offered] == [32, 40]
    assert [px for px, offered in by_px.items() if fast in offered] == [41, 96]


def test_the_recipe_for_small_pictures_is_drawn_up_as_it_would_be_trained():
    dataset, task = open_data("digits"), TASKS["classification"]
    named = recipe_of("small_pictures", {"model": "airbench94"}, task)
    draft = drafted(Candidate("airbench94", "small_pictures"), Plan("digits", *named), dataset, 8)
    assert draft.network.architecture == "airbench94" and draft.plan.recipe_name == "small_pictures"


@pytest.mark.parametrize(
    ("budget", "message"),
    [
        ("20", "budget=... needs a unit; is 20 meant as 20m (minutes), 20s or 20h?"),
        ("-5m", "budget=... must be a time with its unit, such as 30s, 20m, 2h or 1h30m, got '-5m'"),
    ],
)
def test_a_budget_without_sense_is_refused_before_anything_is_opened(budget, message):
    with pytest.raises(striate.StriateError) as caught:
        striate.plan("/nowhere", budget)
    assert str(caught.value) == message


def test_pictures_of_one_class_and_a_folder_without_pictures_are_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(striate.StriateError, match="no pictures|holds no|no folder|nothing"):
        striate.plan(str(tmp_path / "empty"), "1m")
    (tmp_path / "one" / "cats").mkdir(parents=True)
    for number in range(9):
        Image.fromarray(np.full((8, 8, 3), number, np.uint8)).save(tmp_path / "one" / "cats" / f"{number}.png")
    with pytest.raises(striate.StriateError, match="class"):
        striate.plan(str(tmp_path / "one"), "1m")
