"""Muon against singular values, against SGD, and at work."""

from __future__ import annotations

import torch
from torch import nn

from striate.training.optim.muon import Muon, orthogonal, scaled_orthogonal
from striate.training.optim.optimizer import make_optimizer
from striate.training.recipe import Recipe


def test_an_orthogonal_matrix_keeps_the_singular_vectors_and_evens_the_values():
    torch.manual_seed(0)
    for shape in ((16, 144), (144, 16)):
        matrix = torch.randn(shape)
        u, _, vt = torch.linalg.svd(matrix, full_matrices=False)
        values = (u.T @ orthogonal(matrix).float() @ vt.T).diagonal()  # in the basis of the matrix itself
        assert values.min() > 0.3 and values.max() < 1.4


def test_tall_updates_are_enlarged_by_the_root_of_their_shape():
    torch.manual_seed(0)
    wide, tall = (scaled_orthogonal(torch.randn(shape)) for shape in ((8, 4, 3, 3), (64, 4, 1, 1)))
    assert 0.6 < torch.linalg.matrix_norm(wide.flatten(1), 2) < 1.4
    assert 0.6 < torch.linalg.matrix_norm(tall.flatten(1), 2) / (64 / 4) ** 0.5 < 1.4


def test_plain_groups_step_as_nesterov_sgd_does():
    weights = [nn.Parameter(torch.linspace(-1, 1, 6)) for _ in range(2)]
    muon = Muon([{"params": [weights[0]], "lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}])
    sgd = torch.optim.SGD([weights[1]], lr=0.1, momentum=0.9, weight_decay=0.01, nesterov=True)
    for step in range(5):
        for weight, optimizer in zip(weights, (muon, sgd), strict=True):
            (weight**2 * (step + 1)).sum().backward()
            optimizer.step()
            optimizer.zero_grad()
    torch.testing.assert_close(weights[0], weights[1])


def test_decay_takes_its_share_of_the_convolutions():
    weight = nn.Parameter(torch.ones(2, 1, 1, 1))
    optimizer = Muon([{"params": [weight], "lr": 0.5, "weight_decay": 0.1, "orthogonal": True}])
    weight.grad = torch.zeros_like(weight)
    optimizer.step()
    torch.testing.assert_close(weight.detach(), torch.full((2, 1, 1, 1), 1 - 0.5 * 0.1))


def test_the_recipe_sorts_the_parameters():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 2))
    recipe = Recipe(model="resnet18", optimizer="muon", peak_lr=0.2, muon_lr=0.05, muon_decay=0.01, weight_decay=1e-3)
    groups = make_optimizer(network, recipe).param_groups
    assert [[p.dim() for p in group["params"]] for group in groups] == [[4], [2], [1, 1, 1, 1]]
    assert [group["weight_decay"] for group in groups] == [0.01, 1e-3, 0.0]
    assert [group["lr_factor"] for group in groups] == [0.25, 1.0, 1.0]


def test_it_fits_what_sgd_fits():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2))
    optimizer = make_optimizer(network, Recipe(model="resnet18", optimizer="muon", peak_lr=0.1))
    images, labels = torch.randn(32, 1, 8, 8), torch.arange(32) % 2
    images[labels == 1] *= 0.3
    losses = []
    for _ in range(60):
        for group in optimizer.param_groups:
            group["lr"] = 0.1 * group["lr_factor"]
        loss = nn.functional.cross_entropy(network(images), labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < 0.3 * losses[0]
