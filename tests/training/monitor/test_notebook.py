"""A notebook's kernel as far as progress sees one: IPython with a shell that has a kernel, and what was displayed."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import pytest

import striate
from striate.training.folder.state import Counters
from striate.training.monitor.notebook import LAST_REMARKS, REMARKS, in_notebook
from striate.training.monitor.reporter import Reporter

LINE = {
    "step": 20, "train_loss": 0.5, "val_loss": 0.25, "train_accuracy": 0.875, "val_accuracy": 0.9,
    "images_per_second": 1234.5, "seconds": 30.0,
}  # fmt: skip


@pytest.fixture
def blocks(monkeypatch):
    """What was displayed: of each block all that it ever showed, oldest first."""
    blocks: list[list[dict[str, str]]] = []

    def display(bundle, *, raw, display_id):
        assert raw
        assert display_id is True
        shown = [bundle]
        blocks.append(shown)
        return SimpleNamespace(update=lambda bundle, *, raw: shown.append(bundle))

    ipython, displays = ModuleType("IPython"), ModuleType("IPython.display")
    ipython.get_ipython = lambda: SimpleNamespace(kernel=object())
    displays.display = display
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", displays)
    return blocks


@pytest.fixture
def now(monkeypatch):
    """The time in seconds, in a list, to be changed."""
    now = [1000.0]
    clock = SimpleNamespace(monotonic=lambda: now[0])  # not time's own: other threads of the process wait by that
    for module in ("reporter", "notebook"):
        monkeypatch.setattr(f"striate.training.monitor.{module}.time", clock)
    return now


def test_a_kernel_is_seen_and_a_shell_or_nothing_is_none(blocks, monkeypatch):
    assert in_notebook()
    monkeypatch.setattr(sys.modules["IPython"], "get_ipython", lambda: SimpleNamespace())  # IPython in a terminal
    assert not in_notebook()
    monkeypatch.setattr(sys.modules["IPython"], "get_ipython", lambda: None)  # imported by some library
    assert not in_notebook()
    monkeypatch.delitem(sys.modules, "IPython")
    assert not in_notebook()
    assert "IPython" not in sys.modules  # nor was it imported to find out


def test_a_thousand_epochs_are_one_block_of_seven_lines_drawn_twice_a_second(blocks, now, capsys, tmp_path):
    reporter = Reporter()
    reporter.log = tmp_path
    for done in range(0, 1001):
        now[0] += 0.01
        reporter.reading(done, 1000)
    assert len(blocks[0]) <= 2 * 10 + 2
    assert blocks[0][-1]["text/plain"].startswith("decoding 1,000/1,000 pictures")
    reporter.begin(3000, [epoch / 1000 for epoch in range(1001)])
    before, begun = len(blocks[0]), now[0]
    for step in range(1, 3001):
        now[0] += 0.1
        reporter.step(Counters(step=step, seen=8, loss_sum=4.0, sums={"accuracy": 7}), 0.1)
        if step % 3 == 0:
            reporter.epoch(LINE | {"step": step, "epoch": step // 3, "best": step // 3 in (2, 100)})
    drawn = blocks[0][-1]["text/plain"].splitlines()
    assert [line.split()[0] for line in drawn] == 6 * ["epoch"] + ["training"]
    assert drawn[0].startswith("epoch 100/1000  loss 0.5000  val loss 0.2500  accuracy 87.50%  val 90.00% *")
    reporter.close()
    last = blocks[0][-1]["text/plain"].splitlines()
    assert [line.split()[1] for line in last] == [f"{e}/1000" for e in (100, 996, 997, 998, 999, 1000)]
    assert len(blocks) == 1
    assert len(blocks[0]) - before <= 2 * (now[0] - begun) + 2
    assert max(len(block["text/plain"].splitlines()) for block in blocks[0]) == 7
    assert capsys.readouterr() == ("", "")
    log = (tmp_path / "log.txt").read_text().splitlines()
    assert len(log) == 1000
    assert log[-5:] == last[-5:]


def test_a_long_epoch_is_a_line_of_the_log_and_none_of_the_cell(blocks, now, capsys, tmp_path):
    reporter = Reporter()
    reporter.log = tmp_path
    reporter.begin(50, (0.0, 1.0))
    for step in range(1, 9):
        now[0] += 20
        reporter.step(Counters(step=step, seen=8 * step, loss_sum=4.0 * step, sums={"accuracy": 7 * step}), 0.1)
    assert len((tmp_path / "log.txt").read_text().splitlines()) == 2
    assert blocks[0][-1]["text/plain"] == (
        "training 8/50 steps  loss 0.500  accuracy 87.50%  lr 0.1  0 images/s  0:14:00 left"
    )
    assert capsys.readouterr() == ("", "")


def test_remarks_are_lines_and_many_of_them_are_the_end_of_the_block(blocks, now, capsys, tmp_path):
    reporter = Reporter()
    reporter.log = tmp_path
    for number in range(REMARKS + 100):
        reporter.say(f"picture <{number}> cannot be read")
    assert not blocks  # threads that read say such things: the block is drawn by what comes next
    reporter.close()
    said, red = capsys.readouterr()
    assert said.splitlines() == [f"picture <{number}> cannot be read" for number in range(REMARKS)]
    assert red == ""
    newest = [f"picture <{number}> cannot be read" for number in range(REMARKS + 100 - LAST_REMARKS, REMARKS + 100)]
    (block,) = blocks[0]
    assert block["text/plain"].splitlines() == ["100 more remarks, all in log.txt; the last:", *newest]
    assert f"picture &lt;{REMARKS + 99}&gt; cannot" in block["text/html"]
    assert block["text/html"].startswith("<pre>")
    assert len((tmp_path / "log.txt").read_text().splitlines()) == REMARKS + 100


def test_training_in_a_notebook(blocks, capsys, tmp_path):
    striate.train("digits", run=tmp_path / "run", model="lenet5", epochs=1, autotune=False)
    said, red = capsys.readouterr()
    assert len(blocks) == 1
    last = blocks[0][-1]["text/plain"].splitlines()
    log = (tmp_path / "run" / "log.txt").read_text().splitlines()
    assert last == [line for line in log if line.startswith("epoch")]
    assert said.splitlines() == [line for line in log if not line.startswith("epoch")]
    assert "report: " in said
    assert red == ""


def test_quiet_shows_nothing(blocks, now, capsys, tmp_path):
    reporter = Reporter(quiet=True)
    reporter.log = tmp_path
    reporter.begin(10, (0.0, 1.0))
    reporter.say("a remark")
    reporter.step(Counters(step=1, seen=8, loss_sum=4.0, sums={"accuracy": 7}), 0.1)
    reporter.epoch(LINE | {"epoch": 1, "best": True})
    reporter.close()
    assert not blocks
    assert capsys.readouterr() == ("", "")
    assert len((tmp_path / "log.txt").read_text().splitlines()) == 2
