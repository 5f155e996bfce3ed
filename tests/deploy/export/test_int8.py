"""int8: calibrated on the run's training pictures, measured on those that validated it, refused beyond a limit."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

import striate
from factories import batch_of, trial_of
from striate.deploy.export.drop import Drop, drop_of
from striate.deploy.export.onnx_file import FROM_PIXELS
from striate.tasks import task_named


@pytest.fixture
def run(digits_run):
    return striate.load(digits_run)


@pytest.mark.parametrize("ending", [".onnx", ".xml"])
def test_the_accuracy_of_int8_is_measured_and_told(run, tmp_path, ending):
    found = run.export(tmp_path / f"digits{ending}", precision="int8", max_drop=5)
    assert found.record.precision == "int8"
    assert found.drop.pictures == 179
    assert found.drop.before == pytest.approx(run.evaluate("digits", "val").accuracy)
    assert abs(found.drop.points) <= 5
    opened = striate.load(found.path)
    assert opened.record.metrics["int8"] == json.loads(json.dumps(found.drop.to_dict()))
    whole = run.export(tmp_path / f"whole{ending}")
    assert found.record.proof.largest_difference > 100 * whole.record.proof.largest_difference


def test_more_than_is_allowed_is_refused_with_what_was_measured(run, tmp_path, monkeypatch):
    monkeypatch.setattr(Drop, "points", property(lambda _: 0.75))
    with pytest.raises(striate.StriateError) as refused:
        run.export(tmp_path / "digits.onnx", precision="int8")
    assert "in int8 accuracy" in str(refused.value)
    assert "before: a drop of 0.75 points (95 % interval" in str(refused.value)
    assert "allowed are 0.5 (max_drop=...)" in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_the_way_from_pixels_is_not_quantised(run, tmp_path):
    import onnx

    found = run.export(tmp_path / "digits.onnx", precision="int8", with_preprocessing=True, max_drop=5)
    nodes = onnx.load(found.path).graph.node
    inside = {each.output[0] for each in nodes if any(entry.value == FROM_PIXELS for entry in each.metadata_props)}
    assert len(inside) >= 2
    quantised = {each.input[0] for each in nodes if each.op_type == "QuantizeLinear"}
    assert quantised
    assert len(quantised & inside) <= 1  # what the first convolution reads


def test_int8_takes_pictures_of_known_classes(exported, run, tmp_path):
    from factories import network_of

    with pytest.raises(striate.StriateError, match=r"^int8 takes pictures with known classes"):
        exported(network_of("resnet20", 32), precision="int8")
    with pytest.raises(striate.StriateError, match=r"pt2 files are fp32, bf16, not int8"):
        run.export(tmp_path / "digits.pt2", precision="int8")
    with pytest.raises(striate.StriateError, match=r"0 to 100 points of accuracy, got -1"):
        run.export(tmp_path / "digits.onnx", precision="int8", max_drop=-1)


def test_the_interval_of_a_drop_covers_what_it_was_drawn_with():
    random = np.random.default_rng(0)
    lost, gained, pictures = 0.03, 0.02, 1000
    covered = 0
    for _ in range(400):
        drawn = random.multinomial(pictures, [lost, gained, 1 - lost - gained])
        low, high = Drop(pictures, 600, int(drawn[0]), int(drawn[1])).interval
        covered += low <= 100 * (lost - gained) <= high
    assert 0.92 <= covered / 400 <= 0.98


def test_int8_of_masks_is_measured_by_the_mean_iou(tmp_path):
    trial = trial_of("segmentation")
    data = trial.data(tmp_path / "data")
    run = striate.train(data, run=tmp_path / "run", autotune=False, threads=1, epochs=2, **trial.settings)
    found = run.export(tmp_path / "masks.onnx", precision="int8", max_drop=100)
    told = run.evaluate(data, "val")
    assert found.drop.pictures == told.total
    assert found.drop.before == pytest.approx(told.figures()["mean_iou"], abs=1e-3)
    low, high = found.drop.interval
    assert low <= found.drop.points <= high
    assert str(found.drop).startswith("mean IoU ")
    assert striate.load(found.path).record.metrics["int8"]["mean_iou"] == found.drop.after


def test_a_drop_that_is_known_has_its_interval_in_the_right_direction():
    task = task_named("localisation")
    before, after = task.metric(("a",)), task.metric(("a",))
    boxes = torch.tensor([[0.0, 0.0, 0.5, 0.5]]).repeat(40, 1)
    there = batch_of(8 * boxes, torch.zeros(40, dtype=torch.int64), torch.arange(40), (8, 8), 40)
    right = torch.cat([torch.ones(40, 1, 1), boxes[:, None]], 2)
    wrong = right.clone()
    wrong[:20, :, 1:] = torch.tensor([0.5, 0.5, 1.0, 1.0])
    before.add(right, there)
    after.add(wrong, there)
    drop = drop_of(task, before, after)
    assert drop.points == 50
    assert 30 < drop.interval[0] < 40 and 60 < drop.interval[1] < 70
    assert "a rise of 50.00 points (95 % interval" in str(drop)
