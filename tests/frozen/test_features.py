"""`striate.features`: of pictures, and of opened data with its labels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import striate
from striate.core.errors import StriateError
from striate.frozen.of_dataset import extract_features


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """LeNet-5 after one epoch of digits, only to look at."""
    folder = tmp_path_factory.mktemp("run") / "run"
    return striate.train("digits", "lenet5", run=folder, epochs=1, autotune=False, precision="fp32", threads=1)


def test_of_pictures_there_are_names_and_vectors(photos, embedded):
    files = [photos / "level" / "01.png", np.zeros((30, 40, 3), np.uint8)]
    found = striate.features("embedded", files, layers=["layer2", "last"])
    assert found.names == (str(files[0]), "picture 1")
    assert {layer: rows.shape for layer, rows in found.by_layer.items()} == {"layer2": (2, 96), "last": (2, 384)}
    assert found.features.dtype == np.float32 and found.features.shape == (2, 480)
    assert np.array_equal(found.features[:, :96], found.by_layer["layer2"])
    assert (found.labels, found.classes, found.splits) == (None, (), {})
    text = repr(found)
    assert text.startswith("Features\n") and "384 numbers" in text
    assert len(striate.features("embedded", photos).names) == 40  # a folder is its pictures


def test_of_data_labels_and_splits_come_too(run):
    found = striate.features(run, "digits")
    assert found.features.shape == (1797, 84) and found.labels.shape == (1797,)
    assert found.classes == tuple("0123456789") and found.names[17] == "digits[17]"
    assert {split: len(rows) for split, rows in found.splits.items()} == striate.open_data("digits").splits
    assert sorted(np.concatenate(list(found.splits.values()))) == list(range(1797))
    same = extract_features("digits", run.path)
    assert np.array_equal(found.labels, same.labels)
    np.testing.assert_allclose(found.features, same.features, rtol=1e-5, atol=1e-5)
    # The classes lie apart already: the nearest mean of the training rows knows most of the test rows.
    train, test = found.splits["train"], found.splits["test"]
    means = np.stack([found.features[train][found.labels[train] == label].mean(0) for label in range(10)])
    nearest = ((found.features[test][:, None] - means) ** 2).sum(2).argmin(1)
    assert (nearest == found.labels[test]).mean() > 0.8


def test_opened_data_is_seen_through_the_run_s_own_preprocessing(run, photos):
    (photos / "level" / "07.png").write_bytes(b"no picture")
    data = striate.open_data(photos, 64)
    found = striate.features(run, data)
    assert len(found.names) == 39
    assert [name for name, _ in found.problems] == [str(photos / "level" / "07.png")]
    assert [found.classes[label] for label in found.labels] == [name.split("/")[-2] for name in found.names]
    alone = striate.features(run, list(found.names))
    np.testing.assert_allclose(alone.features, found.features, rtol=1e-5, atol=1e-5)
    assert set(found.splits) == {"train", "val", "test"}


def test_of_a_network_of_one_s_own_as_it_is(photos):
    network = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 2))
    files = sorted((photos / "level").iterdir())[:3]
    found = striate.features(network, files)
    images = striate.load("own", model=network).preprocess.batch(files)
    with torch.inference_mode():
        np.testing.assert_allclose(found.features, network[:-1](images).numpy(), rtol=1e-4, atol=1e-5)
    with pytest.raises(StriateError, match="run must be a Run, a path or a Module, got <class"):
        striate.features(nn.ReLU, files)


def test_what_cannot_be_looked_at_is_one_sentence(run, tmp_path):
    with pytest.raises(StriateError, match=r"layer of LeNet-5|features.c1"):
        striate.features(run, "digits", layers="features.c2")
    with pytest.raises(StriateError, match=r"precision"):
        striate.features(run, "digits", precision="fp64")
    with pytest.raises(StriateError, match="holds no pictures"):
        striate.features(run, tmp_path)
    with pytest.raises(StriateError, match="must be a path, a Pillow picture or an array"):
        striate.features(run, 3)
