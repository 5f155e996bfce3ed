"""The optimisers of the classic comparison: torch's own, with the constants of their papers, and exact resume."""

from __future__ import annotations

import copy
import math

import pytest
import torch

import striate
from striate.recipes.chosen import at_usual_rate
from striate.training.optim.optimizer import make_optimizer
from striate.training.recipe import Recipe
from striate.training.usual_rates import OPTIMIZERS

TORCH = {
    "adagrad": lambda groups: torch.optim.Adagrad(groups, lr=0.01),
    "adadelta": lambda groups: torch.optim.Adadelta(groups, lr=1.0, rho=0.95, eps=1e-6),
    "rmsprop": lambda groups: torch.optim.RMSprop(groups, lr=0.001, alpha=0.9),
    "adam": lambda groups: torch.optim.Adam(groups, lr=0.001),
    "adamw": lambda groups: torch.optim.AdamW(groups, lr=0.001),
}
RATES = {"adagrad": 0.01, "adadelta": 1.0, "rmsprop": 0.001, "adam": 0.001, "adamw": 0.001}
G, W, DECAY, LR = 3.0, 2.0, 0.5, 0.1
PENALISED = G + DECAY * W
# The first step of each by hand, from its paper: w = 2, gradient 3, decay 0.5, rate 0.1.
BY_HAND = {
    "adagrad": W - LR * PENALISED / math.sqrt(PENALISED**2),
    "adadelta": W - LR * math.sqrt(1e-6) / math.sqrt(0.05 * PENALISED**2 + 1e-6) * PENALISED,
    "rmsprop": W - LR * PENALISED / math.sqrt(0.1 * PENALISED**2),
    "adam": W - LR * PENALISED / math.sqrt(PENALISED**2),
}


def loss(network, step):
    images = torch.randn(8, 4, generator=torch.Generator().manual_seed(step))
    return network(images).square().sum()


@pytest.mark.parametrize("name", TORCH)
def test_ten_steps_are_those_of_torch(name):
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.Tanh(), torch.nn.Linear(5, 2))
    other = copy.deepcopy(network)
    ours = make_optimizer(network, Recipe(model="x", optimizer=name, peak_lr=RATES[name], weight_decay=0.1))
    weights = [p for p in other.parameters() if p.dim() > 1]
    biases = [p for p in other.parameters() if p.dim() == 1]
    theirs = TORCH[name]([{"params": weights, "weight_decay": 0.1}, {"params": biases, "weight_decay": 0.0}])
    for step in range(10):
        for module, optimizer in ((network, ours), (other, theirs)):
            optimizer.zero_grad()
            loss(module, step).backward()
            optimizer.step()
    for mine, its in zip(network.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(mine, its, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", BY_HAND)
def test_the_first_step_is_that_of_the_paper(name):
    module = torch.nn.Module()
    module.register_parameter("weight", torch.nn.Parameter(torch.tensor([[W]])))
    optimizer = make_optimizer(module, Recipe(model="x", optimizer=name, peak_lr=LR, weight_decay=DECAY))
    module.weight.grad = torch.tensor([[G]])
    optimizer.step()
    assert module.weight.item() == pytest.approx(BY_HAND[name], abs=1e-6)


@pytest.mark.parametrize("name", ["adagrad", "adadelta", "rmsprop", "adam"])
def test_a_killed_run_resumes_to_equal_bytes(name, photos, tmp_path, death_in_place_of, capfd):
    settings = {"optimizer": name, "epochs": 2, "size_px": 16, "batch_size": 8, "threads": 1, "autotune": False}
    settings |= {"precision": "fp32", "fused_norms": False}
    whole = striate.train(photos, "lenet5", run=tmp_path / "whole", **settings)
    assert whole.recipe["recipe"]["peak_lr"] == RATES[name]
    assert f"{name} at a peak rate of {RATES[name]:g}\n" in capfd.readouterr().err
    with death_in_place_of("fitting_step", 4):
        striate.train(photos, "lenet5", run=tmp_path / "killed", **settings)
    resumed = striate.resume(tmp_path / "killed")
    assert (resumed.path / "model.safetensors").read_bytes() == (whole.path / "model.safetensors").read_bytes()


def test_a_rate_that_is_given_stands():
    assert at_usual_rate(Recipe(model="x"), {"optimizer": "adam", "peak_lr": 0.3})["peak_lr"] == 0.3
    assert at_usual_rate(Recipe(model="x"), {"optimizer": "my_train.py:make"}) == {"optimizer": "my_train.py:make"}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_there_and_back_is_the_rate_of_the_recipe(name):
    there = Recipe(model="x", optimizer="adamw", peak_lr=3e-4).changed(
        at_usual_rate(Recipe(model="x", optimizer="adamw", peak_lr=3e-4), {"optimizer": name})
    )
    back = {"peak_lr": there.peak_lr, **at_usual_rate(there, {"optimizer": "adamw"})}
    assert back["peak_lr"] == pytest.approx(3e-4)
