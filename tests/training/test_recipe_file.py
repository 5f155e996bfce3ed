"""Recipes in files: written by a search, read by train, and refused where they are none."""

import json

import pytest

import striate
from striate.core.errors import StriateError
from striate.recipes import get_recipe
from striate.training.recipe import Recipe
from striate.training.recipe_file import read_recipe, write_recipe


def test_every_field_comes_back(tmp_path):
    recipe = Recipe(model="lenet5", peak_lr=3e-4, drop_at=(0.25, 0.5), size_px=(32, 48), flip=True, loss=("focal",))
    write_recipe(tmp_path / "winner.json", recipe, note="of a search")
    assert read_recipe(tmp_path / "winner.json") == recipe


def test_a_run_is_trained_by_a_file_and_goes_on_by_it(tmp_path):
    file = tmp_path / "winner.json"
    write_recipe(file, get_recipe("digits_lenet5").changed({"epochs": 1, "peak_lr": 0.0125}))
    run = striate.train("digits", recipe=str(file), run=tmp_path / "run", quiet=True, autotune=False, threads=1)
    assert run.recipe["recipe_name"] == "custom"
    assert run.recipe["recipe"]["peak_lr"] == 0.0125
    assert "--set peak_lr=0.0125" in run.recipe["command"]
    assert striate.resume(tmp_path / "run", recipe=str(file), quiet=True).path == run.path
    # recipe.json of a run is one too
    assert read_recipe(run.path / "recipe.json").epochs == 1


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ('{"recipe": {"model": "lenet5", "peek_lr": 1}}', ": unknown recipe field 'peek_lr'; did you mean 'peak_lr'?"),
        ('{"recipe": {"model": "lenet5", "lr": 1}}', ": unknown recipe field 'lr'; did you mean 'peak_lr'?"),
        (
            '{"recipe": {"model": "lenet5", "peak_lr": "high"}}',
            ' is damaged: recipe.peak_lr must be a number, got "high"',
        ),
        ('{"recipe": {"model": "lenet5", "epochs": 0}}', " is damaged: epochs must be between 1 and 100,000, got 0"),
        ('{"recipe": {}}', " is damaged: recipe.model is missing"),
        ("{}", " is damaged: recipe is missing"),
        ("[1]", " is damaged: it must be a record, got [1]"),
    ],
)
def test_what_is_no_recipe_is_one_sentence(tmp_path, content, line):
    file = tmp_path / "mine.json"
    file.write_text(content)
    with pytest.raises(StriateError) as refused:
        striate.train("digits", recipe=str(file), run=tmp_path / "run")
    assert str(refused.value).startswith(f"{file}{line}")
    assert not (tmp_path / "run").exists()


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(StriateError, match=r"^there is no .*winner.json; recipe=... takes the name of a recipe"):
        striate.train("digits", recipe=str(tmp_path / "winner.json"))


def test_code_that_a_file_names_does_not_run_by_itself(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = "open('ran', 'w')\nimport torch\nSGD = torch.optim.SGD\n"
    (tmp_path / "mine.py").write_text(code)
    file = tmp_path / "theirs.json"
    file.write_text(json.dumps({"recipe": {"model": "lenet5", "optimizer": "mine.py:SGD"}}))
    with pytest.raises(StriateError) as refused:
        striate.train("digits", recipe=str(file), run=tmp_path / "run")
    assert str(refused.value) == (
        f"{file} has the optimizer mine.py:SGD, code of a person's own, which only runs when it is named: add "
        "optimizer='mine.py:SGD'"
    )
    assert not (tmp_path / "ran").exists()
