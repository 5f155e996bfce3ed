"""TensorBoard events, read back by TensorBoard's own reader; and what is said where the package is missing."""

from __future__ import annotations

import io
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import striate
from striate.core.errors import StriateError
from striate.models import create_model
from striate.training import run as run_module
from striate.training.folder.layout import read_metrics
from striate.training.monitor.tensorboard import EVENTS, TAGS, first_filters, tags_of, tiles

STEPS = 20  # of an epoch of the digits: 1,258 pictures in batches of 64
QUICK = {"recipe": "digits_lenet5", "precision": "fp32", "threads": 1, "autotune": False, "tensorboard": True}


def events_of(run: Path):
    """Everything in a run's events, nothing thinned out."""
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    everything = dict.fromkeys(("scalars", "images", "tensors"), 0)
    return accumulator.EventAccumulator(str(run / EVENTS), size_guidance=everything).Reload()


def curve(events, tag: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in events.Scalars(tag)]


def pixels(event) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(event.encoded_image_string)))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Two epochs of LeNet-5 with events, and the samples that the run was given."""
    pytest.importorskip("tensorboard")
    folder = tmp_path_factory.mktemp("events")
    samples: list = []
    make = run_module.augmented_samples

    def noted(*arguments):
        samples.extend(make(*arguments))
        return samples

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STRIATE_CACHE", str(folder / "cache"))
        patch.setattr(run_module, "augmented_samples", noted)
        run = striate.train("digits", run=folder / "run", epochs=2, **QUICK)
    return run.path, samples


def test_curves_of_epochs_equal_the_metrics(finished):
    run, _ = finished
    events, lines = events_of(run), read_metrics(run)
    for tag, name in (TAGS | tags_of(lines[0])).items():
        expected = [(line["step"], line[name]) for line in lines if name in line]
        assert len(expected) == 2, name
        assert curve(events, tag) == [(step, np.float32(value)) for step, value in expected]


def test_the_curve_of_steps_averages_to_the_epoch(finished):
    run, _ = finished
    events, lines = events_of(run), read_metrics(run)
    points = curve(events, "loss/train")
    assert [step for step, _ in points] == [1, 10, 20, 30, 40]
    (_, first), (_, to_ten), (_, to_twenty), *second = points
    # batches are of nearly equal size: 1,258 = 20 x 62.9
    assert (first + 9 * to_ten + 10 * to_twenty) / 20 == pytest.approx(lines[0]["train_loss"], rel=0.01)
    assert np.mean([value for _, value in second]) == pytest.approx(lines[1]["train_loss"], rel=0.01)
    rates = dict(curve(events, "rate/lr"))
    assert {step: rates[step] for step in (20, 40)} == {line["step"]: np.float32(line["lr"]) for line in lines}
    assert all(0 <= value <= 1 for _, value in curve(events, "accuracy/train"))


def test_the_filters_are_those_of_the_first_layer(finished):
    run, _ = finished
    shown = events_of(run).Images("filters/first_layer")
    assert [event.step for event in shown] == [STEPS, 2 * STEPS]
    opened = striate.load(run)
    epoch = opened.metrics["epoch"]  # its weights are those that were kept
    sheet = pixels(shown[epoch - 1])
    weights = opened.network.features.c1.weight.detach()
    assert weights.shape == (6, 1, 5, 5)
    scaled = (weights - weights.min()) / (weights.max() - weights.min())
    # six tiles of 5 x 5, each pixel 5 x 5 large, in two rows of three with a white line between
    assert sheet.shape[:2] == (2 * 25 + 1, 3 * 25 + 2)
    for number in range(6):
        top, left = number // 3 * 26, number % 3 * 26
        tile = sheet[top : top + 25 : 5, left : left + 25 : 5, 0].astype(float) / 255
        assert np.allclose(tile, scaled[number, 0].numpy(), atol=1.01 / 255)
    assert (sheet[25] == 255).all() and (sheet[:, 25] == 255).all()


def test_sample_pictures_are_those_that_training_began_with(finished):
    run, samples = finished
    events = events_of(run)
    tags = [tag for tag in events.Tags()["images"] if tag.startswith("augmented/")]
    assert tags == [f"augmented/{number:02} {sample.label}" for number, sample in enumerate(samples, 1)]
    assert len(tags) == 16
    for tag, sample in zip(tags, samples, strict=True):
        (event,) = events.Images(tag)
        assert event.step == 0
        assert np.array_equal(pixels(event).reshape(*sample.pixels.shape[:2], -1)[..., :1], sample.pixels)


def test_the_test_and_its_mistakes(finished):
    run, _ = finished
    events, found = events_of(run), json.loads((run / "evaluation.json").read_text())
    assert curve(events, "accuracy/test_of_best") == [(2 * STEPS + 1, np.float32(found["top1"]))]
    tags = sorted(tag for tag in events.Tags()["images"] if tag.startswith("mistakes/"))
    assert len(tags) == len(found["mistakes"]) > 0
    for number, (tag, mistake) in enumerate(zip(tags, found["mistakes"], strict=True), 1):
        told = f"{mistake['truth']} taken for {mistake['predicted']} ({mistake['probability']:.0%})"
        assert tag == f"mistakes/{number:02} {told}"


def test_findings_are_texts(tmp_path):
    pytest.importorskip("tensorboard")
    run = striate.train("digits", "mlp", run=tmp_path / "run", epochs=3, peak_lr=1e-7, **QUICK).path
    findings = [record for line in read_metrics(run) for record in line.get("findings", ())]
    assert {finding["kind"] for finding in findings} == {"small updates", "flat loss"}
    events = events_of(run)
    for finding in findings:
        (event,) = events.Tensors(f"seen/{finding['kind']}/text_summary")
        assert event.step == finding["step"]
        assert event.tensor_proto.string_val[0].decode() == finding["text"]
    assert "filters/first_layer" not in events.Tags()["images"]  # it has no convolution


@pytest.mark.parametrize("asked_again", [True, False])
def test_a_resumed_run_goes_on_without_a_step_twice(finished, tmp_path, monkeypatch, asked_again, death_in_place_of):
    whole, _ = finished
    monkeypatch.setenv("STRIATE_CACHE", str(whole.parent / "cache"))
    with death_in_place_of("fitting_step", 35):  # events of step 30 are written, the newest state is that of step 20
        striate.train("digits", run=tmp_path / "run", epochs=2, **QUICK)
    assert [step for step, _ in curve(events_of(tmp_path / "run"), "loss/train")] == [1, 10, 20, 30]
    run = striate.resume(tmp_path / "run", tensorboard=asked_again).path
    resumed, expected = events_of(run), events_of(whole)
    assert len(list((run / EVENTS).iterdir())) == 2  # a file per process
    assert sorted(resumed.Tags()["scalars"]) == sorted(expected.Tags()["scalars"])
    for tag in expected.Tags()["scalars"]:
        if tag == "speed/images_per_second":
            assert [step for step, _ in curve(resumed, tag)] == [STEPS, 2 * STEPS]
        else:
            assert curve(resumed, tag) == curve(expected, tag), tag
    assert len(resumed.Images("filters/first_layer")) == 2
    assert len(resumed.Images("augmented/01 " + finished[1][0].label)) == 1


def test_events_may_begin_with_the_resumed_part(tmp_path, death_in_place_of):
    pytest.importorskip("tensorboard")
    with death_in_place_of("fitting_step", STEPS + 4):
        striate.train("digits", run=tmp_path / "run", epochs=2, **{**QUICK, "tensorboard": False})
    assert not (tmp_path / "run" / EVENTS).exists()
    run = striate.resume(tmp_path / "run", tensorboard=True).path
    assert [step for step, _ in curve(events_of(run), "loss/train")] == [30, 40]
    assert [step for step, _ in curve(events_of(run), "loss/val")] == [40]


def test_a_missing_package_is_told_with_the_command_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    message = (
        r"tensorboard=True needs the package tensorboard, which is not installed; "
        r"install it with: pip install 'striate\[tensorboard\]'"
    )
    with pytest.raises(StriateError, match=message):
        striate.train("digits", run=tmp_path / "run", epochs=1, **QUICK)
    assert not (tmp_path / "run").exists()


def test_without_being_asked_for_there_are_no_events(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)  # nor is the package asked for
    run = striate.train("digits", "mlp", run=tmp_path / "run", epochs=1, **{**QUICK, "tensorboard": False})
    assert not (run.path / EVENTS).exists()


def test_a_copy_of_a_run_keeps_its_events(finished, tmp_path):
    run, _ = finished
    shutil.copytree(run, tmp_path / "elsewhere")
    assert curve(events_of(tmp_path / "elsewhere"), "loss/val") == curve(events_of(run), "loss/val")


def test_filters_of_colours_are_coloured_and_of_many_channels_grey():
    assert first_filters(create_model("resnet20")).shape == (3, 4 * 25 - 1, 4 * 25 - 1)  # 16 of 3 x 3, 8 times enlarged
    assert first_filters(nn.Conv2d(5, 4, 24)).shape == (1, 2 * 25 - 1, 2 * 25 - 1)
    assert first_filters(nn.Linear(2, 2)) is None
    flat = nn.Conv2d(1, 1, 24)
    nn.init.constant_(flat.weight, 3.0)
    assert torch.equal(first_filters(flat), torch.zeros(1, 24, 24))


def test_tiles_stand_in_rows_with_white_lines():
    sheet = tiles(torch.zeros(5, 1, 24, 24))
    assert sheet.shape == (1, 2 * 25 - 1, 3 * 25 - 1)
    assert (sheet[0, 24] == 1).all() and (sheet[0, :, 24] == 1).all()
    assert (sheet[0, 25:, 50:] == 1).all()  # no sixth
    assert sheet[0, :24, :24].sum() == 0
