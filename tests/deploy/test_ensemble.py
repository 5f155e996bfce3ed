"""Runs averaged: against averages by hand, what is chosen, mistakes."""

from __future__ import annotations

import json
import shutil
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

import striate
from striate.cli import main
from striate.core.errors import StriateError
from striate.data.sources import open_data
from striate.deploy.comparing import compare_runs
from striate.deploy.ensemble import evaluate_together, greedy
from striate.deploy.given import given_pictures
from striate.deploy.together import Together
from striate.models import create_model
from striate.ops.threads import torch_threads


@pytest.fixture(scope="module")
def runs(digits_run, tmp_path_factory):
    other = tmp_path_factory.mktemp("together") / "other"
    striate.train("digits", recipe="digits_lenet5", run=other, epochs=1, seed=1, quiet=True, threads=1, autotune=False)
    return digits_run, other


def test_probabilities_are_averaged(runs):
    found = evaluate_together(runs, "digits")
    opened, data = [striate.load(run) for run in runs], striate.open_data("digits", model="lenet5")
    told = [
        torch.cat([run.network(images).softmax(1) for images, _ in data.loader("test", batch_size=64)]).detach()
        for run in opened
    ]
    labels = torch.cat([labels for _, labels in data.loader("test", batch_size=64)])
    right = (sum(told) / 2).argmax(1) == labels
    assert torch.equal(found.together.right, right)
    alone = torch.stack([(each.argmax(1) == labels).double() for each in told]).mean(0)
    assert found.gain == pytest.approx(float((right.double() - alone).mean()))
    assert found.gain_interval[0] <= found.gain <= found.gain_interval[1]
    assert sum(each.places for each in found.members) >= 1 and found.chosen is not None


def test_what_helps_is_taken_as_often_as_it_helps():
    labels = torch.tensor([0, 1])
    good, better, bad = (torch.tensor([[p, 1 - p], [1 - q, q]]) for p, q in ((0.9, 0.6), (0.6, 0.9), (0.2, 0.1)))
    assert greedy(torch.stack([good, better, bad]), labels).tolist() == [1, 1, 0]


def test_validation_pictures_choose_nothing_of_themselves(runs):
    found = evaluate_together(runs, "digits", "val")
    assert found.chosen is None and found.to_dict()["chosen"] is None and len(found.sentences()) == 1


def test_other_pictures_are_all_asked_about_but_those_that_cannot_be_read(runs, tmp_path):
    digits = open_data("digits")
    for number in range(60):
        folder = tmp_path / digits.classes[digits.labels[number]]
        folder.mkdir(exist_ok=True)
        Image.fromarray(digits.pictures.decode(number, 1)[:, :, 0]).save(folder / f"scan{number}.png")
    (folder / "broken.png").write_bytes(b"no picture")
    found = evaluate_together(runs, str(tmp_path), "all")
    assert (found.together.total, [error.name.endswith("broken.png") for error in found.unreadable]) == (60, [True])
    compared = compare_runs(runs, str(tmp_path), "all")
    assert (len(compared.pictures), compared.left_out, len(compared.unreadable)) == (60, 0, 1)


def test_mistakes(runs, tmp_path):
    with pytest.raises(StriateError, match="1 run cannot be averaged; give two or more"):
        evaluate_together(runs[:1], "digits")
    with pytest.raises(StriateError, match="were trained on other classes"):
        evaluate_together([runs[0], "embedded"], "digits")


def test_the_command(runs, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["striate", "evaluate", *map(str, runs), "digits", "--json"])
    with pytest.raises(SystemExit) as ended:
        main()
    told = json.loads(capsys.readouterr().out)
    assert not ended.value.code and [each["run"] for each in told["runs"]] == list(map(str, runs))
    assert 0 < told["together"]["top1"] <= 1


@pytest.fixture
def scans(tmp_path):
    """Three pictures of digits."""
    folder, digits = tmp_path / "scans", open_data("digits")
    folder.mkdir()
    for number in range(3):
        Image.fromarray(digits.pictures.decode(number, 1)[:, :, 0]).save(folder / f"{number}.png")
    return folder


@pytest.mark.parametrize("views", ["centre", "10"])
def test_predictions_are_averaged(runs, scans, views):
    found = striate.predict_together(runs, scans, top=10, views=views)
    each = [striate.load(run).predict(scans, top=10, views=views) for run in runs]
    for answer, one, other in zip(found, *each, strict=True):
        mean = {name: (share + dict(other.top)[name]) / 2 for name, share in one.top}
        assert dict(answer.top) == pytest.approx(mean)
        assert (answer.label, answer.probability) == max(answer.top, key=lambda pair: pair[1])


def test_torch_has_as_many_threads_afterwards(runs, scans):
    together = Together([striate.load(run) for run in runs])
    with torch_threads(2):
        for views in ("centre", "flip"):
            together.predict(scans, views=views)
            assert torch.get_num_threads() == 2
            begun = together.answers(given_pictures(scans), views=views)
            next(begun)
            begun.close()
            assert torch.get_num_threads() == 2


@pytest.mark.parametrize("views", ["centre", "flip"])
def test_pictures_of_which_none_can_be_read_are_refused(runs, tmp_path, views):
    for name in open_data("digits").classes:
        (tmp_path / name).mkdir()
        (tmp_path / name / "broken.png").write_bytes(b"no picture")
    with pytest.raises(StriateError, match="has no picture that can be read among the 10 to evaluate"):
        evaluate_together(runs, str(tmp_path), "all", views=views)
    with pytest.raises(StriateError, match=r"which are for multilabel, and this is classification; give pictures with"):
        evaluate_together(runs, (np.zeros((2, 8, 8), np.uint8), [["a", "b"], []]), views=views)


def test_classes_are_matched_by_name(runs, scans, tmp_path):
    """A run whose classes stand the other way round says the same, so the mean does too."""
    turned, layer = tmp_path / "turned", create_model("lenet5").classifier_name
    shutil.copytree(runs[0], turned)
    tensors = load_file(turned / "model.safetensors")
    tensors |= {name: value.flip(0) for name, value in tensors.items() if name.startswith(f"{layer}.")}
    save_file(tensors, turned / "model.safetensors")
    config = json.loads((turned / "config.json").read_text())
    (turned / "config.json").write_text(json.dumps({**config, "label_names": config["label_names"][::-1]}))
    alone = striate.load(runs[0])
    pixels = [open_data("digits").pictures.decode(5, 1)]
    together = Together([alone, striate.load(turned)])
    for found in (together.predict(scans, top=10), together.predict_pixels(pixels, ["a"], 10)):
        expected = alone.predict(scans, top=10) if len(found) > 1 else alone.predict_pixels(pixels, ["a"], 10)
        assert [dict(each.top) for each in found] == [pytest.approx(dict(each.top)) for each in expected]
    assert together.classes == alone.classes and str(turned) in repr(together)


def test_a_picture_that_cannot_be_read_is_named(runs, scans):
    (scans / "broken.png").write_bytes(b"no picture")
    *good, bad = striate.predict_together(runs, scans)
    assert all(each.problem is None for each in good) and bad.problem and bad.label is None


def test_together_refuses_what_it_cannot_average(runs, scans):
    with pytest.raises(StriateError, match="1 run cannot be averaged; give two or more"):
        striate.predict_together(runs[:1], scans)
    with pytest.raises(StriateError, match="were trained on other classes"):
        striate.predict_together([runs[0], "embedded"], scans)
    with pytest.raises(StriateError, match="tiles=True puts answers for places together"):
        Together([striate.load(run) for run in runs]).predict(scans, tiles=True)
