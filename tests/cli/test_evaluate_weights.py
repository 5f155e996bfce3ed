"""`evaluate` of weights that are no run: the packaged network, and a file of weights."""

from __future__ import annotations

import json
import shutil

import numpy as np
from PIL import Image
from safetensors.torch import load_file, save_file

from striate.models import create_model


def pictures(folder, classes):
    for number, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for place in range(4):
            noise = np.random.default_rng([number, place]).integers(0, 256, (64, 64, 3), dtype=np.uint8)
            Image.fromarray(noise).save(folder / name / f"{place}.png")
    return folder


def test_the_packaged_network_is_evaluated(striate, embedded, tmp_path):
    data = pictures(tmp_path / "data", ["thing 3", "thing 7"])
    fields = json.loads(striate("evaluate", "embedded", data, "--split", "all", "--json").out)
    assert fields["pictures"] == 8 and len(fields["per_class"]) == 200


def test_a_file_of_weights_is_evaluated_by_the_order_of_the_classes(striate, digits_run, tmp_path):
    shutil.copy(digits_run / "model.safetensors", tmp_path / "w.safetensors")
    fields = json.loads(striate("evaluate", tmp_path / "w.safetensors", "digits", "--model", "lenet5", "--json").out)
    whole = json.loads(striate("evaluate", digits_run, "digits", "--json").out)
    assert fields["top1"] > 0.9 and fields["pictures"] == whole["pictures"]
    answer = striate("evaluate", tmp_path / "w.safetensors", "digits")
    assert "does not say of which network its weights are; name it by --model" in answer.mistake()


def test_classes_without_names_must_be_as_many(striate, digits_run, tmp_path):
    shutil.copy(digits_run / "model.safetensors", tmp_path / "w.safetensors")
    data = pictures(tmp_path / "data", ["ant", "bee"])
    answer = striate("evaluate", tmp_path / "w.safetensors", data, "--model", "lenet5", "--split", "all")
    assert f"has 10 classes without names, {data} has 2, so nothing says which is which" in answer.mistake()


def test_a_network_without_its_last_layer_is_refused_as_that(striate, digits_run, tmp_path):
    tensors = load_file(digits_run / "model.safetensors")
    head = create_model("lenet5").classifier_name
    save_file({name: value for name, value in tensors.items() if not name.startswith(f"{head}.")}, tmp_path / "b.st")
    for words in (("evaluate", tmp_path / "b.st", "digits"), ("predict", tmp_path / "b.st", tmp_path)):
        answer = striate(*words, "--model", "lenet5")
        assert (
            f"b.st holds lenet5 without its last layer ({head}), so it names no class: it cannot be evaluated or "
            "predicted with, only trained from (--weights)"
        ) in answer.mistake()
