"""Weights averaged: by hand, what a greedy soup takes, statistics of batch norms, a folder like a run's, mistakes."""

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
from striate.core.settings import settings_of
from striate.data.picture import normalise
from striate.deploy.bundle import save_config, save_weights
from striate.deploy.soup import soup
from striate.deploy.statistics import estimate_anew, norms_of
from striate.models import create_model
from striate.runtime.runtime import Runtime


def varied(run, folder, amount, seed=0):
    """A copy of a run whose weights are moved at random."""
    shutil.copytree(run, folder)
    generator = torch.Generator().manual_seed(seed)
    tensors = load_file(folder / "model.safetensors")
    moved = {name: each + amount * torch.randn(each.shape, generator=generator) for name, each in tensors.items()}
    save_file(moved, folder / "model.safetensors")
    return folder


def changed(folder, file, **fields):
    record = json.loads((folder / file).read_text())
    (folder / file).write_text(json.dumps({**record, **fields}))


def test_the_mean_is_written_as_a_run_is(digits_run, tmp_path):
    near = varied(digits_run, tmp_path / "near", 1e-3)
    found = soup([digits_run, near], tmp_path / "soup", greedy=False)
    weights = [load_file(folder / "model.safetensors") for folder in (digits_run, near, tmp_path / "soup")]
    for name, value in weights[2].items():
        torch.testing.assert_close(value, (weights[0][name] + weights[1][name]) / 2)
    again = striate.load(tmp_path / "soup").evaluate("digits")
    assert torch.equal(again.predicted, found.result.predicted) and again.trained_on == 0
    assert (found.split, found.result.total, [each.taken for each in found.ingredients]) == ("test", 359, [True, True])
    recipe = json.loads((tmp_path / "soup" / "recipe.json").read_text())
    assert {each["run"] for each in recipe["soup"]} == {str(digits_run), str(near)}
    assert settings_of(recipe) != settings_of(striate.load(digits_run).recipe)
    assert "2 of 2 runs averaged" in repr(found) and found.to_dict()["soup"]["pictures"] == 359


def test_what_makes_it_worse_is_left_out(digits_run, tmp_path):
    bad = varied(digits_run, tmp_path / "bad", 1.0)
    found = soup([bad, digits_run], tmp_path / "soup")
    assert [(each.run.path, each.taken) for each in found.ingredients] == [(digits_run, True), (bad, False)]
    assert found.gain.difference == 0
    kept = load_file(tmp_path / "soup" / "model.safetensors")
    assert all(torch.equal(kept[name], each) for name, each in load_file(digits_run / "model.safetensors").items())


def test_a_calibrated_run_is_measured_as_its_network_answers(digits_run, tmp_path):
    plain = soup([digits_run, varied(digits_run, tmp_path / "near", 1e-3)], tmp_path / "plain")
    run, near = striate.load(digits_run), striate.load(tmp_path / "near")
    for each in (run, near):
        each.follow(Calibration(temperature=5.0, none_below=0.9))
    found = soup([run, near], tmp_path / "soup")
    assert found.best.to_dict() == plain.best.to_dict() and found.result.to_dict() == plain.result.to_dict()
    assert [each.taken for each in found.ingredients] == [each.taken for each in plain.ingredients]
    alone = soup([run, varied(digits_run, tmp_path / "bad", 1.0)], tmp_path / "alone")
    assert [each.taken for each in alone.ingredients] == [True, False] and alone.run.calibration is None
    assert run.calibration.temperature == 5


@pytest.fixture
def norm_runs(digits_run, tmp_path):
    """Two runs of a network with a batch norm, whose statistics differ."""
    folders = []
    for seed in range(2):
        torch.manual_seed(seed)
        network = create_model("conv4-bn-relu-gap", 10, 1, (16, 16))
        folder = tmp_path / f"run{seed}"
        shutil.copytree(digits_run, folder)
        norms_of(network)[0].running_mean += seed
        save_weights(folder, network)
        save_config(folder, network, striate.load(digits_run).classes, {})
        folders.append(folder)
    return folders


def test_statistics_are_those_of_the_training_pictures(norm_runs, tmp_path):
    found = soup(norm_runs, tmp_path / "soup", greedy=False).run
    norm = norms_of(found.network)[0]
    assert not norm.training and norm.momentum == 0.1 and norm.running_mean.abs().max() > 0
    assert norm.num_batches_tracked == 1024 // 32


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        (("val", "test"), "heldout has no training pictures, and on these the statistics of batch norms are estimated"),
        (("test",), "heldout has no split 'val'; it has test and all"),
    ],
)
def test_held_out_pictures_do_where_they_have_what_is_needed(digits_run, norm_runs, tmp_path, parts, said):
    for part in parts:
        for name in striate.load(digits_run).classes:
            (tmp_path / "heldout" / part / name).mkdir(parents=True)
            Image.new("L", (8, 8), 99).save(tmp_path / "heldout" / part / name / f"{part}.png")
    with pytest.raises(StriateError, match=said):
        soup(norm_runs, tmp_path / "soup", str(tmp_path / "heldout"), greedy=False)
    if "val" in parts:
        without = [digits_run, varied(digits_run, tmp_path / "near", 1e-3)]
        assert soup(without, tmp_path / "soup", str(tmp_path / "heldout")).result.total == 10


def test_statistics_by_hand():
    network = torch.nn.Sequential(torch.nn.BatchNorm2d(1)).eval()
    pictures = torch.randint(0, 256, (70, 1, 4, 4), dtype=torch.uint8)
    grey = create_model("lenet5").preprocess.at((4, 4))
    estimate_anew(network, pictures, grey, Runtime("cpu", "fp32", channels_last=False, threads=1))
    batches = [normalise(some, grey) for some in (pictures[:32], pictures[32:64])]
    torch.testing.assert_close(network[0].running_mean, torch.stack([each.mean() for each in batches]).mean()[None])
    torch.testing.assert_close(network[0].running_var, torch.stack([each.var() for each in batches]).mean()[None])


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("a beginning", lambda folder: changed(folder, "recipe.json", seed=9)),
        ("classes", lambda folder: changed(folder, "config.json", label_names=[f"n{n}" for n in range(10)])),
        ("pictures or splits", lambda folder: (folder / "data.tsv").write_bytes(b"")),
    ],
)
def test_runs_that_differ_in_more_are_refused(digits_run, tmp_path, what, change):
    other = varied(digits_run, tmp_path / "other", 0)
    change(other)
    with pytest.raises(
        StriateError, match=f"other have {what} of their own, so the mean of their weights means nothing"
    ):
        soup([digits_run, other], tmp_path / "soup")


def test_mistakes(digits_run, tmp_path):
    with pytest.raises(StriateError, match="the weights of one run are their mean already; give two runs or more"):
        soup([digits_run], tmp_path / "soup")
    with pytest.raises(StriateError, match="is there already; name another output="):
        soup([digits_run, digits_run], tmp_path)
    with pytest.raises(StriateError, match="embedded is no run folder, so nothing says which weights it began with"):
        soup([digits_run, "embedded"], tmp_path / "soup")
