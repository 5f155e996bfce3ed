"""A network in whatever form a person has one: a run, weights, a name, code of their own, or the module itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import nn

from striate.core.own_code import names_code
from striate.core.records import Preprocess
from striate.deploy.bundle import names_weights, network_of
from striate.deploy.run import Run
from striate.models import FILES, OWN, Model, Network, is_drawn


@dataclass(frozen=True, eq=False)
class AnyNetwork:
    """A network in evaluation mode and how pictures become its input. name: what a person calls it.

    drawn: whether its weights are drawn and not trained.
    """

    network: Network
    preprocess: Preprocess
    name: str
    drawn: bool = False


def any_network(given: Run | str | Path | nn.Module, model: Model | None = None) -> AnyNetwork:
    """Open a run, "embedded", a weight file, a network of the zoo by its name, a pattern, FILE.py:NAME, or a module.

    model: of which network the weights are, where they do not say so. Numbers are float32.
    Raises StriateError for what is none of these, and for a module that does not run on pictures.

    >>> any_network("lenet5").drawn, any_network("embedded").network.label
    (True, 'quick_regnet26')
    """
    if isinstance(given, nn.Module):
        run = Run(OWN, "fp32", given)
        return AnyNetwork(run.network, run.preprocess, type(given).__name__)
    if isinstance(given, Run):
        return AnyNetwork(given.network, given.preprocess, str(given.path))
    name = str(given)
    if _has_no_weights(name):
        network = network_of(name, model).eval()
        return AnyNetwork(network, network.preprocess, name, drawn=True)
    run = Run(name, "fp32", model)
    return AnyNetwork(run.network, run.preprocess, name)


def any_module(name: str, model: Model | None = None) -> Run | Network:
    """What a name stands for, opened: a run or weights as `Run`; a network of the zoo or of a person's own, drawn.

    Raises StriateError as `any_network` does.
    """
    if _has_no_weights(name):
        return network_of(name, model).eval()
    return Run(name, "fp32", model)


def _has_no_weights(name: str) -> bool:
    """Whether it is a network's name or code; or nothing that is known, which `network_of` says."""
    return is_drawn(name) or names_code(name) or not (name in FILES or names_weights(name))
