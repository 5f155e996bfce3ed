from __future__ import annotations

import dataclasses
import json

import pytest

from striate.core.errors import StriateError
from striate.core.reading import decoded
from striate.recipes import get_recipe, list_recipes
from striate.training.recipe import Recipe


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("peek_lr=0.1", "unknown recipe field 'peek_lr'; did you mean 'peak_lr'?"),
        ("peak_lr", "--set takes field=value, got 'peak_lr'"),
        ("peak_lr=fast", "peak_lr must be a number, got 'fast'"),
        ("peak_lr=nan", "peak_lr must be a number, got 'nan'"),
        ("epochs=2.5", "epochs must be a whole number, got '2.5'"),
        ("flip=perhaps", "flip must be true or false, got 'perhaps'"),
        ("drop_at=a,b", "drop_at must be numbers with commas between, got 'a,b'"),
    ],
)
def test_an_assignment_that_cannot_be_is_refused(assignment, message):
    with pytest.raises(StriateError) as error:
        Recipe.parse([assignment])
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("epochs", 0, "epochs must be between 1 and 100,000, got 0"),
        ("peak_lr", -1.0, "peak_lr must be between 0 and 1,000, got -1.0"),
        ("optimizer", "adma", "unknown optimizer 'adma'; did you mean 'adam' or 'adamw'?"),
        ("schedule", "cosin", "unknown schedule 'cosin'; did you mean 'cosine'?"),
        ("drop_at", (0.5, 2.0), "drop_at are shares of the run between 0 and 1, got (0.5, 2.0)"),
        ("min_area", 0.0, "min_area must be between 0.01 and 1, got 0.0"),
        ("warmup_epochs", -1.0, "warmup_epochs must be between 0 and 100,000, got -1.0"),
        ("weight_decay", float("nan"), "weight_decay must be between 0 and 1,000,000, got nan"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(field, value, message):
    with pytest.raises(StriateError) as error:
        Recipe(model="lenet5", **{field: value})
    assert str(error.value) == message


@pytest.mark.parametrize("name", list_recipes())
def test_recipes_are_frozen_and_survive_json(name):
    recipe = get_recipe(name)
    assert decoded(json.dumps(recipe.to_dict()).encode(), Recipe, "recipe.json") == recipe
    with pytest.raises(dataclasses.FrozenInstanceError):
        recipe.epochs = 1


def test_every_field_can_be_set_from_text():
    recipe = get_recipe("cifar_resnet")
    for field in dataclasses.fields(Recipe):
        value = getattr(recipe, field.name)
        text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
        assert Recipe.parse([f"{field.name}={text}"]) == {field.name: value}


def test_a_misspelt_recipe_names_the_nearest():
    with pytest.raises(StriateError, match="unknown recipe 'alexnet_2021'; did you mean 'alexnet_2012'"):
        get_recipe("alexnet_2021")


# What the papers print of their training sections.
PAPERS = [
    ("alexnet_2012", {"batch_size": 128, "momentum": 0.9, "weight_decay": 0.0005, "peak_lr": 0.01, "epochs": 90}),
    (
        "vgg_2014",
        {"batch_size": 256, "momentum": 0.9, "weight_decay": 5e-4, "peak_lr": 0.01, "epochs": 74, "dropout": 0.5},
    ),
    ("resnet_2015", {"batch_size": 256, "momentum": 0.9, "weight_decay": 1e-4, "peak_lr": 0.1, "dropout": None}),
    ("cifar_resnet", {"batch_size": 128, "weight_decay": 1e-4, "peak_lr": 0.1, "crop_padding_px": 4, "flip": True}),
]


@pytest.mark.parametrize(("name", "printed"), PAPERS)
def test_recipes_hold_what_their_papers_print(name, printed):
    fields = get_recipe(name).to_dict()
    assert {key: fields[key] for key in printed} == printed


def test_cifar_resnet_trains_for_64000_steps():
    # section 4.2: 45,000 training pictures, mini-batches of 128, 64k iterations, drops at 32k and 48k
    recipe = get_recipe("cifar_resnet")
    steps = recipe.epochs * 50_000 / recipe.batch_size
    assert 63_900 < steps < 64_200
    assert [round(share * 64) for share in recipe.drop_at] == [32, 48]


@pytest.mark.parametrize(
    ("recipe", "fields", "message"),
    [
        (
            "default",
            {"unfreeze_to": "head"},
            r"unfreeze_to does nothing here: it needs a staged run, .*weights='embedded'",
        ),
        ("default", {"keep_statistics": True}, "keep_statistics does nothing here: it needs a staged run"),
        ("default", {"muon_lr": 0.1}, "muon_lr does nothing here: it needs optimizer=muon"),
        ("finetune", {"nesterov": True}, "nesterov does nothing here: it needs optimizer=sgd"),
        ("default", {"drop_at": (0.3,)}, "drop_at does nothing here: it needs schedule=step"),
        ("default", {"full_size_at": 0.5}, "full_size_at does nothing here: it needs start_px"),
        (
            "finetune",
            {"weights": None},
            "staged begins with trained weights, and there are none; give weights, such as",
        ),
    ],
)
def test_a_field_that_would_do_nothing_is_refused(recipe, fields, message):
    with pytest.raises(StriateError, match=message):
        get_recipe(recipe).changed(fields)


def test_a_field_that_acts_or_stays_as_it_is_is_taken():
    assert get_recipe("finetune").changed({"unfreeze_to": "layer3"}).unfreeze_to == "layer3"
    assert get_recipe("default").changed({"drop_at": (0.3,), "schedule": "step"}).drop_at == (0.3,)
    assert get_recipe("default").changed({"muon_lr": get_recipe("default").muon_lr}) == get_recipe("default")
    assert get_recipe("default").changed({"layer_decay": 0.5}).layer_decay == 0.5  # of drawn weights, too


def test_a_field_is_set_once():
    with pytest.raises(StriateError, match=r"epochs is given twice, as epochs=3 and epochs=4"):
        Recipe.parse(["epochs=3", "epochs=4"])
