"""Several views of a picture: their mean by hand, the same by every way, what they gain, mistakes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

import striate
from striate.answers.calibration import Calibration
from striate.core.errors import StriateError
from striate.data.picture import normalise, to_batch
from striate.data.sources import open_data
from striate.deploy.view_gain import evaluate_views
from striate.deploy.views import Views


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    """Sixty pictures of digits, one that cannot be read, in folders of classes."""
    folder, digits = tmp_path_factory.mktemp("scans"), open_data("digits")
    for number in range(60):
        inside = folder / digits.classes[digits.labels[number]]
        inside.mkdir(exist_ok=True)
        Image.fromarray(digits.pictures.decode(number, 1)[:, :, 0]).save(inside / f"scan{number}.png")
    (inside / "broken.png").write_bytes(b"no picture")
    return folder


def ten_by_hand(run, path):
    """AlexNet's ten parts, of a picture scaled to 37 px: corners and middle of 32, and mirror images."""
    whole = np.asarray(Image.open(path).resize((37, 37), Image.Resampling.BILINEAR))
    parts = [whole[y : y + 32, x : x + 32] for y, x in ((0, 0), (0, 5), (5, 0), (5, 5), (2, 2))]
    pictures = np.stack([*parts, *(part[:, ::-1] for part in parts)])[..., None]
    with torch.no_grad():
        return run.network(normalise(to_batch(pictures), run.preprocess)).softmax(1).mean(0)


def test_ten_parts_are_averaged(digits_run, scans):
    run = striate.load(digits_run)
    paths = sorted(scans.glob("3/scan*.png"))
    for path, answer in zip(paths, run.predict(paths, top=10, views="10"), strict=True):
        expected = ten_by_hand(run, path)
        told = torch.tensor([dict(answer.top)[name] for name in run.classes])
        torch.testing.assert_close(told, expected, rtol=1e-4, atol=1e-5)


def test_evaluation_and_prediction_see_the_same(digits_run, scans):
    run = striate.load(digits_run)
    found = evaluate_views(run, str(scans), "all", views="10")
    answers = [each for each in run.predict(scans, views="10") if not each.problem]
    assert len(answers) == found.result.total == 60
    expected = sum(path.split("/")[-2] == label for path, label in ((each.path, each.label) for each in answers))
    assert found.result.correct == expected
    assert [error.name.rpartition("/")[2] for error in found.unreadable] == ["broken.png"]
    assert (found.cost.passes, found.cost.arithmetic, found.centre_cost.passes) == (10, 10, 1)


@pytest.mark.parametrize("views", ["flip", "144", "dense", "multi-scale"])
def test_every_set_answers(digits_run, scans, views):
    run = striate.load(digits_run)
    (answer,) = run.predict(scans / "3" / "scan3.png", top=10, views=views)
    assert sum(share for _, share in answer.top) == pytest.approx(1, abs=1e-5)


def test_the_centre_is_the_ordinary_answer(digits_run):
    found = evaluate_views(digits_run, "digits", views="centre")
    assert torch.equal(found.result.predicted, found.centre.predicted)
    assert (found.gain.difference, found.cost.passes, found.cost.arithmetic) == (0, 1, 1)


def test_views_that_hold_mirror_images_are_not_mirrored_again(digits_run, scans):
    run = striate.load(digits_run)
    run.bundle = replace(run.bundle, preprocess=replace(run.bundle.preprocess, mirrored=True))
    assert evaluate_views(run, str(scans), "all", views="flip").cost.passes == 2
    centre = evaluate_views(run, str(scans), "all", views="centre")
    assert (centre.cost.passes, centre.cost.arithmetic, centre.centre_cost.passes) == (2, 1, 2)


def test_the_gain_is_that_of_pairs(digits_run):
    found = evaluate_views(digits_run, "digits", views="flip")
    right, before = found.result.right.double(), found.centre.right.double()
    assert found.gain.difference == pytest.approx(float((right - before).mean()))
    low, high = found.gain.interval
    assert low <= found.gain.difference <= high
    told = found.to_dict()["views"]
    assert (told["name"], told["passes"], told["centre"]["top1"]) == ("flip", 2, found.centre.accuracy)
    assert found.result.seen is not None and "points over the centre alone" in repr(found)


def test_a_picture_given_twice_is_answered_twice(digits_run, scans):
    run, path = striate.load(digits_run), scans / "3" / "scan3.png"
    first, second, bad = run.predict([path, path, next(scans.glob("*/broken.png"))], views="flip")
    assert first == second and bad.label is None and bad.problem


def test_mistakes(digits_run, scans):
    run = striate.load(digits_run)
    with pytest.raises(StriateError, match="unknown set of views 'eleven'"):
        run.predict(scans, views="eleven")
    with pytest.raises(
        StriateError, match="tiles=True answers for places, views=... once for a whole picture; leave one of them out"
    ):
        run.predict(scans, tiles=True, views="10")
    run.task = replace(run.task, name="segmentation")
    with pytest.raises(StriateError, match=r"is for segmentation; views=... are of classification, leave them out"):
        Views.of(run, "10")


def test_a_calibrated_run_is_calibrated_in_every_view(digits_run, scans):
    run = striate.load(digits_run)
    plain = evaluate_views(run, str(scans), "all", views="flip")
    run.follow(Calibration(temperature=2.0, none_below=0.99))
    found = evaluate_views(run, str(scans), "all", views="flip")
    assert found.result.none_below == 0.99 and found.result.probabilities.mean() < plain.result.probabilities.mean()
    (answer,) = run.predict(scans / "3" / "scan3.png", views="flip")
    assert answer.label == "none of these"
