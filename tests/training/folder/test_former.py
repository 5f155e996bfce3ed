"""Runs of earlier versions, whose files have other names for what they hold, go on to the same weights."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from safetensors.torch import load_file, save

import striate
from factories import tinted_folders

FIELDS = {
    "model": "resnet20", "size_px": 32, "epochs": 3, "batch_size": 8, "schedule": "one_cycle", "ema_decay": 0.9,
    "precision": "fp32", "threads": 1, "autotune": False, "fused_norms": False,
}  # fmt: skip


def in_earlier_names(run: Path) -> None:
    """The files as versions wrote them that knew nothing but classification and called the moving average averaged."""
    record = json.loads((run / "recipe.json").read_text())
    del record["task"]
    record["wishes"] = record.pop("options")
    for fields in (record["recipe"], record["changed"]):
        fields["average_decay"] = fields.pop("ema_decay")
    record["command"] = record["command"].replace("ema_decay", "average_decay")
    (run / "recipe.json").write_text(json.dumps(record))
    if (run / "config.json").exists():
        config = json.loads((run / "config.json").read_text())
        del config["task"]
        (run / "config.json").write_text(json.dumps(config))
    for state in (run / "state").iterdir():
        tensors = load_file(state / "tensors.safetensors")
        earlier = {
            name.replace("ema.", "averaged.", 1) if name[:4] == "ema." else name: t for name, t in tensors.items()
        }
        assert earlier.keys() != tensors.keys()
        (state / "tensors.safetensors").write_bytes(content := save(earlier))
        counters = json.loads((state / "counters.json").read_text())
        sums, best = counters.pop("sums"), counters.pop("best")
        counters["right"] = int(sums.get("accuracy", 0))
        counters["best_accuracy"] = best.get("accuracy", -1.0)
        counters["best_loss"] = best.get("loss", float("inf"))
        counters["sha256"] = hashlib.sha256(content).hexdigest()
        (state / "counters.json").write_text(json.dumps(counters))


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A finished run; its pictures are in data/ beside it."""
    folder = tmp_path_factory.mktemp("former")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STRIATE_CACHE", str(folder / "cache"))
        return striate.train(tinted_folders(folder / "data"), run=folder / "whole", **FIELDS).path


@pytest.mark.parametrize("steps", [1, 3], ids=["before the first validation", "after it"])
def test_a_killed_run_of_an_earlier_version_goes_on_to_equal_weights(
    whole, tmp_path, monkeypatch, death_in_place_of, steps
):
    monkeypatch.setattr("striate.training.clock.SAVE_EVERY_SECONDS", 0.0)
    run = tmp_path / "killed"
    with death_in_place_of("fitting_step", calls_before=steps):
        striate.train(whole.parent / "data", run=run, **FIELDS)
    in_earlier_names(run)
    newest = run / "state" / f"step-{steps:08d}" / "counters.json"
    assert (json.loads(newest.read_text())["best_accuracy"] == -1) == (steps == 1)
    resumed = striate.resume(run, average_decay=0.9)
    assert "warning" not in (run / "log.txt").read_text()
    last = max(path.name for path in (whole / "state").iterdir())
    for file in ("model.safetensors", f"state/{last}/tensors.safetensors"):
        assert (run / file).read_bytes() == (whole / file).read_bytes()
    metrics = [
        [
            {name: line[name] for name in line if name not in ("seconds", "images_per_second")}
            for line in map(json.loads, text)
        ]
        for text in ((path / "metrics.jsonl").read_text().splitlines() for path in (whole, run))
    ]
    assert metrics[0] == metrics[1]
    assert resumed.metrics["val_top1"] == striate.load(whole).metrics["val_top1"]
    assert resumed.task.name == "classification"
