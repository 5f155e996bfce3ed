"""Pictures that go bad while a run is under way, and the run that goes on without them."""

from __future__ import annotations

import errno
import hashlib
import math
import re
import shutil
from functools import partial
from pathlib import Path

import pytest

import striate
from striate.core.errors import StriateError
from striate.data import decode
from striate.data.batches import batches_of
from striate.training import clock, loop
from striate.training.folder.layout import read_metrics
from striate.training.folder.state import newest_step
from striate.training.monitor.reporter import Reporter

QUICK = {"model": "resnet20", "epochs": 3, "batch_size": 8, "size_px": 32, "cache_gb": 0}
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(autouse=True)
def no_divergence(monkeypatch):
    monkeypatch.setattr(loop, "DIVERGED_FACTOR", math.inf)  # not what is asked here


def weights(run):
    return hashlib.sha256((run.path / "model.safetensors").read_bytes()).hexdigest()


def trained_on(run: Path) -> list[Path]:
    rows = [line.split("\t") for line in (run / "data.tsv").read_text().splitlines()]
    return [Path(name) for split, _, _, name in rows if split == "train"]


def after_epoch(monkeypatch, number: int, act) -> None:
    """Have `act` called with the run's folder once that epoch is over."""
    tell = Reporter.epoch

    def acting(reporter, line):
        tell(reporter, line)
        if line["epoch"] == number:
            act(reporter.log)

    monkeypatch.setattr(Reporter, "epoch", acting)


def spoil(file: Path, how: str, monkeypatch) -> None:
    if how == "deleted":
        file.unlink()
    elif how == "cut short":
        file.write_bytes(file.read_bytes()[:60])
    elif how == "garbage":
        file.write_bytes(b"no picture any more")
    elif how == "a bomb":
        file.write_bytes(PNG + b"\0\0\0\rIHDR" + (100_000).to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0" + b"\0" * 40)
    elif how == "a folder":
        file.unlink()
        file.mkdir()
    else:
        code = {"no permission": errno.EACCES, "a dying disk": errno.EIO, "a stale mount": errno.ESTALE}[how]
        read = decode.read_regular

        def failing(path, most_bytes):
            if path == file:
                raise OSError(code, "it is so")
            return read(path, most_bytes)

        monkeypatch.setattr(decode, "read_regular", failing)


HOW = ["deleted", "cut short", "garbage", "a bomb", "a folder", "no permission", "a dying disk", "a stale mount"]


@pytest.mark.parametrize("how", HOW)
def test_one_bad_picture_is_named_and_the_run_ends_well(photos, tmp_path, monkeypatch, how):
    after_epoch(monkeypatch, 1, lambda run: spoil(photos / trained_on(run)[0], how, monkeypatch))
    run = striate.train(photos, run=tmp_path / "run", **QUICK)
    bad = trained_on(run.path)[0]
    told = [line for line in (run.path / "log.txt").read_text().splitlines() if line.startswith("warning: ")]
    assert len(told) == 1  # once, not in every epoch
    assert told[0].startswith(f"warning: {photos / bad} ")
    assert told[0].endswith("; it was readable before, and is left out from now on")
    assert [line["step"] for line in read_metrics(run.path)] == [4, 8, 12]
    assert (run.path / "report.html").exists()


def test_a_cached_picture_cannot_go_bad(photos, tmp_path, monkeypatch):
    whole = striate.train(photos, run=tmp_path / "whole", **{**QUICK, "cache_gb": 1})
    after_epoch(monkeypatch, 1, lambda run: [file.unlink() for file in photos.rglob("*.png")])
    run = striate.train(photos, run=tmp_path / "run", **{**QUICK, "cache_gb": 1})
    assert weights(run) == weights(whole)
    assert "warning" not in (run.path / "log.txt").read_text()


def test_what_went_bad_is_written_down_and_stays_out(photos, tmp_path, monkeypatch, death_in_place_of):
    """A disk that gives back later what it lost for a while: a resumed run does as the whole one did."""
    kept = tmp_path / "kept.png"

    def lose(run):
        (photos / trained_on(run)[0]).rename(kept)

    with monkeypatch.context() as patch:
        after_epoch(patch, 1, lose)
        whole = striate.train(photos, run=tmp_path / "whole", **QUICK)
        kept.rename(photos / trained_on(whole.path)[0])
        with death_in_place_of("save", 2):
            striate.train(photos, run=tmp_path / "killed", **QUICK)
    kept.rename(photos / trained_on(whole.path)[0])
    resumed = striate.resume(tmp_path / "killed", cache_gb=0)
    assert [entry["number"] for entry in resumed.recipe["data"]["without"]] == [0]
    assert weights(resumed) == weights(whole)


def test_a_picture_replaced_between_epochs_stops_the_run_with_its_state_saved(photos, tmp_path, monkeypatch):
    whole = striate.train(photos, run=tmp_path / "whole", **QUICK)
    file = photos / trained_on(whole.path)[3]
    before = file.read_bytes()

    def replace(run):
        file.write_bytes((photos / trained_on(run)[4]).read_bytes())
        (photos / trained_on(run)[5]).touch()  # the same picture: no matter

    monkeypatch.setattr(clock, "SAVE_EVERY_SECONDS", 60.0)
    with monkeypatch.context() as patch:
        after_epoch(patch, 1, replace)
        message = f"{file} is another picture than when the run began, so it cannot go on to the same weights; what was"
        with pytest.raises(StriateError, match=re.escape(message)):
            striate.train(photos, run=tmp_path / "run", **QUICK)
    assert newest_step(tmp_path / "run" / "state") >= 4
    with pytest.raises(StriateError, match=re.escape(f"({file} is another one now)")):
        striate.resume(tmp_path / "run", cache_gb=0)
    file.write_bytes(before)
    assert weights(striate.resume(tmp_path / "run", cache_gb=0)) == weights(whole)


def test_too_many_end_the_run(photos, tmp_path, monkeypatch):
    after_epoch(monkeypatch, 1, lambda run: [(photos / name).unlink() for name in trained_on(run)[:11]])
    message = "11 pictures have gone bad since the run began, more than 10; is the disk still there?"
    with pytest.raises(StriateError, match=message):
        striate.train(photos, run=tmp_path / "run", **QUICK)


def test_too_many_for_a_while_and_the_run_goes_on_to_the_same_weights(photos, tmp_path, monkeypatch):
    """A disk that is unplugged, and plugged in again."""
    whole = striate.train(photos, run=tmp_path / "whole", **QUICK)
    after_epoch(monkeypatch, 1, lambda run: shutil.move(photos / "level", tmp_path))
    with pytest.raises(StriateError, match="have gone bad since the run began"):
        striate.train(photos, run=tmp_path / "run", **QUICK)
    shutil.move(tmp_path / "level", photos)
    assert weights(striate.resume(tmp_path / "run", cache_gb=0)) == weights(whole)


@pytest.mark.parametrize("how", ["deleted", "garbage"])
def test_a_run_goes_on_without_a_picture_as_if_it_had_not_been_killed(
    photos, tmp_path, monkeypatch, how, death_in_place_of
):
    """Numbers, order and flips stay those of the list that the run was begun with, here with one unreadable from
    the start; a picture that came later is no part of it."""
    (photos / "level" / "03.png").write_text("never was one")
    shutil.copytree(photos, tmp_path / "copy")
    fields = {**QUICK, "flip_alternately": True, "flip": False}

    def change(root):
        spoil(root / trained_on(tmp_path / "whole")[2], how, monkeypatch)

    with monkeypatch.context() as patch:
        after_epoch(patch, 1, lambda run: change(photos))
        whole = striate.train(photos, run=tmp_path / "whole", **fields)

    with death_in_place_of("save", 1):
        striate.train(tmp_path / "copy", run=tmp_path / "killed", **fields)
    change(tmp_path / "copy")
    shutil.copy(tmp_path / "copy" / "upright" / "01.png", tmp_path / "copy" / "level" / "00a.png")
    bad = trained_on(tmp_path / "killed")[2]
    message = (
        f"a picture of {tmp_path / 'killed'} cannot be read any more in {tmp_path / 'copy'} ({tmp_path / 'copy' / bad} "
    )
    with pytest.raises(StriateError, match=re.escape(message)) as refused:
        striate.resume(tmp_path / "killed", cache_gb=0)
    assert "so it cannot go on to the same weights; bring back what is missing, name the place" in str(refused.value)
    assert refused.value.in_flags.endswith("or go on to other weights by --without-missing")
    resumed = striate.resume(tmp_path / "killed", cache_gb=0, without_missing=True)
    log = (resumed.path / "log.txt").read_text()
    assert "warning: from step 3 on without 1 picture that cannot be read any more, as --without-missing has it" in log
    assert re.findall(r"(\d+) pictures to train", log) == ["27", "26"]
    (left_out,) = resumed.recipe["data"]["without"]
    assert (left_out["name"], left_out["from_step"]) == (str(tmp_path / "copy" / bad), 3)
    assert f"from step 3 on: {tmp_path / 'copy' / bad}" in (resumed.path / "report.html").read_text()
    assert weights(resumed) == weights(whole)


def test_a_damaged_list_is_refused(photos, tmp_path):
    run = striate.train(photos, run=tmp_path / "run", **{**QUICK, "epochs": 1})
    (run.path / "evaluation.json").unlink()
    (run.path / "data.tsv").write_text("train\tcat\n")
    with pytest.raises(StriateError, match=r"data\.tsv is damaged: line 1 is no split, class, hash and name"):
        striate.resume(run.path)
    (run.path / "data.tsv").unlink()
    with pytest.raises(StriateError, match=r"data\.tsv cannot be read \(No such file or directory\); start a new run"):
        striate.resume(run.path)


@pytest.mark.parametrize("cache_gb", [0, 1])
def test_workers_change_nothing(photos, tmp_path, monkeypatch, cache_gb):
    def with_workers(number):
        monkeypatch.setattr("striate.training.prepared.batches_of", partial(batches_of, workers=number))
        return weights(striate.train(photos, run=tmp_path / f"run-{number}", **{**QUICK, "cache_gb": cache_gb}))

    assert with_workers(0) == with_workers(1) == with_workers(3)


def test_what_a_killed_run_left_half_written_is_removed(photos, tmp_path):
    run = tmp_path / "run"
    (run / "state" / ".step-00000001.abc.part").mkdir(parents=True)
    (run / ".recipe.json.abc.part").write_text("{")
    shutil.rmtree(run / "state")
    striate.train(photos, run=run, **{**QUICK, "epochs": 1})
    assert not list(run.rglob("*.part"))
