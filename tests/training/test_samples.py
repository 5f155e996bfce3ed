"""The report's pictures of training are those that the network was trained on."""

from __future__ import annotations

import json

import pytest
import torch

import striate
from striate.tasks.classification.examples import label_text
from striate.training import finish as finish_module
from striate.training import run as run_module
from striate.training.finetune import head as head_module
from striate.training.memory import retry

SAMPLED = {"epochs": 1, "batch_size": 10, "size_px": 24, "autotune": False, "precision": "fp32"}


@pytest.mark.parametrize(
    "fields",
    [
        {"flip": True, "jitter": 0.3, "min_area": 0.4},
        {"flip_alternately": True, "crop_padding_px": 2},
        {"cut_mix": 1.0, "flip": True},
        {"start_px": 16, "min_area": 0.5},
    ],
    ids=["crops and colours", "alternating flips", "CutMix", "growth"],
)
def test_the_report_shows_the_pictures_that_were_trained_on(photos, tmp_path, monkeypatch, fields):
    """What the first step is computed from, captured, is what the report shows, pixel by pixel and label by label."""
    trained, shown = [], []
    compute, render = retry.gradients, finish_module.write_report

    def seen(job, phase, images, targets):
        trained.append((images.clone(), targets.labels))
        return compute(job, phase, images, targets)

    monkeypatch.setattr(retry, "gradients", seen)
    monkeypatch.setattr(
        finish_module, "write_report", lambda path, facts: (shown.extend(facts.augmented), render(path, facts))
    )
    run = striate.train(photos, "resnet20", run=tmp_path / "run", **SAMPLED, **fields)
    images, labels = trained[0]
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) * 255 for values in (run.preprocess.mean, run.preprocess.std))
    pictures = (images * std + mean).clamp(0, 255).permute(0, 2, 3, 1)
    assert 0 < len(shown) == min(16, len(pictures))
    for sample, picture, label in zip(shown, pictures, labels, strict=False):
        assert (torch.from_numpy(sample.pixels).float() - picture).abs().max() <= 0.51
        assert sample.label == label_text(label, run.classes)


def test_a_staged_run_shows_what_its_head_has_left_out_no_more(photos, tmp_path, monkeypatch):
    """Where mirrored views did harm, nothing that is shown is mirrored, since nothing that was trained on was."""
    jobs = []
    sampled = run_module.finish

    def noted(job, *others):
        jobs.append(job)
        return sampled(job, *others)

    monkeypatch.setattr(run_module, "finish", noted)
    monkeypatch.setattr(head_module, "best_variety", lambda *arguments: "plain")
    source = striate.train(photos, "resnet20", run=tmp_path / "source", **SAMPLED)
    striate.train(photos, run=tmp_path / "staged", weights=source.path, **{**SAMPLED, "flip": True})
    assert not jobs[-1].recipe.flip and jobs[-1].recipe.staged
    recipe = json.loads((tmp_path / "staged" / "recipe.json").read_text())["recipe"]
    assert recipe["flip"]
