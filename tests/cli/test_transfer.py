"""The verbs of transfer: features, predict embedded, train --weights."""

from __future__ import annotations

import importlib.util
import json

import numpy as np
import pytest
from PIL import Image

import striate as package


def test_predict_embedded_names_a_class(striate, embedded, tmp_path):
    Image.new("RGB", (90, 70), "teal").save(tmp_path / "photo.jpg")
    answer = striate("predict", "embedded", tmp_path / "photo.jpg", "--json")
    assert (answer.status, answer.err) == (0, "")
    assert json.loads(answer.out)[0]["label"].startswith("thing ")


def test_train_from_embedded_weights_on_the_command_line(striate, embedded, photos, tmp_path):
    words = ("--freeze", "--size", 32, "--set", "head_views=2", "--run", tmp_path / "run")
    answer = striate("train", photos, "--weights", "embedded", *words)
    assert answer.status == 0, answer
    assert "tuning the head alone: as asked" in answer.err
    assert package.load(tmp_path / "run").network.architecture == "quick_regnet26"
    mistake = striate("train", "--run", tmp_path / "run", "--resume", "--weights", "imagenet").mistake()
    assert "was begun with" in mistake


def test_freeze_and_unfreeze_exclude_each_other(striate, photos):
    words = ("--weights", "embedded", "--freeze", "--unfreeze-to", "layer3")
    assert (
        striate("train", photos, *words).mistake().startswith("striate: --freeze tunes the head alone, --unfreeze-to")
    )


def test_weights_that_are_not_there(striate, photos):
    line = "striate: no weights at embeded: no such file; weights are 'embedded', a run folder, a file, or"
    assert striate("train", photos, "--weights", "embeded").mistake().startswith(line)


def test_features_are_written_for_every_layer(striate, embedded, photos, tmp_path):
    out = tmp_path / "x.npz"
    answer = striate("features", "embedded", photos / "level", "--layer", "layer2,last", "--output", out)
    assert (answer.status, answer.err) == (0, "")
    assert answer.out == f"{out}: 20 pictures, layer2 (96 numbers), last (384 numbers)\n"
    with np.load(out) as found:
        assert (found["layer2"].shape, found["last"].shape, found["last"].dtype) == ((20, 96), (20, 384), np.float32)
        assert found["paths"][3] == str(photos / "level" / "03.png")


def test_a_broken_picture_is_named_and_left_out(striate, embedded, photos, tmp_path):
    (photos / "level" / "03.png").write_bytes(b"no picture")
    answer = striate("features", "embedded", photos / "level", "--output", tmp_path / "x.npz", "--json")
    assert answer.status == 1
    assert answer.err.startswith(f"striate: {photos / 'level' / '03.png'} ")
    assert json.loads(answer.out)["pictures"] == 19


def test_another_ending_and_a_missing_package_are_said_before_the_work(striate, tmp_path, monkeypatch):
    line = striate("features", "nothing", tmp_path, "--output", "x.csv").mistake()
    assert line == "striate: --output must end in .npz or .parquet, got x.csv"
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "pyarrow" else find_spec(name))
    line = striate("features", "nothing", tmp_path, "--output", "x.parquet").mistake()
    assert line.endswith("install it with: pip install 'striate[parquet]', or write .npz")


def test_parquet_holds_the_same(striate, embedded, photos, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    for name in ("x.npz", "x.parquet"):
        assert striate("features", "embedded", photos / "level", "--output", tmp_path / name).status == 0
    table = parquet.read_table(tmp_path / "x.parquet").to_pydict()
    with np.load(tmp_path / "x.npz") as plain:
        assert table["path"] == plain["paths"].tolist()
        np.testing.assert_array_equal(np.array(table["last"], np.float32), plain["last"])


def test_freezing_without_weights_is_refused(striate, tmp_path):
    """And the sentence names what was typed."""
    for words, name in (
        (["--freeze"], "--freeze"),
        (["--unfreeze-to", "layer3"], "--unfreeze-to"),
        (["--set", "unfreeze_to=layer3"], "unfreeze_to"),
    ):
        said = striate("train", "digits", "--run", tmp_path / "run", *words).mistake()
        assert said == (
            f"striate: {name} does nothing here: it needs a staged run, which begins with trained weights "
            "(--weights embedded)"
        )
        assert not (tmp_path / "run").exists()


def test_empty_words_are_names_that_there_are_not(striate, tmp_path):
    for flag, message in (("--recipe", "unknown recipe ''"), ("--model", "unknown model ''")):
        assert message in striate("train", "digits", "--run", tmp_path / "run", flag, "").mistake()
    assert "no weights at" in striate("train", "digits", "--weights", "", "--run", tmp_path / "run").mistake()
