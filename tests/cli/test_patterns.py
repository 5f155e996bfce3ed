"""`--model "[(conv8-relu)*2-pool]*2-fc32-relu"`: every command that takes a network takes a pattern."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path

import pytest
import torch

import striate as package
from striate.deploy.bundle import load_bundle
from striate.models import architecture_of, create_model

PATTERN = "[conv4->bn->relu->pool?]*2 -> gap -> softmax"
CANONICAL = "(conv4-bn-relu-pool)*2-gap-softmax"
LENET5 = 61_706  # parameters for ten classes
PARAMETERS = 3 * 9 * 4 + 4 + 4 * 9 * 4 + 4 + 2 * 8 + 5 * 10


RECIPE = {"model": PATTERN, "epochs": 2, "batch_size": 256}


@pytest.fixture(scope="module")
def trained(digits_run, tmp_path_factory) -> Path:
    """A run of the pattern, in the folder that it chose. Only to look at."""
    folder = tmp_path_factory.mktemp("patterns")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("STRIATE_CACHE", str(digits_run.parent / "cache"))
        package.train("digits", **RECIPE, autotune=False)
    return folder / "runs" / "digits-conv4-bn-relu-pool-2-gap-softmax"


def test_summary_compare_models_and_gradients(striate, tmp_path):
    told = json.loads(striate("summary", PATTERN, "--size", "32x40", "--classes", "10", "--json").out)
    assert (told["params"], told["input_shape"]) == (PARAMETERS, [1, 3, 32, 40])
    assert striate("summary", PATTERN, "--in-channels", "1").out.startswith(f"{CANONICAL}, one picture of 1x224x224\n")
    assert "drawn weights" in striate("summary", PATTERN, "--size", "16", "--effective-field", "features.3").out
    rows = json.loads(striate("compare", PATTERN, "lenet5", "--out", tmp_path, "--json").out)["networks"]
    assert [row["name"] for row in rows] == [PATTERN, "lenet5"]
    assert [row["params"] for row in rows] == [PARAMETERS + 5 * 990, LENET5]
    assert json.loads(striate("models", PATTERN, "--json").out)[0]["params"] == PARAMETERS + 5 * 990
    checked = striate("check-gradients", "conv2-relu-pool-fc3-tanh", "--entries", "1")
    assert checked.out.splitlines()[-1].startswith("conv2-relu-pool-fc3-tanh-softmax: gradients are right, 7 compared")


def test_from_training_to_use(striate, trained, scans):
    bundle = load_bundle(trained)
    assert bundle.network.architecture == CANONICAL
    assert sum(parameter.numel() for parameter in bundle.network.parameters()) == PARAMETERS
    assert json.loads(striate("summary", trained, "--json").out)["params"] == PARAMETERS
    assert len(json.loads(striate("predict", trained, scans, "--json").out)) == 3
    assert "359 pictures" in striate("evaluate", trained, "digits").out
    assert json.loads(striate("runs", trained.parent, "--json").out)[0]["model"] == PATTERN
    line = striate("predict", trained, scans, "--model", "conv4-gap").mistake()
    assert line.endswith(f"holds {CANONICAL}, not conv4-gap; leave the model out")


def test_the_card_says_what_it_is_and_repeats_it(trained):
    card = (trained / "README.md").read_text(encoding="utf-8")
    assert r"(conv4-bn-relu-pool)\*2-gap-softmax for 10 classes" in card
    command = shlex.split(next(line for line in card.splitlines() if line.startswith("striate train")))
    assert command[command.index("--model") + 1] == PATTERN


def test_killed_and_resumed_to_equal_bytes(striate, trained, warm_cache, death_in_place_of, tmp_path):
    words = ("train", "digits", "--model", PATTERN, "--epochs", "2", "--set", "batch_size=256", "--no-autotune")
    with death_in_place_of("save", 1):
        striate(*words, "--run", tmp_path / "killed")
    assert striate("train", "--run", tmp_path / "killed", "--resume").status == 0
    whole, killed = ((run / "model.safetensors").read_bytes() for run in (trained, tmp_path / "killed"))
    assert whole == killed


def test_training_goes_on_from_a_run_of_a_pattern(trained):
    assert architecture_of(trained) == CANONICAL
    network = create_model(PATTERN, classes=3, weights=trained)
    assert torch.equal(network.features[0].weight, load_bundle(trained).network.features[0].weight)
    assert network.classes == 3


@pytest.mark.parametrize(
    "given, line",
    [
        (("summary", "[(conv64-relu)*2-pol]*3"), "column 18 of the pattern: 'pol' is no layer; did you mean pool?"),
        (("train", "digits", "--model", "conv8-(relu"), "column 7 of the pattern: '(' is never closed"),
        (("summary", "resnet-18"), "unknown model 'resnet-18'; did you mean 'resnet18'"),
        (("summary", "cnv64"), "unknown model 'cnv64'; the nearest of"),
        (("summary", "conv8-gap", "--model", "vgg16"), "conv8-gap is the pattern of a network; a model is named for"),
    ],
)  # fmt: skip
def test_mistakes(striate, given, line):
    assert striate(*given).mistake().startswith(f"striate: {line}")


@pytest.mark.parametrize(
    "pattern, said",
    [
        ("(" * 1_000 + "conv4", "column 17 of the pattern: brackets may stand 16 deep at most"),
        ("conv4-gap" * 9_999, "column 2001 of the pattern: a pattern has at most 2,000 characters, got 89,991"),
        ("(conv65536*500)-gap", "column 2 of the pattern: with pictures of 32x32 conv65536 has "),
    ],
)
def test_a_stranger_s_file_builds_nothing_endless(striate, trained, tmp_path, pattern, said):
    run = shutil.copytree(trained, tmp_path / "run")
    fields = json.loads((run / "config.json").read_text(encoding="utf-8"))
    (run / "config.json").write_text(json.dumps({**fields, "architecture": pattern}), encoding="utf-8")
    assert f"config.json is damaged: {said}" in striate("evaluate", run, "digits").mistake()
