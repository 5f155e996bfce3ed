"""Proposals that are given: from the pixels, where augmentation moves the objects, and to the network in use."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import striate
from factories import tinted_objects
from striate.core.errors import StriateError
from striate.core.records import Preprocess
from striate.data.geometry import whole_pictures
from striate.data.proposals import proposals_of
from striate.data.targets.boxes import BoxBatch
from striate.models import create_model
from striate.models.detection import rcnn
from striate.models.detection.fast_rcnn import proposed_in
from striate.models.quick_regnet import QuickRegNet
from striate.runtime.runtime import Runtime
from striate.tasks.detection.prediction import predict_objects
from striate.tasks.detection.proposing import with_proposals

METHOD = "sliding_window"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path / "cache"))


def batch() -> tuple[torch.Tensor, BoxBatch]:
    """Two pictures of 40x60 px with a box each."""
    pictures = torch.randint(0, 256, (2, 3, 40, 60), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    boxes, one = torch.tensor([[4.0, 4, 20, 30], [10.0, 5, 50, 35]]), torch.tensor([0, 1])
    shown = torch.tensor([[40.0, 60.0]] * 2)
    return pictures, BoxBatch(boxes, one, one, 2, (40, 60), torch.zeros(2, dtype=torch.bool), shown)


def test_they_are_the_methods_and_move_as_boxes_do() -> None:
    pictures, targets = batch()
    preprocess = Preprocess((40, 60), (40, 60), proposals=METHOD)
    assert with_proposals(pictures, targets, replace(preprocess, proposals=None)).proposals is None
    given = with_proposals(pictures, targets, preprocess).proposals
    assert given is not None
    wanted = torch.from_numpy(proposals_of(pictures[1].permute(1, 2, 0).numpy(), METHOD))
    assert torch.equal(given.boxes[given.picture == 1], wanted[:2000])
    mirrored = replace(whole_pictures(2, (40, 60)), mirrored=torch.tensor([False, True])).scaled((80, 120))
    moved = with_proposals(pictures, targets, preprocess).to(torch.clone).moved(mirrored)[1:]
    assert moved.proposals is not None
    right, left = 120 - 2 * wanted[:2000, 0], 120 - 2 * wanted[:2000, 2]
    expected = torch.stack([left, 2 * wanted[:2000, 1], right, 2 * wanted[:2000, 3]], 1)
    torch.testing.assert_close(moved.proposals.boxes, expected)
    assert (moved.proposals.picture == 0).all()
    first = proposed_in(moved, torch.zeros(1, 3, 80, 120), most=7)
    torch.testing.assert_close(first.boxes[0], expected[:7])


def test_a_network_in_use_looks_in_them_at_its_own_size() -> None:
    """An object answered of R-CNN without boxes solved is one of the proposals as it is."""
    pictures, _ = batch()
    torch.manual_seed(0)
    network = create_model("rcnn_quick_regnet26", classes=2).eval()
    preprocess = Preprocess((80, 120), (40, 60), proposals=METHOD)
    network.most_proposals = 40
    found = predict_objects(network, pictures[:1], preprocess, Runtime("cpu", "fp32", False, 1))[0]
    boxes = found[found[:, 4] > 0][:, :4] * torch.tensor([60.0, 40, 60, 40])
    known = torch.from_numpy(proposals_of(pictures[0].permute(1, 2, 0).numpy(), METHOD))[:40]
    assert len(boxes)
    assert (torch.cdist(boxes, known, p=torch.inf).amin(1) < 1e-3).all()


def test_a_run_keeps_its_method_and_files(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(
        rcnn, "quick_regnet26", lambda classes, channels: QuickRegNet((16,) * 4, (1,) * 4, classes, channels)
    )
    data = tinted_objects(tmp_path / "data")
    fields = {
        "model": "rcnn_quick_regnet26", "size_px": 48, "epochs": 1, "batch_size": 4, "autotune": False, "threads": 1,
        "test_enlargement": 1.0, "precision": "fp32", "warmup_epochs": 0,
    }  # fmt: skip
    run = striate.train(data, run=tmp_path / "run", proposals="selective_search", **fields)
    assert run.preprocess.proposals == "selective_search"
    kept = list((tmp_path / "cache" / "proposals").rglob("*.safetensors"))
    assert len(kept) == 24  # every picture once, in training and validation
    with pytest.raises(
        StriateError, match=r"^proposals does nothing here: it needs a network that looks in given boxes"
    ):
        striate.train(data, run=tmp_path / "other", **{**fields, "model": "quick_detector"}, proposals=METHOD)
    with pytest.raises(StriateError, match=r"^unknown method 'selective'; did you mean 'selective_search'"):
        striate.train(data, run=tmp_path / "other", proposals="selective", **fields)
    with pytest.raises(StriateError, match="mosaics of pictures have no proposals of their own"):
        striate.train(data, run=tmp_path / "other", proposals=METHOD, mosaic=0.5, **fields)
    answer = run.predict(np.zeros((64, 64, 3), np.uint8))
    assert answer is not None
    with pytest.raises(StriateError, match="looks in the boxes of selective_search, which no file for other programs"):
        run.export(tmp_path / "run.onnx")
