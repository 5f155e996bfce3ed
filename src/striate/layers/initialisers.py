"""Initialisers that walk a network and fill convolutions and linear layers the way a paper says."""

from __future__ import annotations

import math

import torch
from torch import nn


def _weighted(network: nn.Module) -> list[nn.Conv2d | nn.Linear]:
    return [module for module in network.modules() if isinstance(module, nn.Conv2d | nn.Linear)]


def _fan_in(module: nn.Conv2d | nn.Linear) -> int:
    return module.weight[0].numel()


def _fan_out(module: nn.Conv2d | nn.Linear) -> int:
    return module.weight.shape[0] * module.weight[0, 0].numel()


@torch.no_grad()
def _zero_bias(module: nn.Conv2d | nn.Linear) -> None:
    if module.bias is not None:
        module.bias.zero_()


@torch.no_grad()
def he_normal_(network: nn.Module) -> None:
    """Fill convolutions with N(0, 2 / fan_out) and linear layers with N(0, 2 / fan_in); biases with 0.

    Source: He et al., "Delving Deep into Rectifiers", arXiv:1502.01852, equations 10 (fan_in, forward) and 14
    (fan_out, backward); the backward form is what the published ResNets use for their convolutions.

    >>> layer = nn.Conv2d(64, 64, 3)
    >>> he_normal_(layer)
    >>> abs(layer.weight.std().item() - math.sqrt(2 / (64 * 9))) < 0.002
    True
    """
    for module in _weighted(network):
        fan = _fan_out(module) if isinstance(module, nn.Conv2d) else _fan_in(module)
        module.weight.normal_(0, math.sqrt(2 / fan))
        _zero_bias(module)


@torch.no_grad()
def xavier_uniform_(network: nn.Module) -> None:
    """Fill weights with U(-a, a), a = sqrt(6 / (fan_in + fan_out)); biases with 0.

    Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks",
    AISTATS 2010, equation 16.

    >>> layer = nn.Linear(30, 24)
    >>> xavier_uniform_(layer)
    >>> layer.weight.abs().max().item() <= math.sqrt(6 / 54)
    True
    """
    for module in _weighted(network):
        limit = math.sqrt(6 / (_fan_in(module) + _fan_out(module)))
        module.weight.uniform_(-limit, limit)
        _zero_bias(module)


@torch.no_grad()
def normal_(network: nn.Module, std: float) -> None:
    """Fill weights with N(0, std^2) and biases with 0, as the networks before 2014 were.

    >>> layer = nn.Linear(100, 100)
    >>> normal_(layer, std=0.01)
    >>> 0.009 < layer.weight.std().item() < 0.011
    True
    """
    for module in _weighted(network):
        module.weight.normal_(0, std)
        _zero_bias(module)
