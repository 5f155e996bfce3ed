"""Several runs in one file: its numbers are the logarithms of the mean, by hand and as `predict` has it."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

import striate
from striate.answers.calibration import Calibration
from striate.core.errors import StriateError
from striate.data.sources import open_data
from striate.deploy.export.asked import Asked, export_together
from striate.deploy.export.together import together
from striate.models import create_model


@pytest.fixture(scope="module")
def turned(digits_run, tmp_path_factory):
    """A run of weights a little apart, its classes the other way round."""
    folder = tmp_path_factory.mktemp("export") / "turned"
    layer = create_model("lenet5").classifier_name
    shutil.copytree(digits_run, folder)
    tensors = {name: each * 1.3 for name, each in load_file(folder / "model.safetensors").items()}
    tensors |= {name: each.flip(0) for name, each in tensors.items() if name.startswith(f"{layer}.")}
    save_file(tensors, folder / "model.safetensors")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "label_names": config["label_names"][::-1]}))
    return folder


@torch.no_grad()
def test_its_logits_are_the_logarithms_of_the_mean(digits_run, turned):
    one, other = striate.load(digits_run), striate.load(turned)
    other.follow(Calibration(temperature=2.0))
    images = torch.randn(3, 1, 32, 32)
    mean = (one.network(images).softmax(1) + (other.network(images).flip(1) / 2).softmax(1)) / 2
    bundle = together([one, other])
    torch.testing.assert_close(bundle.network(images), mean.log())
    torch.testing.assert_close(bundle.network(images).softmax(1), mean)
    assert bundle.classes == one.classes


def test_a_file_predicts_what_the_runs_together_do(digits_run, turned, tmp_path):
    found = export_together([str(digits_run), str(turned)], Asked(tmp_path / "both.pt2"))
    assert found.record.proof.pictures > 100 and found.record.architecture == "the mean of lenet5, lenet5"
    Image.fromarray(open_data("digits").pictures.decode(7, 1)[:, :, 0]).save(tmp_path / "a.png")
    (told,) = striate.load(found.path).predict(tmp_path / "a.png", top=10)
    (expected,) = striate.predict_together([digits_run, turned], tmp_path / "a.png", top=10)
    assert dict(told.top) == pytest.approx(dict(expected.top), abs=1e-5)


def test_mistakes(digits_run, turned, tmp_path):
    with pytest.raises(StriateError, match="1 run cannot be averaged; give two or more"):
        export_together([str(digits_run)], Asked(tmp_path / "a.pt2"))
    with pytest.raises(StriateError, match=r"classes=... is settled by the weights of .*run, .*turned; leave it out"):
        export_together([str(digits_run), str(turned)], Asked(tmp_path / "a.pt2"), classes=3)
    other = tmp_path / "other"
    shutil.copytree(digits_run, other)
    config = json.loads((other / "config.json").read_text())
    config["preprocess"]["mean"] = [0.1]
    (other / "config.json").write_text(json.dumps(config))
    with pytest.raises(
        StriateError, match=r"see pictures in other ways \(size, cut, colours\), but a file has one input"
    ):
        export_together([str(digits_run), str(other)], Asked(tmp_path / "a.pt2"))
    assert not (tmp_path / "a.pt2").exists()
