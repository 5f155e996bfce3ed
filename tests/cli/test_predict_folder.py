"""`striate predict` on many pictures: answers come as they are, and what was stopped goes on where it stopped."""

from __future__ import annotations

import csv
import gc
import os
import signal
import subprocess
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import striate as package
from striate.answers.classes import Prediction
from striate.core.csv_table import MARK
from striate.data.streaming import BATCH_SIZE, Undecoded
from striate.deploy.answer_file import AnswerFile
from striate.deploy.predictions import Listed

# `striate` that gets a signal before the answer to its n-th picture is passed on.
STOPPING = """
import os, sys
from striate.cli import main
from striate.deploy.predictor import Predictor
answers, after, signal = Predictor.answers, int(sys.argv[1]), int(sys.argv[2])

def stopping(self, *asked, **named):
    for number, answer in enumerate(answers(self, *asked, **named)):
        if number == after:
            os.kill(os.getpid(), signal)
        yield answer

Predictor.answers = stopping
sys.argv = ["striate", *sys.argv[3:]]
main()
"""
LOADED = """
import sys
from striate.cli import main
sys.argv = ["striate", *sys.argv[1:]]
try:
    main()
finally:
    print(*sys.modules, sep="\\n", file=sys.stderr)
"""


@pytest.fixture(scope="session")
def digits_file(digits_run, tmp_path_factory) -> Path:
    """The shared run as an ONNX file."""
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    return package.load(digits_run).export(tmp_path_factory.mktemp("exported") / "digits.onnx").path


@pytest.fixture
def album(digit_folder) -> Path:
    """100 scans in folders; one is no picture, and the name of one would be a formula."""
    (digit_folder / "3" / "broken, very.png").write_bytes(b"")
    first = min(digit_folder.iterdir()) / "=1.png"
    Image.new("L", (8, 8), 99).save(first)
    return digit_folder


def stopped(after: int, number: int, *words: object) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-c", STOPPING, str(after), str(int(number)), *map(str, words)]
    return subprocess.run(program, capture_output=True, text=True, timeout=120)


def modules_after(*words: object) -> set[str]:
    program = [sys.executable, "-c", LOADED, *map(str, words)]
    done = subprocess.run(program, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout
    return set(done.stderr.split())


def test_an_exported_file_answers_as_its_run_and_without_torch(striate, digits_run, digits_file, scans):
    of_run = striate("predict", digits_run, scans, "--csv").out.splitlines()
    of_file = striate("predict", digits_file, scans, "--csv").out.splitlines()
    assert len(of_file) == 4
    for row, other in zip(csv.reader(of_run), csv.reader(of_file), strict=True):
        assert row[:2] == other[:2]
    loaded = modules_after("predict", digits_file, scans)
    assert "onnxruntime" in loaded
    assert not loaded & {"torch", "sklearn", "rich.progress"}


def test_the_packaged_network_answers_without_what_takes_long_to_import(scans):
    loaded = modules_after("predict", "embedded", scans)
    assert "torch" in loaded
    assert not loaded & {"torch._dynamo", "sympy", "sklearn", "scipy"}
    others = ("models.detection", "models.segmentation", "tasks.detection", "tasks.segmentation")
    assert not loaded & {f"striate.{each}" for each in (*others, "analysis.fields", "data.sources", "data.tiled")}


@pytest.mark.parametrize("option", [("--precision", "bf16"), ("--device", "cpu"), ("--model", "lenet5")])
def test_what_a_file_has_settled_is_no_option(striate, digits_file, scans, option):
    line = striate("predict", digits_file, scans, *option).mistake()
    assert line.endswith(f"is settled; leave {option[0]} out")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_what_was_stopped_goes_on_to_the_same_bytes(striate, digits_file, album, tmp_path, number):
    whole, part = tmp_path / "whole.csv", tmp_path / "my part.csv"
    words = ("predict", digits_file, album, "--top", 2, "--output")
    at_once = striate(*words, whole)
    assert at_once.status == 1
    done = stopped(70, number, *words, part)
    assert whole.read_bytes().startswith(part.read_bytes())
    assert len(part.read_bytes().splitlines()) == 1 + 2 * BATCH_SIZE
    if number == signal.SIGINT:
        assert done.returncode == 130
        assert done.stderr.endswith(
            f"striate: stopped after 64 of 102 pictures; {part} holds them; go on with: striate predict {digits_file} "
            f"{album} --top 2 --output '{part}' --resume\n"
        )
    rest = striate(*words, part, "--resume")
    assert part.read_bytes() == whole.read_bytes()
    assert (rest.status, rest.err) == (1, at_once.err)
    assert rest.out == f"wrote {part}: 102 pictures\n"


def test_a_run_goes_on_wherever_its_file_was_torn(striate, digits_run, album, tmp_path, monkeypatch):
    monkeypatch.chdir(min(album.iterdir()))
    whole, part = tmp_path / "whole.csv", tmp_path / "part.csv"
    words = ("predict", digits_run, "=1.png", album, "=1.png", "--output")
    striate(*words, whole)
    content = whole.read_bytes()
    assert content.count(b"\n'=1.png,") == 2
    for length in (0, 2, 20, len(content) // 3, content.index(b'"') + 3, len(content) - 1, len(content)):
        part.write_bytes(content[:length])
        assert striate(*words, part, "--resume").status == 1
        assert part.read_bytes() == content, length


def test_pictures_that_came_later_are_added(striate, digits_file, scans, tmp_path):
    file = tmp_path / "found.csv"
    striate("predict", digits_file, scans, "--output", file, "--resume")
    before = file.read_bytes()
    Image.new("L", (8, 8)).save(scans / "0 new.png")
    striate("predict", digits_file, scans, "--output", file, "--resume")
    paths = [row[0] for row in csv.reader(file.read_text(encoding="utf-8-sig").splitlines())][1:]
    assert sorted(paths) == sorted(map(str, scans.iterdir()))
    file.write_bytes(before)
    striate("predict", digits_file, *sorted(scans.iterdir())[1:], "--output", file, "--resume")
    assert file.read_bytes() == before


def test_another_file_is_not_gone_on_with(striate, digits_file, scans, tmp_path):
    file = tmp_path / "found.csv"
    words = ("predict", digits_file, scans, "--output", file)
    striate(*words)
    for content, line in (
        (None, "has other columns (path, label, probability, label_2, probability_2, label_3"),
        (b"path,label,probability,problem\na.png,zebra,0.5,\n", "knows no class 'zebra'"),
        (b"path,label,probability,problem\na.png,1\nb.png,1,0.5,\n", "['a.png'] has 2 cells, not 4"),
        (b"path,label,probability,problem\n\xff,1,0.5,\nb.png,1,0.5,\n", "is damaged in line 2"),
        (b"x" * (2 << 20), "is damaged"),
    ):
        before = file.read_bytes() if content is None else content
        file.write_bytes(before)
        assert line in striate(*words, "--resume", "--top", 1).mistake()
        assert file.read_bytes() == before
    for more in ((), ("--output", tmp_path / "a.json")):
        assert "--resume goes on with" in striate("predict", digits_file, scans, "--resume", *more).mistake()


def test_an_old_file_stays_until_pictures_are_answered(striate, digits_file, scans, tmp_path):
    file = tmp_path / "found.csv"
    file.write_text("mine")
    assert striate("predict", digits_file, tmp_path / "nowhere", "--output", file, "--device", "cpu").status == 2
    done = stopped(0, signal.SIGINT, "predict", digits_file, scans, "--output", file)
    assert (done.returncode, done.stderr) == (130, "striate: stopped after 0 of 3 pictures\n")
    assert file.read_text() == "mine"
    assert striate("predict", digits_file, scans, "--output", file).status == 0
    assert file.read_bytes().startswith(MARK + b"path,label")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has limits on the size of files")
def test_a_disk_that_is_full_leaves_whole_rows(digits_file, album, tmp_path):
    file = tmp_path / "found.csv"
    limited = f"import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n{STOPPING}".replace(
        "main()\n", "resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))\nmain()\n"
    )
    program = [sys.executable, "-c", limited, "-1", "0", "predict", digits_file, album, "--top", "1", "--output", file]
    done = subprocess.run(list(map(str, program)), capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert "a limit on the size of files" in done.stderr
    assert "--resume" in done.stderr
    assert file.read_bytes().endswith(b"\n")
    assert len(file.read_bytes().splitlines()) % BATCH_SIZE == 1


def test_neither_answers_nor_pictures_are_kept(digits_run, tmp_path):
    opened, pictures = package.load(digits_run), []
    most_answers = most_pictures = 0

    def decode(*_: object) -> np.ndarray:
        pixels = np.zeros((8, 8, 1), np.uint8)
        pictures.append(weakref.ref(pixels))
        return pixels

    def watched():
        nonlocal most_answers, most_pictures
        for number, answer in enumerate(opened.answers([Undecoded(f"{n}.png", decode) for n in range(400)], 1)):
            yield answer
            if number % BATCH_SIZE == 0:
                most_answers = max(most_answers, sum(type(each) is Prediction for each in gc.get_objects()))
                most_pictures = max(most_pictures, sum(picture() is not None for picture in pictures))

    file = AnswerFile(tmp_path / "found.csv")
    file.write(watched(), Listed(opened.task_name, 1))
    assert (file.answered, len(pictures)) == (400, 400)
    assert 0 < most_answers <= 3 * BATCH_SIZE
    assert most_pictures <= 3 * BATCH_SIZE + 8 * (os.cpu_count() or 1)


def shown_on_a_terminal(program: list[str], output: int) -> tuple[int, bytes]:
    """Status of a program, and what it writes as errors to a terminal."""
    ours, theirs = os.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "120"}
    process = subprocess.Popen(program, stdout=output, stderr=theirs, env=environment)
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 65536):
            shown += part
    except OSError:  # Linux says so where the terminal is no longer used
        pass
    os.close(ours)
    return process.wait(60), shown


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
def test_a_terminal_sees_the_speed_and_the_file_has_the_rows(digits_file, album, tmp_path):
    with (tmp_path / "rows.csv").open("wb") as rows:
        program = [sys.executable, "-m", "striate", "predict", str(digits_file), str(album), "--csv"]
        status, shown = shown_on_a_terminal(program, rows.fileno())
    assert status == 1
    assert b"pictures/s" in shown
    assert b"102/102" in shown
    assert len((tmp_path / "rows.csv").read_bytes().splitlines()) == 103


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
def test_a_terminal_has_its_cursor_again_before_it_is_told_how_to_go_on(digits_file, album, tmp_path):
    words = ["predict", str(digits_file), str(album), "--output", str(tmp_path / "rows.csv")]
    program = [sys.executable, "-c", STOPPING, "70", str(int(signal.SIGINT)), *words]
    status, shown = shown_on_a_terminal(program, subprocess.DEVNULL)
    assert status == 130
    assert b"\x1b[?25l" in shown
    assert shown.rindex(b"\x1b[?25h") > shown.rindex(b"\x1b[?25l")
    assert shown.rindex(b"stopped after 64 of 102 pictures") > shown.rindex(b"\x1b[?25h")
