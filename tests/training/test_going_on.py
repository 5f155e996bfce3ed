"""Runs that go on where something has moved: the pictures, the order of classes, the run folder itself."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import striate
from striate.core.errors import StriateError
from striate.training import loop
from striate.training.folder.layout import read_metrics

QUICK = {"model": "lenet5", "epochs": 3, "batch_size": 16, "size_px": 32, "precision": "fp32", "autotune": False}
LETTERS = 26


@pytest.fixture(autouse=True)
def no_divergence(monkeypatch):
    monkeypatch.setattr(loop, "DIVERGED_FACTOR", math.inf)  # not what is asked here


def weights(run) -> bytes:
    return (Path(getattr(run, "path", run)) / "model.safetensors").read_bytes()


def config_classes(run: Path) -> list[str]:
    return json.loads((run / "config.json").read_text())["label_names"]


@pytest.fixture
def letters(tmp_path: Path) -> Path:
    """As EMNIST's letters: IDX files, labelled 1 to 26, some pictures of each."""
    folder = tmp_path / "letters"
    folder.mkdir()
    random = np.random.default_rng(0)
    for part, each in (("train", 8), ("test", 2)):
        labels = np.repeat(np.arange(1, LETTERS + 1, dtype=np.uint8), each)
        pictures = random.integers(0, 256, (len(labels), 28, 28), dtype=np.uint8)
        for kind, array in (("images-idx3-ubyte", pictures), ("labels-idx1-ubyte", labels)):
            head = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
            (folder / f"emnist-letters-{part}-{kind}").write_bytes(head + array.tobytes())
    return folder


@pytest.mark.parametrize("earlier", [False, True])
def test_numbered_classes_keep_their_order(letters, tmp_path, death_in_place_of, earlier):
    """1, 2, 3 ..., not 1, 10, 11: also of a run of a version that did not write the order down."""
    whole = striate.train(letters, run=tmp_path / "whole", **QUICK)
    order = [str(number) for number in range(1, LETTERS + 1)]
    assert config_classes(whole.path) == order
    with death_in_place_of("save", 1):
        striate.train(letters, run=tmp_path / "killed", **QUICK)
    if earlier:
        record = json.loads((tmp_path / "killed" / "recipe.json").read_text())
        assert record["data"].pop("classes") == order
        (tmp_path / "killed" / "recipe.json").write_text(json.dumps(record))
    resumed = striate.resume(tmp_path / "killed")
    assert config_classes(resumed.path) == order
    assert weights(resumed) == weights(whole)


def test_an_order_that_an_earlier_version_mixed_up_is_refused(letters, tmp_path, death_in_place_of):
    with death_in_place_of("save", 1):
        striate.train(letters, run=tmp_path / "run", **QUICK)
    for file, change in (
        ("recipe.json", lambda record: record["data"].pop("classes")),
        ("config.json", lambda record: record["label_names"].sort()),
    ):
        record = json.loads((tmp_path / "run" / file).read_text())
        change(record)
        (tmp_path / "run" / file).write_text(json.dumps(record))
    message = (
        f"{tmp_path / 'run' / 'config.json'} has not the classes in the order that the run was begun with "
        "(1, 2, 3, 4, ...), but as 1, 10, 11, 12, ...; an earlier version that resumed it may have numbered them anew"
    )
    with pytest.raises(StriateError, match=re.escape(message)):
        striate.resume(tmp_path / "run")


@pytest.fixture
def killed(photos, tmp_path, death_in_place_of) -> Path:
    """A run of two epochs that died after one, and the weights that it would have reached, in whole.bin."""
    (tmp_path / "whole.bin").write_bytes(weights(striate.train(photos, run=tmp_path / "whole", **QUICK)))
    with death_in_place_of("save", 1):
        striate.train(photos, run=tmp_path / "run", **QUICK)
    return tmp_path / "run"


@pytest.mark.parametrize("how", ["moved", "put in other order"])
def test_pictures_that_have_moved(photos, tmp_path, killed, how):
    place = tmp_path / "other disk" / "pictures"
    place.parent.mkdir()
    photos.rename(place)
    message = (
        f"{photos}, where the pictures of {killed} were, is not there any more; if they are elsewhere now, name the "
        f"place: striate.resume('{killed}', data=...)"
    )
    with pytest.raises(StriateError, match=re.escape(message)):
        striate.resume(killed)
    if how != "moved":  # other names for all, those of the other class among them
        for number, file in enumerate(sorted(place.glob("*/*.png"), reverse=True)):
            file.rename(file.with_name(f"new-{number}.png"))
        for file in place.glob("*/*.png"):
            file.rename(file.with_name(file.name.removeprefix("new-").zfill(6)))
    resumed = striate.resume(killed, data=place)
    assert weights(resumed) == (tmp_path / "whole.bin").read_bytes()
    data = resumed.recipe["data"]
    assert (data["source"], data["moved_from"]) == (str(place), [str(photos)])
    assert f"striate train '{place}' --recipe default" in resumed.recipe["command"]
    names = {line.split("\t")[3] for line in (killed / "data.tsv").read_text().splitlines()}
    assert names == {file.relative_to(place).as_posix() for file in place.glob("*/*.png")}


def test_parquet_that_has_moved(photos, tmp_path, death_in_place_of):
    """Several files with splits, of which a run goes on to equal bytes and is evaluated where they are now."""
    files = sorted(photos.glob("*/*.png"))
    for name, part in (
        ("train-00000-of-00002", files[::3]),
        ("train-00001-of-00002", files[1::3]),
        ("test", files[2::3]),
    ):
        table = {"image": [file.read_bytes() for file in part], "label": [file.parent.name for file in part]}
        (tmp_path / "hub" / "data").mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(table), tmp_path / "hub" / "data" / f"{name}.parquet", row_group_size=5)
    whole = striate.train(tmp_path / "hub", run=tmp_path / "whole", **QUICK)
    with death_in_place_of("save", 1):
        striate.train(tmp_path / "hub", run=tmp_path / "run", **QUICK)
    place = (tmp_path / "hub").rename(tmp_path / "elsewhere")
    resumed = striate.resume(tmp_path / "run", data=place)
    assert weights(resumed) == weights(whole)
    assert resumed.recipe["data"]["source"] == str(place)
    assert resumed.evaluate(place).correct == whole.evaluate(place).correct
    assert resumed.metrics["test_pictures"] == len(files[2::3])
    (place / "data" / "train-00001-of-00002.parquet").unlink()
    with pytest.raises(StriateError, match="are not those that .* was begun with"):
        striate.resume(tmp_path / "run", data=place, epochs=4)


def test_another_place_with_other_pictures_is_refused(photos, tmp_path, killed):
    shutil.copytree(photos, tmp_path / "copy")
    (tmp_path / "copy" / "level" / "00.png").write_bytes((photos / "level" / "01.png").read_bytes())
    message = f"the pictures in {tmp_path / 'copy'} are not those that {killed} was begun with ("
    with pytest.raises(StriateError, match=re.escape(message)):
        striate.resume(killed, data=tmp_path / "copy")
    assert striate.resume(killed).recipe["data"]["source"] == str(photos)


def test_without_missing_is_for_runs_that_go_on():
    from typer.testing import CliRunner

    from striate.cli.app import app

    answer = CliRunner().invoke(app, ["train", "digits", "--without-missing"])
    assert answer.exception.in_flags == "--without-missing is for a run that goes on; give --resume and --run too"


@pytest.mark.skipif(os.name != "posix", reason="on Windows a folder with an open file cannot go")
@pytest.mark.parametrize("how", ["deleted", "moved", "emptied"])
def test_a_run_folder_that_goes_while_training(photos, tmp_path, how):
    """A real process, whose folder goes once its first epoch is over; what it leaves resumes to the same weights."""
    run, rescued = tmp_path / "my run", tmp_path / "my run-rescued"
    program = f"""
import sys, striate
from pathlib import Path
from striate.training import loop
loop.DIVERGED_FACTOR = float("inf")
validate = loop.validate
def slow(run, line):
    found = validate(run, line)
    if line["epoch"] == 1:
        print("now", flush=True)
        sys.stdin.readline()
    return found
loop.validate = slow
try:
    striate.train({str(photos)!r}, run={str(run)!r}, **{QUICK!r})
except striate.StriateError as error:
    print(error)
"""
    python = [sys.executable, "-c", program]
    with subprocess.Popen(python, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "now\n"
        if how == "deleted":
            shutil.rmtree(run)
        elif how == "moved":
            run.rename(tmp_path / "kept")
        else:
            for path in run.iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        answer, _ = process.communicate("\n", timeout=300)
    assert answer == (
        f"{run} was deleted or moved while it was trained in; all of the run is in {rescued} now. Go on with: "
        f"striate.resume('{rescued}')\n"
    )
    assert process.returncode == 0
    resumed = striate.resume(rescued)
    whole = striate.train(photos, run=tmp_path / "whole", **QUICK)
    assert weights(resumed) == weights(whole)
    assert [line["epoch"] for line in read_metrics(rescued)] == [1, 2, 3]


def test_a_run_folder_that_goes_in_the_test_after_training(photos, tmp_path, monkeypatch):
    def gone(job, *rest):
        shutil.rmtree(job.folder)
        return finish(job, *rest)

    from striate.training import run as module

    finish = module.finish
    with monkeypatch.context() as patch:
        patch.setattr(module, "finish", gone)
        with pytest.raises(StriateError, match="was deleted or moved while it was trained in"):
            striate.train(photos, run=tmp_path / "run", **QUICK)
    resumed = striate.resume(tmp_path / "run-rescued")
    assert weights(resumed) == weights(striate.train(photos, run=tmp_path / "whole", **QUICK))
    assert (resumed.path / "report.html").exists()
