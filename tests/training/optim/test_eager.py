"""torch's optimisers without their guards against torch.compile: equal bits, and nothing of the compiler loaded."""

from __future__ import annotations

import copy
import subprocess
import sys
from functools import partial

import pytest
import torch
from torch import nn

from striate.training.optim.eager import eager

KINDS = {
    "sgd": partial(torch.optim.SGD, momentum=0.9, nesterov=True, weight_decay=0.1, fused=True),
    "adamw": partial(torch.optim.AdamW, fused=True),
    "adam": partial(torch.optim.Adam, weight_decay=0.1),
    "adagrad": torch.optim.Adagrad,
    "adadelta": torch.optim.Adadelta,
    "rmsprop": torch.optim.RMSprop,
}


def without_guards(make):
    """The same call of the same optimiser, eager."""
    if isinstance(make, partial):
        return partial(eager(make.func), **make.keywords)
    return eager(make)


@pytest.mark.parametrize("name", KINDS)
def test_weights_and_state_are_torchs_to_the_bit(name):
    torch.manual_seed(0)
    ours = nn.Linear(7, 5)
    theirs = copy.deepcopy(ours)
    steps = without_guards(KINDS[name])(ours.parameters(), lr=0.1), KINDS[name](theirs.parameters(), lr=0.1)
    for _ in range(3):
        for network, optimizer in zip((ours, theirs), steps, strict=True):
            optimizer.zero_grad()
            network(torch.ones(2, 7)).square().sum().backward()
            optimizer.step()
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(mine, other)
    mine, other = (step.state_dict()["state"] for step in steps)
    assert [[*row] for row in mine.values()] == [[*row] for row in other.values()]
    for key, row in mine.items():
        assert all(torch.equal(torch.as_tensor(row[each]), torch.as_tensor(other[key][each])) for each in row)


def test_a_step_takes_no_gradients_and_gives_what_a_closure_does():
    weight = nn.Parameter(torch.ones(1))
    weight.grad = torch.ones(1)
    optimizer = eager(torch.optim.SGD)([weight], lr=0.5)
    assert optimizer.step(lambda: torch.is_grad_enabled()) is True
    assert weight.requires_grad and weight.grad_fn is None and weight.item() == 0.5


def test_the_optimisers_of_recipes_do_not_load_the_compiler():
    code = """
import sys, torch
from striate.models import create_model
from striate.training.optim.optimizer import make_optimizer
from striate.training.recipe import Recipe
for optimizer in ("sgd", "adam", "adamw", "adagrad", "adadelta", "rmsprop", "muon"):
    network = create_model("lenet5")
    step = make_optimizer(network, Recipe(model="lenet5", optimizer=optimizer))
    network(torch.zeros(2, 1, 32, 32)).sum().backward()
    step.step()
    step.state_dict()
sys.exit("torch._dynamo" in sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
