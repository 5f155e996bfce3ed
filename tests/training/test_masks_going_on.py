"""Runs on masks that go on: what is gone, what was changed, what lies elsewhere now."""

from __future__ import annotations

import pytest

import striate
from factories import tinted_masks
from mortal import weights
from striate.core.errors import StriateError
from striate.data.manifest import rows_of

QUICK = {
    "model": "recurrent_labelling", "size_px": 32, "epochs": 2, "batch_size": 8, "peak_lr": 1e-3, "threads": 1,
    "precision": "fp32", "autotune": False, "cache_gb": 0,
}  # fmt: skip


@pytest.fixture
def killed(tmp_path, death_in_place_of):
    """The folder of a run that died after its first epoch, and its data."""
    data = tinted_masks(tmp_path / "data")
    with death_in_place_of("save", 1):
        striate.train(data, run=tmp_path / "run", **QUICK)
    return tmp_path / "run", data


def trained_on(run) -> str:
    return next(row.name for row in rows_of(run / "data.tsv") if row.split == "train")


def test_a_changed_mask_is_refused(killed):
    run, data = killed
    mask = data / "masks" / trained_on(run).rpartition("/")[2]
    others = sorted(set((data / "masks").iterdir()) - {mask})
    mask.write_bytes(others[0].read_bytes())
    with pytest.raises(StriateError, match=rf"{mask.name} is not as .*data\.tsv has it: it was changed"):
        striate.resume(run, cache_gb=0)


def test_a_picture_and_its_mask_that_are_gone_may_be_left_out(killed):
    run, data = killed
    name = trained_on(run).rpartition("/")[2]
    for kind in ("images", "masks"):
        (data / kind / name).unlink()
    with pytest.raises(StriateError, match=r"cannot be read any more .* or go on to other weights by"):
        striate.resume(run, cache_gb=0)
    resumed = striate.resume(run, cache_gb=0, without_missing=True)
    assert [each["name"].rpartition("/")[2] for each in resumed.recipe["data"]["without"]] == [name]


def test_data_that_was_moved_is_found_again(killed, tmp_path):
    run, data = killed
    whole = striate.train(data, run=tmp_path / "whole", **QUICK)
    moved = data.rename(tmp_path / "moved")
    name = trained_on(run).rpartition("/")[2]
    for kind in ("images", "masks"):
        (moved / kind / name).rename(moved / kind / f"z{name}")  # found by what they hash to
    assert weights(striate.resume(run, data=moved, cache_gb=0).path) == weights(whole.path)


def test_masks_that_validate_may_lie_elsewhere(tmp_path):
    here, there = (tinted_masks(tmp_path / name) for name in ("here", "there"))
    for kind in ("images", "masks"):
        for file in (there / kind).iterdir():
            if int(file.stem) >= 6:
                file.unlink()
    run = striate.train(here, val=there, run=tmp_path / "run", **QUICK)
    assert run.recipe["data"]["counts"]["val"] == [
        sum(counts) for counts in zip(*_pixels(there), strict=True)
    ]  # fmt: skip
    (there / "classes.txt").write_text("warm\ncold\n")
    with pytest.raises(StriateError, match=r"mean other classes by their numbers .* give both the same classes\.txt"):
        striate.train(here, val=there, run=tmp_path / "other", **QUICK)


def _pixels(data):
    from striate.data.sources import open_to_evaluate

    return open_to_evaluate(str(data)).targets.pixels[:, :-1].tolist()


def test_a_mask_that_goes_bad_is_named_and_left_out(tmp_path):
    data = tinted_masks(tmp_path / "data")

    def spoil(moment):
        if moment.epoch == 1:
            mask = data / "masks" / trained_on(tmp_path / "run").rpartition("/")[2]
            mask.write_bytes(mask.read_bytes()[:60])

    run = striate.train(data, run=tmp_path / "run", callbacks=[spoil], **QUICK)
    (line,) = [each for each in (run.path / "log.txt").read_text().splitlines() if "left out from now on" in each]
    assert trained_on(run.path).rpartition("/")[2] in line
    (gone,) = run.recipe["data"]["without"]
    assert gone["name"].rpartition("/")[2] == trained_on(run.path).rpartition("/")[2]
