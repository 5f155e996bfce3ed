"""What is said before the first step fits the network."""

from __future__ import annotations

from factories import tinted_objects
from striate.core.records import Preprocess
from striate.data.sources import open_data
from striate.training.before import advice_before
from striate.training.recipe import Recipe


def test_a_smaller_size_is_not_advised_where_a_network_takes_only_one(tmp_path):
    data, recipe = open_data(str(tinted_objects(tmp_path / "data"))), Recipe(model="ssd300_vgg16", weights="vgg16.pt")
    said = " ".join(advice_before(recipe, data, Preprocess((300, 300), fit="stretch")))
    assert "pictures of 64 px are enlarged to 300 px" in said and "--size 128 takes" in said
    assert "--size" not in " ".join(advice_before(recipe, data, Preprocess((300, 300)), only_size=(300, 300)))
