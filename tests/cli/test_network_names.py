"""`summary`, `compare` and `models` take networks by what people have: a name, a run, a weight file."""

from __future__ import annotations

import json

import pytest
import torch

from striate.models import NAMED, ZOO, create_model

LENET5 = 61_706  # parameters for ten classes


@pytest.fixture(params=["run", "file"])
def named(request, digits_run):
    """Words that name the network of a run."""
    return (digits_run,) if request.param == "run" else (digits_run / "model.safetensors",)


def test_summary(striate, named, digits_run):
    told = json.loads(striate("summary", *named, "--json").out)
    assert (told["params"], told["input_shape"]) == (LENET5, [1, 1, 32, 32])
    field = striate("summary", *named, "--effective-field", "features.c3").out
    assert f"with the weights of {named[0]}: as many pixels" in field


def test_a_weight_file_with_its_model(striate, tmp_path):
    torch.save(create_model("resnet20", 7).state_dict(), tmp_path / "w.pth")
    told = json.loads(striate("summary", tmp_path / "w.pth", "--model", "resnet20", "--size", "64", "--json").out)
    assert told["rows"][-1]["out_shape"] == [1, 7]
    assert told["input_shape"] == [1, 3, 64, 64]
    line = striate("summary", tmp_path / "w.pth").mistake()
    assert line.endswith("does not say of which network its weights are; name it by --model")
    answer = json.loads(striate("models", tmp_path / "w.pth", "--model", "resnet20", "--json").out)
    assert [(row["name"], row["year"], row["top5_pct"]) for row in answer] == [(str(tmp_path / "w.pth"), 2015, None)]


def test_compare_and_models(striate, digits_run, embedded, tmp_path):
    words = (digits_run, "lenet5", "embedded", "--out", tmp_path, "--json")
    told = json.loads(striate("compare", *words).out)["networks"]
    assert [row["name"] for row in told] == [str(digits_run), "lenet5", "embedded"]
    assert told[0]["params"] == told[1]["params"] == LENET5
    assert told[0]["macs"] == told[1]["macs"]
    assert json.loads(striate("models", digits_run, "--json").out)[0]["params"] == LENET5
    assert striate("models", "embedded").out.splitlines()[2].split()[0] == "embedded"


def test_a_folder_hides_no_network_of_the_zoo(striate, tmp_path, monkeypatch):
    (tmp_path / "lenet5").mkdir()
    monkeypatch.chdir(tmp_path)
    assert json.loads(striate("summary", "lenet5", "--json").out)["params"] == LENET5
    names = [row["name"] for row in json.loads(striate("models", "lenet5", "--json").out)]
    assert names[0] == "lenet5"


@pytest.mark.parametrize(
    "words, line",
    [
        (("summary", "qq"), f"unknown model 'qq'; the nearest of {len(NAMED) + 1} are "),
        (("summary", "embeded"), "unknown model 'embeded'; did you mean 'embedded'?"),
        (("models", "embeded"), "unknown model 'embeded'; did you mean 'embedded'?"),
        (("stability", "embeded", "digits"), "unknown model 'embeded'; did you mean 'embedded'?"),
        (("distance", "a.png", "b.png", "--model", "embeded"), "unknown model 'embeded'; did you mean 'embedded'?"),
        (("models", "qq"), f"unknown model 'qq'; the nearest of {len(ZOO) + 1} are "),
        (("compare", "lenet5", "resnet19"), "unknown model 'resnet19'; did you mean 'resnet"),
        (("summary", "runs/nothing"), "runs/nothing: no such run folder; `striate runs` lists those there are"),
        (("summary", "lenet5", "--model", "vgg16"), "lenet5 is a network of the zoo; a model is named for weights"),
        (("summary", "embedded", "--classes", "3"), "--classes is settled by the weights of embedded; leave it out"),
    ],
)
def test_mistakes(striate, embedded, words, line):
    assert striate(*words).mistake().startswith(f"striate: {line}")
