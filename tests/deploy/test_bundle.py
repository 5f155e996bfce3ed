"""The two files of a network: there and back, and nothing damaged gets through."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch

from striate.core.errors import StriateError
from striate.deploy.bundle import load_bundle, save_config, save_weights
from striate.models import create_model

CLASSES = ("Käse", "日本", "a\tb")


@pytest.fixture
def bundle(tmp_path):
    torch.manual_seed(0)
    network = create_model("lenet5", classes=3).eval()
    save_weights(tmp_path / "run", network)
    save_config(tmp_path / "run", network, CLASSES, {"val_top1": 0.5})
    return tmp_path / "run", network


def test_there_and_back(bundle):
    folder, network = bundle
    loaded = load_bundle(folder)
    assert loaded.classes == CLASSES
    assert loaded.preprocess == network.preprocess
    assert loaded.metrics == {"val_top1": 0.5}
    assert not loaded.network.training
    images = torch.randn(2, 1, 32, 32)
    assert torch.equal(loaded.network(images), network(images))


def test_equal_weights_are_equal_files(bundle):
    folder, network = bundle
    before = (folder / "model.safetensors").read_bytes()
    save_weights(folder, network.to(memory_format=torch.channels_last))
    assert (folder / "model.safetensors").read_bytes() == before


def test_another_size_and_other_channels_come_back(tmp_path):
    network = create_model("resnet20", classes=3, in_channels=1, size=(40, 56))
    save_weights(tmp_path, network)
    save_config(tmp_path, network, CLASSES, {})
    loaded = load_bundle(tmp_path)
    assert loaded.preprocess.size == (40, 56)
    assert loaded.network.in_channels == 1


def test_no_flipped_bit_gets_through(bundle, tmp_path):
    """Wherever it is: the file is refused, or the weights are what they were (a bit of padding, of a name's case)."""
    folder, network = bundle
    content = (folder / "model.safetensors").read_bytes()
    header = 8 + int.from_bytes(content[:8], "little")
    random = np.random.default_rng(0)
    places = [*range(0, header, 11), *random.integers(header, len(content), 60).tolist()]
    kept = network.state_dict()
    refused = 0
    for place in places:
        damaged = bytearray(content)
        damaged[place] ^= 1 << int(random.integers(8))
        (folder / "model.safetensors").write_bytes(damaged)
        try:
            loaded = load_bundle(folder)
        except StriateError as error:
            assert str(folder / "model.safetensors") in str(error)
            refused += 1
        else:
            assert place < header
            assert all(torch.equal(tensor, kept[name]) for name, tensor in loaded.network.state_dict().items())
    assert refused > 0.95 * len(places)


@pytest.mark.parametrize("share", [0, 0.0001, 0.3, 0.99])
@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_a_cut_file_is_refused_by_name(bundle, name, share):
    folder, _ = bundle
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: int(share * len(content))])
    with pytest.raises(StriateError, match=rf"{name} is damaged"):
        load_bundle(folder)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_a_folder_in_place_of_a_file_is_refused(bundle, name):
    folder, _ = bundle
    (folder / name).unlink()
    (folder / name).mkdir()
    with pytest.raises(StriateError, match=name):
        load_bundle(folder)


def test_files_of_two_networks_do_not_mix(bundle, tmp_path):
    folder, _ = bundle
    other = create_model("mlp", classes=3)
    save_weights(tmp_path / "other", other)
    shutil.copy(tmp_path / "other" / "model.safetensors", folder)
    with pytest.raises(StriateError, match=r"the weights in .* are not those of lenet5: missing features\.c1\.weight "):
        load_bundle(folder)


def test_the_stored_size_must_fit_the_network(bundle):
    folder, _ = bundle
    config = json.loads((folder / "config.json").read_text())
    config["preprocess"] |= {"size": [4, 4], "resize": [4, 4]}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(StriateError, match=r"config\.json is damaged: lenet5: a 4x4 picture is too small"):
        load_bundle(folder)
