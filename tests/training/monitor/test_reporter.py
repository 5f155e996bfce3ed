from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from striate.core.flags import told_in_flags
from striate.training.folder.state import Counters
from striate.training.monitor.reporter import Reporter

LINE = {
    "epoch": 2, "step": 20, "train_loss": 0.5, "val_loss": 0.25, "train_accuracy": 0.875, "val_accuracy": 0.9,
    "best": True, "images_per_second": 1234.5, "seconds": 30.0,
}  # fmt: skip


@pytest.fixture
def later(monkeypatch):
    """A function that lets time pass, in seconds."""
    now = [1000.0]
    clock = SimpleNamespace(monotonic=lambda: now[0])  # not time's own: other threads of the process wait by that
    monkeypatch.setattr("striate.training.monitor.reporter.time", clock)

    def pass_by(seconds: float) -> None:
        now[0] += seconds

    return pass_by


def test_one_line_per_epoch_on_a_file_and_the_same_in_the_log(tmp_path, later):
    stream = io.StringIO()
    reporter = Reporter(stream)
    reporter.log = tmp_path
    reporter.begin(100, [epoch / 10 for epoch in range(11)])
    reporter.step(Counters(step=10, seen=80, loss_sum=40.0, sums={"accuracy": 70}), 0.1)
    later(15)
    reporter.epoch(LINE)
    reporter.close()
    said = stream.getvalue()
    assert said == (
        "epoch   2/10  loss 0.5000  val loss 0.2500  accuracy 87.50%  val 90.00% *"
        "  1,234 images/s  30 s gone, 2 min left\n"
    )
    assert (tmp_path / "log.txt").read_text() == said


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_a_terminal_has_a_bar_with_loss_accuracy_and_rate(tmp_path):
    """In a real pseudo-terminal, as a person sees it."""
    import pty

    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "striate", "train", "digits", "--recipe", "digits_lenet5", "--epochs", "12"]
    environment = {**os.environ, "COLUMNS": "160", "TERM": "xterm"}
    process = subprocess.Popen([*command, "--run", tmp_path / "run"], stderr=theirs, env=environment)
    os.close(theirs)
    said = b""
    try:
        while piece := os.read(ours, 4096):
            said += piece
    except OSError:  # the other end is closed
        pass
    assert process.wait() == 0
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", said.decode())
    assert re.search(
        r"training .* \d+/240 steps  loss \d\.\d{3}  accuracy +\d+\.\d\d%  lr 0\.\d+  [\d,]+ images/s", text
    )
    assert re.search(r"0:00:\d\d", text)  # time left
    assert len(re.findall(r"epoch +\d+/12 ", text)) == 12


def test_markup_in_names_is_text(tmp_path):
    stream = io.StringIO()
    Reporter(stream).say("class [red]roses[/red] [/nothing]")
    assert stream.getvalue() == "class [red]roses[/red] [/nothing]\n"


def test_an_epoch_that_is_not_validated_has_its_line_too(later):
    stream = io.StringIO()
    reporter = Reporter(stream)
    reporter.begin(100, [epoch / 10 for epoch in range(11)])
    reporter.epoch({key: value for key, value in LINE.items() if key not in ("val_loss", "val_accuracy", "best")})
    assert stream.getvalue() == "epoch   2/10  loss 0.5000  accuracy 87.50%  1,234 images/s  30 s gone\n"


def test_a_log_file_has_a_line_at_least_every_minute(later):
    """Fifty steps of twenty seconds in one epoch: what a bar would show, every fourth step."""
    stream = io.StringIO()
    reporter = Reporter(stream)
    reporter.begin(50, (0.0, 1.0))
    for step in range(1, 9):
        later(20)
        reporter.step(Counters(step=step, seen=8 * step, loss_sum=4.0 * step, sums={"accuracy": 7 * step}), 0.1)
    assert stream.getvalue().splitlines() == [
        "step 4/50  loss 0.500  accuracy 87.50%  lr 0.1  0 images/s, 15 min 20 s left",
        "step 8/50  loss 0.500  accuracy 87.50%  lr 0.1  0 images/s, 14 min left",
    ]


def test_time_left_is_of_training_not_of_what_came_before_it(later):
    """Five minutes of features before the first step; then epochs of a second: the first line says seconds."""
    stream = io.StringIO()
    reporter = Reporter(stream)
    reporter.begin(40, [epoch / 4 for epoch in range(5)])
    reporter.step(Counters(step=1, seen=8), 0.1)
    later(0.9)
    reporter.epoch(LINE | {"epoch": 1, "step": 10, "seconds": 301.0})
    assert stream.getvalue().endswith("5 min 1 s gone, 3.0 s left\n")


def test_time_left_knows_that_growing_pictures_cost_more(later):
    """Two epochs at 32 px, two at 64 px: shares 1/10, 1/10, 4/10, 4/10 of the arithmetic."""
    reporter = Reporter(stream := io.StringIO())
    reporter.begin(40, (0.0, 0.1, 0.2, 0.6, 1.0))
    assert reporter._left_s(0) is None
    later(60)
    assert reporter._left_s(10) == pytest.approx(9 * 60)  # a tenth took a minute
    assert reporter._left_s(5) == pytest.approx(19 * 60)  # had it been half of that
    later(60)
    assert reporter._left_s(20) == pytest.approx(8 * 60)
    assert reporter._left_s(40) == 0
    reporter.epoch(LINE | {"seconds": 120.0})
    assert stream.getvalue().endswith("2 min gone, 8 min left\n")


def test_a_program_is_told_in_its_own_words_and_the_log_in_the_command_line_s(tmp_path):
    text = "seen in epoch 1, step 3: train longer (--epochs 25), or in smaller batches (--set batch_size=4)"
    finding = {"kind": "few steps", "epoch": 1, "step": 3, "text": text.partition(": ")[2]}
    shown = {}
    for reader in (told_in_flags(), nullcontext()):
        with reader:
            reporter = Reporter(stream := io.StringIO())
        reporter.log = tmp_path
        reporter.begin(3, (0.0, 1.0))
        reporter.epoch(LINE | {"epoch": 1, "step": 3, "findings": [finding]})
        shown[type(reader)] = stream.getvalue().splitlines()[-1]
        assert (tmp_path / "log.txt").read_text().splitlines()[-1] == text
    python = "seen in epoch 1, step 3: train longer (epochs=25), or in smaller batches (batch_size=4)"
    assert list(shown.values()) == [text, python]


def test_a_notebook_gets_lines_of_one_stream(monkeypatch):
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    stream = io.StringIO()
    reporter = Reporter(stream)
    reporter.begin(10, (0.0, 1.0))
    reporter.say("one")
    reporter.say("two")
    reporter.close()
    assert stream.getvalue() == "one\ntwo\n"
