"""What is left out is told by every verb that takes a folder, as text and as JSON."""

from __future__ import annotations

import json
import os

import pytest

HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
SAID = "1 picture is left out, HEIC cannot be read here (save as JPEG or PNG): 3/x.heic"


@pytest.fixture
def odd_folder(digit_folder):
    """Ten digits of each class, a picture that cannot be read, one beside the classes, and a text."""
    (digit_folder / "3" / "x.heic").write_bytes(HEIC)
    min((digit_folder / "3").glob("*.png")).rename(digit_folder / "lost.png")
    (digit_folder / "notes.txt").write_text("mine")
    return digit_folder


def test_check(striate, odd_folder):
    answer = striate("check", odd_folder)
    lines = answer.out.splitlines()
    assert f"warning: {SAID}" in lines
    assert (
        "warning: 1 picture is left out, beside the folders of the classes, so nothing says the class: lost.png"
        in lines
    )
    assert "note: 1 file is left out, no picture: notes.txt" in lines
    assert "nothing to complain about" not in answer.out
    told = json.loads(striate("check", odd_folder, "--json").out)["left_out"]
    assert [(each["kind"], each["count"], each["names"]) for each in told] == [
        ("format", 1, ["3/x.heic"]),
        ("beside", 1, ["lost.png"]),
        ("other", 1, ["notes.txt"]),
    ]


def test_evaluate(striate, digits_run, odd_folder):
    answer = striate("evaluate", digits_run, odd_folder)
    assert answer.status == 0
    assert f"striate: note: {SAID}\n" in answer.err
    assert "striate: note: 1 file is left out, no picture: notes.txt\n" in answer.err
    told = json.loads(striate("evaluate", digits_run, odd_folder, "--json").out)
    assert [each["kind"] for each in told["left_out"]] == ["format", "beside", "other"]


def test_predict(striate, digits_run, odd_folder):
    answer = striate("predict", digits_run, odd_folder, "--json")
    problems = {row["path"]: row["problem"] for row in json.loads(answer.out) if "problem" in row}
    assert problems == {
        str(odd_folder / "3" / "x.heic"): "is a HEIC picture, which cannot be read here; save it as JPEG or PNG"
    }
    assert len(json.loads(answer.out)) == 101
    assert answer.status == 1
    assert "striate: note: 1 file is left out, no picture: notes.txt\n" in answer.err


def test_features(striate, digits_run, odd_folder, tmp_path):
    answer = striate("features", digits_run, odd_folder, "--output", tmp_path / "f.npz", "--json")
    assert [each["kind"] for each in json.loads(answer.out)["left_out"]] == ["other"]
    assert "is a HEIC picture" in answer.err


def test_train(striate, odd_folder, tmp_path):
    words = ("--model", "lenet5", "--epochs", 1, "--size", 28, "--run", tmp_path / "run", "--no-autotune", "--json")
    answer = striate("train", odd_folder, *words)
    assert answer.status == 0, answer.err
    log = (tmp_path / "run" / "log.txt").read_text()
    assert f"warning: {SAID}" in log
    assert "note: 1 file is left out, no picture: notes.txt" in log
    assert [each["kind"] for each in json.loads(answer.out)["left_out"]] == ["format", "beside", "other"]
    record = json.loads((tmp_path / "run" / "recipe.json").read_text())
    assert [each["count"] for each in record["data"]["left_out"]] == [1, 1, 1]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names")
def test_predict_reads_no_device_and_no_pipe(striate, digits_run, tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    answer = striate("predict", digits_run, "/dev/zero", tmp_path / "pipe.png", "--json")
    assert answer.status == 1
    assert [row["problem"] for row in json.loads(answer.out)] == [
        "cannot be read (is a device, no regular file)",
        "cannot be read (is a pipe, no regular file)",
    ]
