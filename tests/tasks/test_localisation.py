"""Localisation: losses and figures against other routes, and a run from the table to what is drawn."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

import striate
from factories import batch_of, tinted_boxes, tinted_folders
from striate.cli import main
from striate.core.errors import StriateError
from striate.core.records import Preprocess
from striate.data.sources import open_data
from striate.models import create_model
from striate.runtime.runtime import Runtime
from striate.tasks.localisation import LOCALISATION
from striate.tasks.localisation.losses import BOX_WEIGHT, losses
from striate.tasks.localisation.metric import LocalisationMetric
from striate.tasks.localisation.prediction import predict_places
from striate.tasks.task import NETWORK
from striate.training.recipe import Recipe

NAMES = ("ant", "bee")
BOXES = torch.tensor([[0.0, 0, 16, 16], [8, 8, 24, 32], [0, 0, 0, 9]])  # the last was cut away
BATCH = batch_of(BOXES, torch.tensor([0, 1, 1]), torch.arange(3), (32, 32))


def answer_of(*rows: tuple[int, tuple[float, ...], tuple[float, ...]]) -> torch.Tensor:
    """Of each picture the class that is answered, and the box for each class."""
    return torch.stack([torch.cat([3 * F.one_hot(torch.tensor(c), 2)[:, None], torch.tensor(b)], 1) for c, *b in rows])


def test_losses_are_means_over_pictures_and_ask_nothing_of_what_was_cut_away():
    torch.manual_seed(0)
    network, images = create_model("resnet20+boxes", classes=2), torch.randn(3, 3, 32, 32)
    torch.nn.init.normal_(network.box_head.edges.weight, std=0.1)
    network.eval()
    recipe = Recipe(model="resnet20+boxes", loss=("l1", "l2", "smooth_l1", "iou"), label_smoothing=0.1)
    made = losses(network, NETWORK, images, BATCH, recipe).losses
    answer = network(images)
    found, truth = answer[torch.arange(3), BATCH.labels, 1:][:2], BOXES[:2] / 32
    entropy = F.cross_entropy(answer[:, :, 0], BATCH.labels, label_smoothing=0.1)
    torch.testing.assert_close(made["class"], entropy)
    torch.testing.assert_close(made["l1"], BOX_WEIGHT * F.l1_loss(found, truth) * 2 / 3)
    torch.testing.assert_close(made["l2"], BOX_WEIGHT * F.mse_loss(found, truth) * 2 / 3)
    torch.testing.assert_close(made["smooth_l1"], BOX_WEIGHT * F.smooth_l1_loss(found, truth, beta=0.05) * 2 / 3)
    assert 0 < made["iou"].item() <= BOX_WEIGHT
    sum(made.values()).backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in network.parameters())


def test_only_the_box_of_the_correct_class_learns():
    network, images = create_model("resnet20+boxes", classes=2).eval(), torch.randn(3, 3, 32, 32)
    batch = batch_of(BOXES, torch.tensor([1, 1, 1]), torch.arange(3), (32, 32))
    losses(network, NETWORK, images, batch, Recipe(model="x", loss=("l1",))).losses["l1"].backward()
    gradient = network.box_head.edges.bias.grad.view(2, 4)
    assert (gradient[0] == 0).all()
    assert (gradient[1] != 0).any()


def test_figures_by_hand():
    """Four pictures whose box is the left half: all right; the box wrong; the class wrong; the class right, IoU 0.5."""
    half, whole, quarter = (0.0, 0, 0.5, 1), (0.0, 0, 1, 1), (0.0, 0, 0.25, 1)
    answer = answer_of((0, half, whole), (0, (*quarter[:3], 0.9), half), (1, half, half), (0, whole, half))
    truth = torch.tensor([[0.0, 0, 16, 32]] * 4)
    metric = LocalisationMetric(NAMES)
    metric.add(answer, batch_of(truth, torch.zeros(4, dtype=torch.long), torch.arange(4), (32, 32)))
    found = metric.result()
    figures = metric.figures()
    assert (figures["error"], figures["class_error"], figures["box_error"]) == (0.5, 0.25, 0.25)
    assert figures["mean_iou"] == pytest.approx((1 + 0.45 + 1 + 0.5) / 4)
    assert found.places.iou.tolist() == pytest.approx([1, 0.45, 1, 0.5])
    low, high = found.interval
    assert 0 <= low < 0.5 < high <= 1
    ant, bee = found.per_class()
    assert (ant["pictures"], ant["error"], bee["error"]) == (4, 0.5, None)


def test_pictures_of_several_boxes_are_not_measured():
    batch = batch_of(torch.zeros(2, 4), torch.zeros(2, dtype=torch.long), torch.tensor([0, 0]), (8, 8))
    with pytest.raises(StriateError, match="measured on pictures with one box each"):
        LocalisationMetric(NAMES).add(torch.zeros(1, 2, 5), batch)


def test_a_mirrored_answer_turns_its_boxes_back():
    network = create_model("lenet5+box", classes=2).eval()
    pictures = torch.randint(0, 256, (2, 1, 32, 32), dtype=torch.uint8)
    plain = Preprocess((32, 32), (32, 32), fit="stretch").for_channels(1)
    runtime = Runtime("cpu", "fp32", channels_last=False, threads=1)
    with torch.inference_mode():
        one, other = (predict_places(network, part, plain, runtime) for part in (pictures, pictures.flip(3)))
        both = predict_places(network, pictures, Preprocess(**(plain.__dict__ | {"mirrored": True})), runtime)
    left, top, right, bottom = other[..., 1:].unbind(-1)
    torch.testing.assert_close(both[..., 1:], (one[..., 1:] + torch.stack([1 - right, top, 1 - left, bottom], -1)) / 2)


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("boxes")
    table = tinted_boxes(folder / "data")
    settings = {"model": "resnet20+box", "weights": None, "size_px": 32, "epochs": 2, "batch_size": 8}
    run = striate.train(table, run=folder / "run", precision="fp32", threads=1, autotune=False, quiet=True, **settings)
    return run.path, table


def test_the_report_shows_both_boxes_and_the_figures(trained):
    run, _ = trained
    page = (run / "report.html").read_text()
    assert "The true box is green, the answered one red." in page
    assert "box error, class known" in page
    evaluated = json.loads((run / "evaluation.json").read_text())
    assert {"error", "class_error", "box_error", "mean_iou", "error_interval"} <= evaluated.keys()
    assert evaluated["examples"][0].keys() >= {"name", "truth", "predicted", "iou"}


def test_predict_draws_and_writes_tables(trained, tmp_path, monkeypatch):
    run, table = trained
    output = tmp_path / "answers.csv"
    words = ["predict", run, table.parent, "--draw", tmp_path / "drawn", "--output", output]
    monkeypatch.setattr("sys.argv", ["striate", *map(str, words)])
    monkeypatch.setattr("striate.cli._take_bursts_as_one_interrupt", lambda: None)  # for the process, not for a test
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    drawn = sorted((tmp_path / "drawn").iterdir())
    assert len(drawn) == 24
    assert np.asarray(Image.open(drawn[0])).shape == (256, 256, 3)
    header, first = output.read_text("utf-8-sig").splitlines()[:2]
    assert header == "path,label,probability,x0,y0,x1,y1,problem"
    box = [float(cell) for cell in first.split(",")[3:7]]
    assert box == pytest.approx(striate.load(run).predict(Path(first.split(",")[0]))[0].box_at(32, 32), abs=0.011)
    again = open_data(str(output))  # what was predicted is a table to train on
    assert (again.targets.task, len(again.pictures)) == ("localisation", 24)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"model": "resnet20"},
            r"with one class a picture, and localisation asks for a class and a box; resnet20\+box",
        ),
        ({"model": "unet"}, "unet answers with a class for every pixel, and localisation asks for a class and a box"),
        ({"model": torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3072, 2))}, "answers with no box, as local"),
        ({"model": "resnet20+box", "fit": "contain"}, "fit=contain cuts pictures or adds bars, and here all of a pict"),
        (
            {"model": "resnet20+box", "mosaic": 0.5},
            "mosaic does nothing here: it needs objects to find in each picture, and this is localisation",
        ),
        (
            {"model": "resnet20+box", "cut_mix": 0.5},
            "cut_mix does nothing here: it needs one class a picture, and this",
        ),
        ({"model": "resnet20+box", "loss": ("dice",)}, "unknown loss of localisation 'dice'"),
        (
            {"model": "resnet20+box", "loss": ("l1", "iou", "l1")},
            "loss=l1,iou,l1 names l1 more than once; name each loss once",
        ),
    ],
)
def test_what_localisation_cannot_do_is_refused(trained, tmp_path, settings, said):
    _, table = trained
    with pytest.raises(StriateError, match=said):
        striate.train(table, run=tmp_path / "run", weights=None, size_px=32, quiet=True, **settings)


def test_networks_and_data_of_other_tasks_are_refused(trained, tmp_path):
    run, table = trained
    folders = tinted_folders(tmp_path / "folders")
    with pytest.raises(StriateError, match=r"resnet20\+box answers with a class and a box, and classification asks"):
        striate.train(folders, model="resnet20+box", run=tmp_path / "run", quiet=True)
    with pytest.raises(
        StriateError, match="which are for classification, and this is localisation; give pictures with"
    ):
        striate.train(folders, task="localisation", run=tmp_path / "run", quiet=True)
    assert LOCALISATION.needs == "localisation"
    with pytest.raises(StriateError, match="localisation"):
        striate.load(run).evaluate(folders)
    with pytest.raises(StriateError, match="cold"):  # read as a table of classes, none of which it knows
        striate.load("embedded").evaluate(table)
