"""Against the real timm: its weight files load into the networks of the same name, and outputs are equal to 1e-5."""

from __future__ import annotations

import json
import logging

import pytest
import torch
from safetensors.torch import save_file

from of_others import drawn, timm_module
from striate.core.errors import StriateError
from striate.models import create_model
from striate.models.weights import load_weights


def theirs(name, **more):
    """One of their networks, its weights drawn at once, as their own ways of drawing take half a minute."""
    with torch.device("meta"):
        network = timm_module().create_model(name, **more).eval()
    torch.manual_seed(0)
    network.load_state_dict(drawn(network.state_dict()), assign=True)
    return network


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "densenet121", pytest.param("vgg16", marks=pytest.mark.slow)])
def test_a_file_of_theirs_gives_their_answers(tmp_path, name, caplog):
    network = theirs(name, num_classes=7)
    path = tmp_path / "timm.safetensors"
    if name == "resnet50":
        torch.save({"state_dict": {f"module.{key}": tensor for key, tensor in network.state_dict().items()}}, path)
    else:
        save_file(network.state_dict(), path)
    with caplog.at_level(logging.WARNING, "striate"):
        ours = create_model(name, weights=path).eval()
    assert ("pre_logits.fc1 is classifier.0" in caplog.text) == name.startswith("vgg")
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        expected = network(images)
        assert expected.shape == (2, 7) and expected.std() > 1e-4
        most = float(expected.abs().max())
        torch.testing.assert_close(ours(images) / most, expected / most, rtol=1e-5, atol=1e-5)


def test_a_folder_of_theirs_is_told_from_a_run(tmp_path):
    network = theirs("resnet18", num_classes=7)
    save_file(network.state_dict(), tmp_path / "model.safetensors")
    record = {"architecture": "resnet18", "num_classes": 7, "pretrained_cfg": {"input_size": [3, 64, 64]}}
    (tmp_path / "config.json").write_text(json.dumps(record))
    with pytest.raises(StriateError, match=r"config.json is timm's, of resnet18; name the file beside it"):
        create_model("resnet18", weights=tmp_path)
    assert create_model("resnet18", weights=tmp_path / "model.safetensors").classes == 7


def test_another_structure_is_one_sentence(tmp_path):
    save_file(theirs("resnet18d").state_dict(), tmp_path / "timm.safetensors")
    with pytest.raises(StriateError, match=r"timm.safetensors are not those of resnet18: missing ") as caught:
        load_weights(create_model("resnet18"), tmp_path / "timm.safetensors")
    assert "\n" not in str(caught.value)
