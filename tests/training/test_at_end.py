"""What a network solves for when the steps are over: on the weights that were chosen, again after an interruption."""

from __future__ import annotations

from pathlib import Path

import pytest

import striate
from factories import tinted_objects
from mortal import weights
from striate.core.errors import Interrupted
from striate.models.detection import rcnn
from striate.models.quick_regnet import QuickRegNet
from striate.training import run as running

FIELDS = {
    "model": "rcnn_quick_regnet26", "size_px": 48, "epochs": 1, "batch_size": 4, "warmup_epochs": 0, "min_area": 1.0,
    "test_enlargement": 1.0, "validate_every_epochs": 1, "autotune": False, "threads": 1, "precision": "fp32",
}  # fmt: skip


@pytest.fixture(autouse=True)
def narrow(monkeypatch) -> None:
    """The packaged network with sixteen channels, which takes a hundredth of the time."""
    monkeypatch.setattr(
        rcnn, "quick_regnet26", lambda classes, channels: QuickRegNet((16,) * 4, (1,) * 4, classes, channels)
    )


def test_it_is_solved_for_on_the_chosen_weights_and_again_after_an_interruption(tmp_path: Path, monkeypatch) -> None:
    data = tinted_objects(tmp_path / "data")
    whole = striate.train(data, run=tmp_path / "whole", **FIELDS)
    assert isinstance(whole.network, rcnn.RCNN)
    assert whole.network.svm.solved.all()
    assert whole.network.svm.weight.abs().sum(1).all()
    assert whole.network.boxes.weight.isfinite().all()
    assert "the steps are over; what is left is solved for" in (tmp_path / "whole" / "log.txt").read_text()
    found = whole.evaluate(data, split="val")  # config.json has the figure of the network that is there to use
    assert whole.metrics["val_map"] == pytest.approx(found.figures()["map"], abs=1e-6)

    def gone(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(Interrupted, match="what was saved last is kept"):
        patch.setattr(running, "finish", gone)
        striate.train(data, run=tmp_path / "cut", **FIELDS)
    assert not (tmp_path / "cut" / "evaluation.json").exists()
    resumed = striate.resume(tmp_path / "cut")
    assert weights(tmp_path / "cut") == weights(tmp_path / "whole")
    assert resumed.metrics["val_map"] == whole.metrics["val_map"]
