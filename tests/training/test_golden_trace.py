"""Every recipe's first steps come to the numbers that were written down before (see tests/golden_trace.py)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import golden_trace
from striate.models import ZOO
from striate.recipes import get_recipe, list_recipes

GOLDEN = json.loads(Path(__file__).with_name("golden_trace.json").read_text(encoding="utf-8"))
TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    return golden_trace.photographs(tmp_path_factory.mktemp("photos") / "photos")


def test_every_recipe_has_a_trace():
    several_labels = "quick_labels"  # a network of the zoo, and other targets
    of_classes = [name for name in list_recipes() if get_recipe(name).model in ZOO and name != several_labels]
    assert sorted(GOLDEN["recipes"]) == sorted(golden_trace.RECIPES) == sorted(of_classes)


@pytest.mark.parametrize("recipe", golden_trace.RECIPES)
def test_the_losses_of_the_first_steps(recipe, photos, tmp_path):
    trace, golden = golden_trace.trace_of(recipe, photos, tmp_path), GOLDEN["recipes"][recipe]
    assert trace["losses"] == pytest.approx(golden["losses"], rel=TOLERANCE, abs=TOLERANCE)
    assert len(trace["weights"]) == golden["updates"] == len(golden["losses"])


def test_the_test_and_the_report_of_a_run_on_the_digits(tmp_path):
    digits = golden_trace.digits_run(tmp_path)
    found = golden_trace.portable({}, digits)
    assert found["headings"] == GOLDEN["headings"]
    assert found["digits"]["loss"] == pytest.approx(GOLDEN["digits"]["loss"], rel=TOLERANCE)
    del found["digits"]["loss"]
    assert found["digits"] == {name: value for name, value in GOLDEN["digits"].items() if name != "loss"}
