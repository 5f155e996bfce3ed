"""Distances of files, nearly equal pictures of folders and datasets, and weights fitted to choices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import striate
from albums import album_with_copies
from striate.frozen.channel_weights import fit_distance
from striate.frozen.distance import distance
from striate.frozen.linear import one_thread
from striate.frozen.near_duplicates import near_duplicates
from striate.ops.choices import agreement_of, fit_choices


@pytest.fixture(scope="module")
def album(tmp_path_factory):
    return album_with_copies(tmp_path_factory.mktemp("album"))


def test_equal_pictures_are_0_apart_and_others_are_as_far_both_ways(album):
    one, other = album / "left" / "0.png", album / "left" / "1.png"
    assert distance(one, one).value == 0
    there, back = distance(one, other), distance(other, one)
    assert there.by_layer == back.by_layer
    assert float(there) == sum(there.by_layer.values()) > 0.5
    assert list(there.by_layer) == ["layer1", "layer2", "layer3", "layer4"]
    assert list(striate.distance(one, other, layers=["layer2.0"]).by_layer) == ["layer2.0"]


def test_a_folder_names_its_copies_and_nothing_else(album):
    found = near_duplicates(album)
    groups = {tuple(sorted("/".join(Path(name).parts[-2:]) for name in group)) for group in found.groups}
    assert groups == {("left/2.png", "left/copy.jpg"), ("left/small.png", "right/3.png")}
    assert all(0 < pair.distance <= found.threshold for pair in found.pairs)


def test_a_network_whose_input_is_no_picture_is_one_sentence(album):
    from torch import nn

    with pytest.raises(striate.StriateError, match=r"forward raises RuntimeError .*on pictures"):
        distance(album / "left" / "0.png", album / "left" / "1.png", nn.Sequential(nn.Linear(12, 3)))


def test_a_grey_network_sees_colour_pictures_grey(album):
    found = distance(album / "left" / "0.png", album / "left" / "1.png", "lenet5")
    assert found.drawn
    assert found.value > 0


def choices_of(album: Path, rows: int = 24) -> Path:
    """A table of choices, of people who agree in some."""
    lines = ["reference,a,b,share"]
    random = np.random.default_rng(0)
    for number in range(rows):
        reference, a, b = random.choice(6, 3, replace=False)
        lines.append(f"left/{reference}.png,left/{a}.png,left/{b}.png,{number % 5 / 4}")
    table = album / "choices.csv"
    table.write_text("\n".join(lines))
    return table


def test_weights_are_fitted_written_and_taken(album, tmp_path):
    table, output = choices_of(album), tmp_path / "channels.safetensors"
    found = fit_distance(table, output, layers=["layer1", "layer4"])
    assert str(found).startswith(f"{output}: weights of 432 channels from 24 choices; on choices that they did not see")
    one, other = album / "left" / "0.png", album / "left" / "1.png"
    found = distance(one, other, weights=output)
    assert list(found.by_layer) == ["layer1", "layer4"]
    assert found.by_layer != distance(one, other, layers=["layer1", "layer4"]).by_layer
    assert distance(one, one, weights=output).value == 0
    with pytest.raises(striate.StriateError, match="was fitted to quick_regnet26, not to resnet20; fit it again"):
        distance(one, other, "resnet20", weights=output)
    with pytest.raises(striate.StriateError, match="says itself which layers it is of; leave them out"):
        distance(one, other, weights=output, layers=["layer1"])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("path,label\na,b\n", "has the columns path, label; expected is reference,a,b,share"),
        ("reference,a,b,share\nx.png,y.png,z.png,1.5\n", r"line 2 is x.png, y.png, z.png, 1.5; expected is"),
        ("reference,a,b,share\nx.png,y.png,z.png\n", r"line 2 is x.png, y.png, z.png, ; expected is"),
        ("reference,a,b,share\n", "has 0 choices; weights are fitted to at least 20"),
    ],
)
def test_a_table_that_holds_no_choices_is_one_sentence(text, sentence, tmp_path):
    (tmp_path / "choices.csv").write_text(text)
    with pytest.raises(striate.StriateError, match=sentence):
        fit_distance(tmp_path / "choices.csv", tmp_path / "w.safetensors")


def test_fitted_weights_find_the_channels_that_people_see():
    random = np.random.default_rng(0)
    gains = random.normal(size=(600, 8))
    seen = np.array([4.0, 0, 0, 2.0, 0, 0, 0, 0])
    shares = 1 / (1 + np.exp(-2 * gains @ seen))
    with one_thread():
        found = fit_choices(gains, shares, np.arange(600) // 3)
    assert found.weights.min() >= 0
    assert found.weights.mean() == pytest.approx(1)
    np.testing.assert_allclose(found.weights / found.weights.max(), seen / 4, atol=0.05)
    assert found.agreement > agreement_of(gains.sum(1), shares) + 0.05


def test_choices_that_tell_nothing_leave_the_weights_alone():
    random = np.random.default_rng(1)
    found = fit_choices(random.normal(size=(200, 6)), np.full(200, 0.5), np.arange(200))
    np.testing.assert_allclose(found.weights, 1, atol=1e-3)
    assert found.agreement == pytest.approx(0.5)
