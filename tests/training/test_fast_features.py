"""Averaged weights, whitened first layer, growing pictures, alternating flips, mirrored answer; and their resume."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import striate
from striate.core.errors import Interrupted, StriateError
from striate.core.records import Preprocess
from striate.data.augment import Augmentation, alternating_flips, augment
from striate.data.batches import Batches
from striate.data.picture import scaled
from striate.data.targets.classes import ClassTargets
from striate.models import create_model
from striate.runtime.runtime import Runtime
from striate.tasks.classification import predict_logits
from striate.training import clock, loop, variation
from striate.training.folder.layout import read_metrics
from striate.training.optim.ema import update_ema
from striate.training.optim.schedule import learning_rate, side_px
from striate.training.optim.whitening import whiten_first_layer, whitening_filters
from striate.training.recipe import Recipe

PLAIN = Runtime("cpu", "fp32", channels_last=False, threads=1)
QUICK = {"model": "resnet20", "epochs": 2, "batch_size": 128, "size_px": 32, "autotune": False}
EVERYTHING = {
    **QUICK, "optimizer": "muon", "schedule": "one_cycle", "warmup_epochs": 0.5, "ema_decay": 0.9, "whiten": True,
    "start_px": 16, "full_size_at": 0.75, "flip_alternately": True, "test_flip": True, "min_area": 0.5, "erase": 0.5,
}  # fmt: skip


class Noise:
    """Working pictures whose neighbouring pixels are alike, as in photographs."""

    def __init__(self, count, side):
        rough = torch.randn(count, 3, side // 4, side // 4, generator=torch.Generator().manual_seed(0))
        smooth = F.interpolate(rough, size=(side, side), mode="bilinear")
        self.pixels = (smooth * 40 + 128).clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()

    def take(self, indices, _bad=None):
        return self.pixels[indices]


def test_one_cycle_is_two_straight_lines():
    recipe = Recipe(model="lenet5", epochs=10, peak_lr=1.0, schedule="one_cycle", warmup_epochs=2)
    rates = [learning_rate(recipe, step, 10) for step in range(100)]
    assert rates[19] == 1.0 and max(rates) == 1.0
    assert np.allclose(np.diff(rates[:20]), 1 / 20) and np.allclose(np.diff(rates[20:]), -1 / 80)
    assert rates[-1] == pytest.approx(1 / 80)


def test_pictures_grow_and_reach_their_full_size_in_time():
    recipe = Recipe(model="resnet18", epochs=4, start_px=32, full_size_at=0.5)
    sides = [side_px(recipe, 64, step, 25) for step in range(100)]
    assert sides == sorted(sides) and set(sides) == {32, 40, 48, 56, 64}
    assert sides.index(64) == 50
    assert side_px(Recipe(model="resnet18"), 64, 0, 25) == 64


def test_shrinking_averages():
    batch = torch.arange(16.0).view(1, 1, 4, 4)
    inner = scaled(batch.repeat(1, 1, 8, 8), (16, 16))[0, 0, 4:12, 4:12]
    expected = F.avg_pool2d(batch.repeat(1, 1, 8, 8), 2)[0, 0, 4:12, 4:12]
    assert (inner.mean() - expected.mean()).abs() < 0.1
    assert (scaled(torch.full((1, 3, 8, 8), 7.0), (4, 4)) - 7).abs().max() < 1e-5
    assert scaled(batch, (4, 4)) is batch


def test_the_average_is_the_sum_written_out():
    ours, theirs = nn.BatchNorm1d(2), nn.BatchNorm1d(2)
    nn.init.zeros_(ours.weight)
    expected, decay = 0.0, 0.5
    for step in range(1, 31):
        nn.init.constant_(theirs.weight, float(step))
        theirs.num_batches_tracked.fill_(step)
        update_ema(ours, theirs, decay, step)
        if step % 5 == 0:
            kept = min(decay**5, (1 + step // 5) / (10 + step // 5))
            expected = kept * expected + (1 - kept) * step
    assert ours.weight.tolist() == pytest.approx([expected] * 2)
    assert ours.num_batches_tracked == 30


def test_whitening_filters_make_patches_white():
    images = torch.from_numpy(Noise(64, 32).pixels).permute(0, 3, 1, 2).float() / 64 - 2
    layer = nn.Conv2d(3, 24, 2, stride=2, bias=False)
    filters = whitening_filters(images, layer, seed=0)
    assert filters.shape == (24, 3, 2, 2)  # both signs of all 12 numbers in a 2x2 patch
    answers = F.conv2d(images, filters[:12].float(), stride=2).transpose(0, 1).flatten(1).double()
    moments = answers @ answers.T / answers.shape[1]
    assert moments[0, 0] == pytest.approx(1, abs=0.05)  # the strongest pattern has unit variance
    assert (moments - moments.diagonal().diag()).abs().max() < 0.05  # and no two are correlated
    assert moments.diagonal().max() < 1.05  # the floor only ever makes weak ones weaker


def test_whitening_freezes_the_first_layer_and_is_repeatable():
    labels, indices = np.zeros(64, np.int64), np.arange(64)
    layers = []
    for _ in range(2):
        torch.manual_seed(3)
        network = create_model("quick_regnet26", 4)
        whiten_first_layer(
            network, Batches(Noise(64, 64), ClassTargets(labels, ("a", "b")), indices, 8), network.preprocess, seed=0
        )
        layers.append(network.conv1)
    assert torch.equal(layers[0].weight, layers[1].weight) and not layers[0].weight.requires_grad
    assert torch.equal(layers[0].weight[:24], -layers[0].weight[24:])


def test_whitening_a_network_without_a_convolution_is_refused():
    batches = Batches(Noise(8, 28), ClassTargets(np.zeros(8, np.int64), ("a",)), np.arange(8), 8)
    with pytest.raises(
        StriateError, match="whiten needs a network that begins with a convolution over the pictures; mlp"
    ):
        whiten_first_layer(create_model("mlp"), batches, create_model("mlp").preprocess, seed=0)


def test_two_epochs_show_both_sides_of_every_picture():
    numbers = np.arange(5000)
    first, second, third = (alternating_flips(numbers, 7, epoch) for epoch in range(3))
    assert torch.equal(first, ~second) and torch.equal(first, third)
    assert abs(float(first.float().mean()) - 0.5) < 0.03
    other = alternating_flips(numbers, 8, 0)
    assert abs(float((first ^ other).float().mean()) - 0.5) < 0.03  # another seed, other pictures


@pytest.mark.parametrize("fields", [{}, {"min_area": 0.999999}], ids=["whole pixels", "resampled"])
def test_the_mirrored_pictures_are_those_that_were_asked_for(fields):
    batch = torch.arange(2 * 3 * 8 * 8, dtype=torch.uint8).view(2, 8, 8, 3).permute(0, 3, 1, 2)
    augmentation, record = Augmentation(**fields), Preprocess((8, 8), (8, 8))
    given = augment(batch, augmentation, record, torch.Generator().manual_seed(0), torch.tensor([True, False]))
    assert torch.allclose(given[0].float(), batch[0].flip(2).float(), atol=0.1)
    assert torch.allclose(given[1].float(), batch[1].float(), atol=0.1)


def test_a_mirrored_answer_does_not_depend_on_the_side():
    torch.manual_seed(0)
    network = create_model("resnet20", 4).eval()
    pictures = torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8)
    plain, record = network.preprocess, Preprocess((32, 32), (32, 32), mirrored=True)
    with torch.inference_mode():
        once, mirrored = (predict_logits(network, p, record, PLAIN) for p in (pictures, pictures.flip(3)))
        torch.testing.assert_close(once, mirrored)
        assert not torch.allclose(*(predict_logits(network, p, plain, PLAIN) for p in (pictures, pictures.flip(3))))
    assert Preprocess.from_dict(record.to_dict()) == record


def sha256(run):
    return hashlib.sha256((run.path / "model.safetensors").read_bytes()).hexdigest()


def test_a_run_with_everything_resumes_to_the_same_weights(tmp_path, monkeypatch):
    whole = striate.train("digits", run=tmp_path / "whole", **EVERYTHING)
    assert whole.preprocess.mirrored and whole.metrics["test_top1"] > 0.15  # ten classes
    step, made = loop.fitting_step, []

    def interrupted(*arguments):
        made.append(1)
        if len(made) in (4, 11):  # within the first epoch, and in the second
            raise KeyboardInterrupt
        return step(*arguments)

    monkeypatch.setattr(clock, "SAVE_EVERY_SECONDS", 0.0)
    monkeypatch.setattr(loop, "fitting_step", interrupted)
    with pytest.raises((KeyboardInterrupt, Interrupted)):
        striate.train("digits", run=tmp_path / "parts", **EVERYTHING)
    with pytest.raises((KeyboardInterrupt, Interrupted)):
        striate.resume(tmp_path / "parts")
    assert sha256(striate.resume(tmp_path / "parts")) == sha256(whole)
    assert len(made) > 11


def test_validation_waits_where_the_recipe_says_so(tmp_path):
    fields = {"recipe": "digits_lenet5", "epochs": 5, "validate_every_epochs": 2}
    run = striate.train("digits", run=tmp_path / "run", **fields)
    assert [line["epoch"] for line in read_metrics(run.path) if "val_accuracy" in line] == [2, 4, 5]


@pytest.mark.parametrize("fields", [{}, {"min_area": 0.5}], ids=["crops", "resized crops"])
def test_pictures_in_use_are_larger_than_in_training(photos, tmp_path, monkeypatch, fields):
    sides = []
    normalised = variation.normalise
    monkeypatch.setattr(
        variation, "normalise", lambda batch, record: sides.append(batch.shape[2:]) or normalised(batch, record)
    )
    run = striate.train(
        photos, "quick_regnet26", run=tmp_path / "run", size_px=40, test_enlargement=1.25, epochs=1, flip=True,
        threads=1, autotune=False, precision="fp32", **fields,
    )  # fmt: skip
    assert set(sides) == {(32, 32)}
    assert (run.preprocess.size, run.preprocess.resize) == ((40, 40), (32, 32))
