"""Several labels a picture: losses and figures against other routes, and a run from the table to what is served."""

from __future__ import annotations

import csv
import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import striate
from factories import tinted_labels
from striate.answers.labels import Labelled, read
from striate.cli import main
from striate.core.errors import StriateError
from striate.data.targets.labels import LabelBatch
from striate.deploy.exported import Exported
from striate.models import create_model
from striate.tasks.multilabel import MULTILABEL
from striate.tasks.multilabel.findings import findings_of
from striate.tasks.multilabel.losses import losses
from striate.tasks.multilabel.metric import LabelMetric, thresholds_of
from striate.tasks.multilabel.sections import together
from striate.tasks.task import NETWORK
from striate.training.recipe import Recipe

NAMES = ("ant", "bee", "cow")
PRESENT = torch.tensor([[1.0, 1, 0], [0, 0, 0], [0, 1, 0], [1, 0, 0]])
LOGITS = torch.tensor([[3.0, 1, -2], [-1, -2, -3], [1, 2, -4], [0.5, -1, -1]])
SETTINGS = {"model": "resnet20", "weights": None, "size_px": 32, "epochs": 12, "batch_size": 8, "peak_lr": 0.02}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run that has learned which halves of a picture are tinted, and its table."""
    folder = tmp_path_factory.mktemp("labels")
    table = tinted_labels(folder / "data")
    return striate.train(table, run=folder / "run", autotune=False, threads=1, precision="fp32", **SETTINGS), table


def counted(logits=LOGITS, present=PRESENT, **more):
    metric = LabelMetric(NAMES, **more)
    metric.add(logits, LabelBatch(present))
    return metric.result()


def test_the_loss_is_the_mean_over_pictures_and_labels():
    torch.manual_seed(0)
    network, images = create_model("resnet20", classes=3).eval(), torch.randn(4, 3, 32, 32)
    logits = network(images)
    plain = losses(network, NETWORK, images, LabelBatch(PRESENT), Recipe(model="resnet20")).losses["loss"]
    shares = logits.sigmoid()
    torch.testing.assert_close(plain, -torch.where(PRESENT > 0, shares, 1 - shares).log().mean())
    smooth = Recipe(model="resnet20", label_smoothing=0.2)
    truth = PRESENT * 0.8 + 0.1
    found = losses(network, NETWORK, images, LabelBatch(PRESENT), smooth).losses["loss"]
    torch.testing.assert_close(found, F.binary_cross_entropy(shares, truth))
    focal = losses(network, NETWORK, images, LabelBatch(PRESENT), Recipe(model="resnet20", loss=("focal",)))
    assert 0 < focal.losses["loss"] < plain


def test_figures_by_hand():
    """Named at one half: ant of 0, 2, 3; bee of 0, 2; cow of none. The second picture has nothing, the third has ant
    wrongly. ant: order 0 yes, 2 no, 3 yes, 1 no; bee: 2 yes, 0 yes; nobody has cow.
    """
    found = counted()
    assert found.values["map"] == pytest.approx(((1 + 2 / 3) / 2 + 1) / 2)
    assert found.values["micro_f1"] == pytest.approx(2 * 4 / (5 + 4))
    assert found.values["macro_f1"] == pytest.approx((2 * 2 / (3 + 2) + 1) / 2)
    assert found.values["exact"] == 3 / 4
    assert found.values["loss"] == pytest.approx(float(F.binary_cross_entropy_with_logits(LOGITS, PRESENT)))
    assert found.prior_map == 0.5
    assert [row["average_precision"] for row in found.per_class()] == [pytest.approx(5 / 6), 1.0, None]
    assert all(low <= found.values[key] <= high for key, (low, high) in found.intervals.items())
    torch.testing.assert_close(found.by_picture, torch.tensor([1.0, float("nan"), 1.0, 1.0]).double(), equal_nan=True)


def test_thresholds_decide_what_is_named():
    found = counted(thresholds=(0.9, 0.9, 0.01))
    assert found.named.tolist() == [[1, 0, 1], [0, 0, 1], [0, 0, 1], [0, 0, 1]]
    answers = read(LOGITS.numpy(), NAMES, list("abcd"), 2, (0.9, 0.9, 0.01))
    assert [[label for label, _ in each.labels] for each in answers] == [["ant", "cow"], ["cow"], ["cow"], ["cow"]]
    assert [label for label, _ in answers[1].top] == ["ant", "bee"]


def test_labels_of_few_pictures_share_a_threshold():
    """Of 12 pictures six have ant, from 0.8 upwards; one has bee, whose share is 0.03, below all others'."""
    shares = np.full((12, 3), 0.1)
    shares[:6, 0], shares[0, 1] = 0.8, 0.03
    present = np.zeros((12, 3))
    present[:6, 0], present[0, 1] = 1, 1
    found = counted(torch.from_numpy(np.log(shares) - np.log1p(-shares)), torch.from_numpy(present))
    assert thresholds_of(found) == pytest.approx((0.45, 0.45, 0.45))


def test_an_answer_that_is_no_number_is_a_problem():
    (answer,) = read(np.array([[np.nan, 0, 0]], np.float32), NAMES, ["a.png"], 2)
    assert answer.problem.startswith("gets an answer that is no number") and answer.labels == ()


def test_a_label_that_is_never_named_is_said_late_in_a_run():
    metric = LabelMetric(NAMES)
    metric.add(torch.tensor([[3.0, -3, -3]] * 8), LabelBatch(torch.tensor([[1.0, 0, 0]] * 6 + [[1.0, 1, 0]] * 2)))
    run = SimpleNamespace(metric=metric, judged=True, done=0.6)
    (finding,) = findings_of(run)
    assert finding.text.startswith("no validation picture is named a class that is in them: 'bee' (2 pictures).")
    assert not findings_of(SimpleNamespace(metric=metric, judged=True, done=0.4))


def test_a_run_keeps_the_thresholds_of_its_validation_pictures_and_names_by_them(trained):
    run, table = trained
    assert run.task is MULTILABEL
    kept = json.loads((run.path / "config.json").read_text())["thresholds"]
    val = run.evaluate(table, split="val")
    assert kept == list(thresholds_of(val)) == list(val.thresholds)
    assert val.values["map"] > val.prior_map
    for each in run.predict(table.parent, top=2):
        assert {label for label, _ in each.labels} == {
            label for label, share in each.top if share >= kept[run.classes.index(label)]
        }


def test_the_report_shows_labels_pairs_and_pictures(trained):
    run, _ = trained
    page = (run.path / "report.html").read_text()
    for text in ("mean average precision", 'id="classes"', 'id="pictures"', "threshold", "mAP of the prior"):
        assert text in page
    found = json.loads((run.path / "evaluation.json").read_text())
    assert found["map_of_prior"] > 0 and found["map_interval"][0] <= found["map"] <= found["map_interval"][1]


def told(monkeypatch, capfd, *words):
    """What the command line prints."""
    monkeypatch.setattr("sys.argv", ["striate", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capfd.readouterr()
    assert not ended.value.code, said.err
    return said.out


def test_the_command_line_says_names_and_writes_a_table_to_train_on(trained, tmp_path, capfd, monkeypatch):
    run, table = trained
    said = told(monkeypatch, capfd, "evaluate", run.path, table)
    assert "average_precision" in said and "mAP" in said and "exactly right" in said
    picture, output = table.parent / "03.png", tmp_path / "answers.csv"
    assert "03.png" in told(monkeypatch, capfd, "predict", run.path, picture)
    (answer,) = json.loads(told(monkeypatch, capfd, "predict", run.path, picture, "--json"))
    assert {each["label"] for each in answer["top"]} == {"cold", "warm"}
    told(monkeypatch, capfd, "predict", run.path, table.parent, "--output", output)
    with output.open(newline="", encoding="utf-8-sig") as rows:
        lines = list(csv.DictReader(rows))
    assert len(lines) == 24 and set(lines[0]) == {"path", "labels", "probabilities", "problem"}
    assert [line["labels"] for line in lines] == [each.cells()["labels"] for each in run.predict(table.parent)]


def test_an_exported_file_names_as_the_run_does(trained, tmp_path):
    pytest.importorskip("onnxruntime")
    run, table = trained
    run.export(tmp_path / "labels.onnx", data=table)
    exported = Exported(tmp_path / "labels.onnx")
    assert list(exported.record.thresholds) == json.loads((run.path / "config.json").read_text())["thresholds"]
    assert exported.record.outputs == ("logits",) and exported.record.proof.pictures > 0
    expected, found = (each.predict(table.parent) for each in (run, exported))
    assert [[label for label, _ in each.labels] for each in found] == [
        [label for label, _ in each.labels] for each in expected
    ]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"recipe": "finetune"}, "staged does nothing here: it needs one class a picture, and this is multilabel"),
        ({"cut_mix": 0.5}, "cut_mix does nothing here: it needs one class a picture, and this is multilabel"),
        ({"loss": ("dice",)}, "unknown loss of multilabel 'dice'"),
        ({"model": "unet"}, "unet answers with a class for every pixel, and multilabel asks for any number of labels"),
    ],
)
def test_what_does_not_go_with_several_labels_is_refused(tmp_path, fields, said):
    with pytest.raises(StriateError) as error:
        striate.train(tinted_labels(tmp_path / "data"), run=tmp_path / "run", **fields)
    assert said in str(error.value)


def test_thresholds_of_another_number_of_labels_are_damage(trained, tmp_path):
    run, _ = trained
    folder = tmp_path / "copy"
    folder.mkdir()
    for file in ("model.safetensors", "config.json", "recipe.json"):
        (folder / file).write_bytes((run.path / file).read_bytes())
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "thresholds": [0.5]}))
    with pytest.raises(StriateError, match=r"thresholds are 1, label_names are 2"):
        striate.load(folder)


def test_labels_that_stand_together_are_counted():
    (pair,) = together(counted())
    assert pair == ("ant", "bee", 1, 2, 1.0)
    assert together(counted(present=PRESENT * torch.tensor([1.0, 0, 0]))) == []


def test_answers_are_told_in_words():
    none = Labelled("a.png", (), (("cat", 0.25),))
    assert none.told(1) == "none of them (nearest: cat 25.0%)"
    assert none.cells() == {"labels": "", "probabilities": ""}
