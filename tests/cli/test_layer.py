"""`striate layer`: parse, answer, show."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest


def test_the_exercise_of_every_course(striate) -> None:
    words = "layer conv --in 3x32x32 --kernel 5 --stride 1 --padding 2 --filters 10"
    answer = striate(*words.split())
    assert (answer.status, answer.err) == (0, "")
    assert "(32 + 2x2 - 5) / 1 + 1 = 32" in answer.out
    assert "750 weights + 10 biases = 760" in answer.out
    assert "10x32x32" in answer.out and "window 0      o  o  #  #  #" in answer.out


@pytest.mark.parametrize(
    ("words", "out_shape"),
    [
        ("pool --in 64x112x112 --kernel 3 --stride 2", [64, 55, 55]),
        ("pool --in 64x112x112 --kernel 3 --stride 2 --ceil-mode", [64, 56, 56]),
        ("pool --in 1x4x4 --kernel 1 --stride 2 --ceil-mode", [1, 2, 2]),
        ("pool --in 1x4x4 --kernel 1 --stride 2 --caffe", [1, 3, 3]),
        ("pool --in 6x28x28 --kernel 2", [6, 14, 14]),
        ("conv --in 3x224x224 --kernel 7 --stride 2 --padding SAME --filters 4", [4, 112, 112]),
        ("conv --in 3x28x28 --kernel 5 --padding valid --filters 4", [4, 24, 24]),
        ("conv --in 3x20x30 --kernel 3x5 --dilation 2x1 --filters 4", [4, 16, 26]),
        ("deconv --in 8x7x7 --kernel 3 --stride 2 --padding same --filters 4", [4, 14, 14]),
    ],
)
def test_json_is_one_document(striate, words, out_shape) -> None:
    answer = striate("layer", *words.split(), "--json")
    assert (answer.status, answer.err) == (0, "")
    assert json.loads(answer.out)["out_shape"] == out_shape


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("conv --in 32x32 --kernel 3", "--in takes CHANNELSxHEIGHTxWIDTH, such as 3x32x32, got '32x32'"),
        ("conv --in 3x9x9 --kernel a", "--kernel takes a whole number or HEIGHTxWIDTH, such as 3 or 3x5, got 'a'"),
        ("conv --in 3x9x9 --kernel 3 --padding sam", "--padding takes a whole number, HEIGHTxWIDTH, same or valid"),
        ("conv --in 3x9x9 --kernel 3", "conv needs filters: how many channels come out"),
        ("pool --in 3x9x9 --kernel 3 --caffe --ceil-mode", "--ceil-mode and --caffe exclude each other"),
        ("conv --in 3x2x2 --kernel 5 --filters 1", "a window of 5 pixels does not fit into 2 pixels"),
        ("convv --in 3x2x2 --kernel 5", "unknown layer kind 'convv'; did you mean 'conv'"),
    ],
)
def test_a_mistake_is_one_line(striate, words, message) -> None:
    assert message in striate("layer", *words.split()).mistake()


def test_no_torch_for_arithmetic() -> None:
    code = (
        "import sys; from striate.cli import main\n"
        "sys.argv = 'striate layer conv --in 3x9x9 --kernel 3 --filters 2'.split()\n"
        "try: main()\nexcept SystemExit: pass\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
