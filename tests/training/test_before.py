"""What is said before the first step fits the network."""

from __future__ import annotations

from factories import tinted_masks, tinted_objects
from striate.core.records import Preprocess
from striate.data.sources import open_data
from striate.training.before import advice_before
from striate.training.recipe import Recipe


def test_a_smaller_size_is_not_advised_where_a_network_takes_only_one(tmp_path):
    data, recipe = open_data(str(tinted_objects(tmp_path / "data"))), Recipe(model="ssd300_vgg16", weights="vgg16.pt")
    said = " ".join(advice_before(recipe, data, Preprocess((300, 300), fit="stretch")))
    assert "pictures of 64 px are enlarged to 300 px" in said and "--size 128 takes" in said
    assert "--size" not in " ".join(advice_before(recipe, data, Preprocess((300, 300)), only_size=(300, 300)))


def test_the_packaged_weights_are_advised_with_the_network_that_they_are_of(tmp_path):
    """Which each task takes where no other is named: of another they are refused."""
    masks, recipe = open_data(str(tinted_masks(tmp_path / "data"))), Recipe(model="unet", epochs=3, batch_size=64)
    few, steps = advice_before(recipe, masks, Preprocess((224, 224)))
    assert "; --weights embedded without --model begins with trained ones and usually" in few
    assert steps.endswith("more --epochs, or --weights embedded without --model, which begins with trained weights")
