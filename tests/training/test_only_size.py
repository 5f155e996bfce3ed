"""A network of one size trains at it: no smaller pictures at the beginning, or all along, unless they are asked for."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import torch

from striate.models import create_model
from striate.recipes import get_recipe
from striate.training.network import at_only_size, fit_size
from striate.training.plan import Plan


def plan(changed: dict[str, Any]) -> Plan:
    recipe = replace(get_recipe("detection"), start_px=64, **changed)
    return cast("Plan", SimpleNamespace(recipe=recipe, changed=changed))


def test_pictures_have_the_one_size_from_the_first_step_on() -> None:
    with torch.device("meta"):
        one, any_size = create_model("ssd320_quick_regnet26"), create_model("retinanet_resnet18_fpn")
    assert get_recipe("detection").test_enlargement > 1
    found = at_only_size(plan({}), one)
    assert (found.test_enlargement, found.start_px) == (1.0, None)
    assert at_only_size(plan({}), any_size) == plan({}).recipe
    assert at_only_size(plan({"test_enlargement": 2.0}), one).test_enlargement == 2.0  # which is refused by the network


def test_the_size_of_the_pictures_does_not_matter() -> None:
    with torch.device("meta"):
        network = create_model("ssd320_quick_regnet26")
    pictures = cast("Any", SimpleNamespace(__len__=lambda: 0))
    assert fit_size(network, get_recipe("detection"), pictures) == network.preprocess
