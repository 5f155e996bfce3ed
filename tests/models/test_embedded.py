"""The packaged weights: loaded by name everywhere, refused when damaged, and what is said while they are not there."""

from __future__ import annotations

import shutil

import pytest
import torch
from PIL import Image

import striate
from striate.core.errors import StriateError
from striate.models import architecture_of, create_model, stored
from striate.models.stored import digest, read_stored


def test_weights_preprocessing_and_names_come_together(embedded):
    network = create_model("quick_regnet26", weights="embedded")
    kept = read_stored(embedded)
    assert {tensor.dtype for tensor in kept.tensors().values()} == {torch.float16, torch.int64}
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}
    assert all(torch.equal(tensor, kept.tensors()[name].to(tensor)) for name, tensor in network.state_dict().items())
    assert network.preprocess == kept.preprocess
    assert network.class_names[:2] == ("thing 0", "thing 1")
    assert architecture_of("embedded") == "quick_regnet26"


def test_another_number_of_classes_gets_a_fresh_head_and_no_names(embedded):
    torch.manual_seed(3)
    network = create_model("quick_regnet26", classes=5, weights="embedded")
    assert network.get_classifier().weight.shape == (5, 384)
    assert network.class_names == ()
    assert torch.equal(network.conv1.weight, read_stored(embedded).tensors()["conv1.weight"].float())


def test_a_damaged_file_is_refused_with_both_hashes(embedded):
    path = embedded / "model.safetensors"
    stated = digest(read_stored(embedded).tensors())
    content = bytearray(path.read_bytes())
    content[-1000] ^= 1
    path.write_bytes(content)
    with pytest.raises(StriateError, match=rf"{path} is damaged: .*\(it is [0-9a-f]{{64}}, stated is {stated}"):
        create_model("quick_regnet26", weights="embedded")
    with pytest.raises(StriateError, match="is damaged"):
        striate.load("embedded")


def test_weights_that_are_not_packaged_are_one_clear_error(monkeypatch, tmp_path):
    monkeypatch.setattr(stored, "EMBEDDED_FOLDER", tmp_path)
    for use in (lambda: create_model("quick_regnet26", weights="embedded"), lambda: striate.load("embedded")):
        with pytest.raises(StriateError, match=r"this installation has no embedded weights \(.* is missing\); install"):
            use()


def test_weights_of_another_network_are_refused_by_name(embedded):
    with pytest.raises(StriateError, match="are those of quick_regnet26, not of resnet18; name that network or other"):
        create_model("resnet18", weights="embedded")


def test_embedded_works_like_a_run_folder_and_so_does_its_path(embedded, tmp_path):
    Image.new("RGB", (90, 70), "teal").save(tmp_path / "a.jpg")
    answers = [
        striate.load(weights).predict(tmp_path / "a.jpg", top=2)
        for weights in ("embedded", embedded, embedded / "model.safetensors")
    ]
    assert answers[0] == answers[1] == answers[2]
    assert answers[0][0].label.startswith("thing ")


def test_a_bare_file_needs_the_name_of_its_network(embedded, tmp_path):
    file = shutil.copy(embedded / "model.safetensors", tmp_path / "weights.safetensors")
    with pytest.raises(StriateError, match=r"does not say of which network its weights are; name it by model=\.\.\.$"):
        striate.load(file)
    run = striate.load(file, model="quick_regnet26")
    assert run.classes[:2] == ("class 0", "class 1")
    with pytest.raises(StriateError, match="holds quick_regnet26, not resnet18; leave the model out"):
        striate.load("embedded", model="resnet18")


def test_a_name_that_is_nothing_is_told_what_there_is():
    with pytest.raises(StriateError, match="no weights at imagnet: no such file; weights are 'embedded', a run folder"):
        architecture_of("imagnet")
