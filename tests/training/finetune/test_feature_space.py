"""The report of a transfer run shows its features before and after, of pictures that were not trained on."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

import striate
from striate.data.cache import working_pictures
from striate.data.sources import open_data
from striate.data.unreadable import UnreadablePictures
from striate.models import create_model
from striate.recipes import get_recipe
from striate.runtime.runtime import Runtime
from striate.training.finetune.feature_space import feature_space

PLACEMENT = Runtime("cpu", "fp32", channels_last=True, threads=1)


@pytest.fixture
def found(photos, embedded):
    """A function that describes a network by a recipe's fields; the network starts as the embedded one."""
    dataset = open_data(photos)
    network = create_model("quick_regnet26", classes=2, weights="embedded", size=(32, 32)).eval()
    working, _ = working_pictures(dataset, network.preprocess)

    def describe(change=None, recipe=None):
        if change:
            change(network)
        unreadable = UnreadablePictures(40, print)
        return feature_space(
            network, network.preprocess, recipe or get_recipe("finetune"), dataset, working, PLACEMENT, unreadable
        ), dataset

    return describe


def test_a_network_that_was_not_tuned_has_one_map(found):
    space, dataset = found()
    assert space.before is None
    assert space.like_before is None
    assert all(look_up.before == [] for look_up in space.look_ups)
    unseen = {dataset.pictures.name(i) for split in ("val", "test") for i in dataset.splits[split].tolist()}
    assert {picture.name for picture in space.pictures} == unseen
    assert space.after.shape == (len(unseen), 2)


def test_a_tuned_one_has_two_and_neighbours_from_training(found):
    @torch.no_grad()
    def tune(network):
        for parameter in network.layer3.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)

    torch.manual_seed(0)
    space, dataset = found(tune)
    assert space.before is not None
    assert not np.array_equal(space.before, space.after)
    trained = {dataset.pictures.name(i) for i in dataset.splits["train"].tolist()}
    for look_up in space.look_ups:
        assert [len(look_up.before), len(look_up.after)] == [5, 5]
        assert {picture.name for picture in (*look_up.before, *look_up.after)} <= trained
        assert look_up.query.name not in trained
        assert look_up.query.pixels.shape == (32, 32, 3)


def test_a_run_from_drawn_weights_has_none(found):
    assert found(recipe=get_recipe("default"))[0] is None


def test_the_report_of_a_transfer_run_shows_it(photos, embedded, tmp_path):
    run = striate.train(photos, weights="embedded", run=tmp_path / "run", epochs=1, precision="fp32", autotune=False)
    page = (run.path / "report.html").read_text(encoding="utf-8")
    assert '<section id="space"' in page
    assert '<a href="#space">' in page
    told = re.search(r"<p>([\d,]+) pictures that were not trained on.*?same class for (\d+)", page, re.S)
    pictures, like = told.groups()
    assert (pictures, 0 <= int(like) <= 100) == ("12", True)  # 15 and 15 % of two classes of 20
    assert page.count('<svg class="space"') in (1, 2)
