"""Fewer epochs where a data set is large: how many pictures a recipe shows at most."""

from __future__ import annotations

from dataclasses import replace

import pytest

import striate
from striate.recipes import get_recipe
from striate.training.plan import CUSTOM, Plan
from striate.training.prepared import for_so_many

QUICK = replace(get_recipe("default"), model="lenet5", epochs=20, shown_at_most=1000)


@pytest.mark.parametrize(
    ("pictures", "epochs"), [(10, 20), (50, 20), (51, 19), (100, 10), (200, 5), (201, 5), (10**6, 5)]
)
def test_epochs_of_so_many_pictures(pictures, epochs):
    assert for_so_many(Plan("x", "default", QUICK), pictures).epochs == epochs


def test_epochs_that_are_asked_for_are_made():
    asked = QUICK.changed({"epochs": 30})
    assert for_so_many(Plan("x", "default", asked, {"epochs": 30}), 10**6) == asked
    few = replace(QUICK, epochs=2)
    assert for_so_many(Plan("x", "default", few), 10**6).epochs == 2
    both = {"epochs": 20, "shown_at_most": 1000}  # as a record of one's own has them
    assert for_so_many(Plan("x", CUSTOM, QUICK, both), 10**6).epochs == 5


def test_a_run_says_how_many_it_makes(photos, tmp_path, capsys):
    fields = {"model": "lenet5", "recipe": "default", "batch_size": 8, "autotune": False}
    run = striate.train(photos, run=tmp_path / "few", shown_at_most=200, **fields)
    pictures = sum(line.split("\t")[0] == "train" for line in (run.path / "data.tsv").read_text().splitlines())
    epochs = 200 // pictures
    said = f"{epochs} epochs of {pictures} pictures, not the recipe's 30: together they show about 200; epochs=... asks"
    assert 5 < epochs < 30
    assert said in capsys.readouterr().err
    asked = striate.train(photos, run=tmp_path / "asked", epochs=epochs, **fields)
    assert (asked.path / "model.safetensors").read_bytes() == (run.path / "model.safetensors").read_bytes()
