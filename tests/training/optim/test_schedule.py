from __future__ import annotations

import math

import pytest
import torch

from striate.training.optim.optimizer import make_optimizer
from striate.training.optim.schedule import learning_rate, side_px
from striate.training.recipe import Recipe


def rates(steps_per_epoch=10, **fields):
    recipe = Recipe(model="lenet5", peak_lr=1.0, **{"epochs": 10, **fields})
    return [learning_rate(recipe, step, steps_per_epoch) for step in range(recipe.epochs * steps_per_epoch)]


def test_constant():
    assert set(rates(schedule="constant")) == {1.0}


def test_cosine_agrees_with_torch():
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=100)
    expected = []
    for _ in range(100):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    assert rates(schedule="cosine") == pytest.approx(expected, abs=1e-6)


def test_steps_drop_at_their_shares_of_the_run():
    found = rates(schedule="step", drop_at=(0.5, 0.75))
    assert [found[step] for step in (0, 49, 50, 74, 75, 99)] == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])


def test_warm_up_rises_in_a_line_and_meets_the_schedule():
    found = rates(schedule="cosine", warmup_epochs=2)
    assert found[:20] == pytest.approx([(step + 1) / 20 for step in range(20)])
    assert found[20] == pytest.approx(1.0)
    assert found[60] == pytest.approx(0.5)
    assert found == found[:20] + sorted(found[20:], reverse=True)


def test_plateau_drops_are_given():
    recipe = Recipe(model="lenet5", peak_lr=1.0, schedule="plateau", drop_factor=0.5)
    assert learning_rate(recipe, 17, 10, drops=3) == 0.125


def test_decay_spares_norms_and_biases():
    network = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2))
    decayed, plain = make_optimizer(network, Recipe(model="x", weight_decay=0.1)).param_groups
    assert [p.shape for p in decayed["params"]] == [(2, 1, 3, 3)]
    assert len(plain["params"]) == 3
    assert (decayed["weight_decay"], plain["weight_decay"]) == (0.1, 0.0)
    (everything,) = make_optimizer(network, Recipe(model="x", decay_norms_and_biases=True)).param_groups
    assert len(everything["params"]) == 4


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_updates_agree_with_the_formula(name):
    """One step on a quadratic, by hand: w - lr (g + decay w) for SGD, AdamW's first step for AdamW."""
    weight = torch.nn.Parameter(torch.tensor([[2.0]]))
    module = torch.nn.Module()
    module.register_parameter("weight", weight)
    optimizer = make_optimizer(module, Recipe(model="x", optimizer=name, peak_lr=0.1, weight_decay=0.5))
    weight.grad = torch.tensor([[3.0]])
    optimizer.step()
    sgd = 2.0 - 0.1 * (3.0 + 0.5 * 2.0)
    adamw = 2.0 * (1 - 0.1 * 0.5) - 0.1 * 3.0 / (math.sqrt(3.0**2) + 1e-8)
    assert weight.item() == pytest.approx(sgd if name == "sgd" else adamw, abs=1e-6)


def test_nesterov_is_passed_on():
    network = torch.nn.Linear(2, 2)
    groups = make_optimizer(network, Recipe(model="x", nesterov=True)).param_groups
    assert all(group["nesterov"] and group["momentum"] == 0.9 for group in groups)


def test_training_pictures_end_smaller_than_those_in_use():
    recipe = Recipe(model="x", epochs=10, start_px=32, test_enlargement=1.25, full_size_at=0.5)
    assert [side_px(recipe, 60, step, 10) for step in (0, 24, 25, 49, 50, 99)] == [32, 32, 40, 40, 48, 48]
    assert side_px(recipe, 40, 99, 10) == 32  # as small as they start
    assert side_px(Recipe(model="x", test_enlargement=1.25), 80, 0, 10) == 64  # no growth asked for
