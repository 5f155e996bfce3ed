"""Callbacks in real runs: what they are told, how they stop a run, what becomes of one that raises."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

import striate
from mortal import last_state, weights
from striate.core.errors import StriateError
from striate.training import clock, loop
from striate.training.callbacks import Callback, Callbacks
from striate.training.folder.layout import read_metrics

FIELDS = {"recipe": "digits_lenet5", "epochs": 3, "autotune": False, "threads": 1, "precision": "fp32"}
STEPS = 20  # of an epoch


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A run without callbacks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STRIATE_CACHE", str(tmp_path_factory.mktemp("cache")))
        return striate.train("digits", run=tmp_path_factory.mktemp("plain") / "run", **FIELDS)


class Nosy(Callback):
    """Looks at everything in the rudest way: modes, gradients, random numbers."""

    def __init__(self) -> None:
        self.told: list[tuple] = []

    def _look(self, name, moment) -> None:
        assert not any(module.training for module in moment.network.modules())
        moment.network.train()
        moment.network(torch.randn(4, 1, 32, 32)).sum().backward()
        self.told.append((name, moment.step, moment.epoch, moment.loss, moment.lr, dict(moment.figures)))

    def begin(self, moment) -> None:
        self._look("begin", moment)

    def step(self, moment) -> None:
        self._look("step", moment)

    def epoch(self, moment) -> None:
        self._look("epoch", moment)

    def end(self, moment) -> None:
        assert (moment.folder / "report.html").exists()
        self._look("end", moment)


def test_callbacks_see_everything_and_change_nothing(plain, tmp_path):
    nosy, epochs = Nosy(), []
    run = striate.train("digits", run=tmp_path / "run", callbacks=[nosy, lambda m: epochs.append(m.epoch)], **FIELDS)
    assert weights(run) == weights(plain) and last_state(run) == last_state(plain)
    names = [name for name, *_ in nosy.told]
    assert names == ["begin", *(["step"] * STEPS + ["epoch"]) * 3, "end"]
    assert epochs == [1, 2, 3]
    begin, first, end = nosy.told[0], nosy.told[1], nosy.told[-1]
    assert begin == ("begin", 0, 1, None, None, {})
    assert first[:3] == ("step", 1, 1) and first[3] == pytest.approx(2.3, abs=0.3) and first[5] == {}
    lines = read_metrics(run.path)
    told = [each for each in nosy.told if each[0] == "epoch"]
    assert [(step, epoch, loss, lr) for _, step, epoch, loss, lr, _ in told] == [
        (line["step"], line["epoch"], line["train_loss"], line["lr"]) for line in lines
    ]
    assert [figures for *_, figures in told] == lines
    assert end[5]["test_top1"] == run.metrics["test_top1"] and end[3] is None


def test_the_losses_of_steps_are_those_of_the_epoch(tmp_path):
    losses = []
    watching = type("Losses", (), {"step": lambda self, moment: losses.append(moment.loss)})()
    run = striate.train("digits", run=tmp_path / "run", callbacks=watching, **FIELDS | {"epochs": 1})
    (line,) = read_metrics(run.path)
    order = np.arange(sum(run.recipe["data"]["counts"]["train"]))
    mean = np.average(losses, weights=[len(batch) for batch in np.array_split(order, STEPS)])
    assert mean == pytest.approx(line["train_loss"], rel=1e-6)


def test_a_callback_that_is_not_asked_for_its_loss_waits_for_nothing(tmp_path, monkeypatch):
    """Results are read as often with a callback as without."""
    reads = []
    monkeypatch.setattr(loop, "read", lambda unread, read=loop.read: reads.append(len(unread)) or read(unread))
    fields = FIELDS | {"epochs": 1}
    striate.train("digits", run=tmp_path / "plain", **fields)
    before, steps = reads.copy(), []
    reads.clear()
    counting = type("Counting", (), {"step": lambda self, moment: steps.append(moment.step)})()
    striate.train("digits", run=tmp_path / "run", callbacks=[counting], **fields)
    assert steps == list(range(1, STEPS + 1)) and reads == before


class StopAt:
    """Stops a run once it is so far."""

    def __init__(self, **at: int) -> None:
        (self.name, self.number), self.ended = next(iter(at.items())), 0

    def begin(self, moment) -> None:
        if self.name == "begin":
            moment.stop()

    def step(self, moment) -> None:
        if self.name == "step" and moment.step == self.number:
            moment.stop()

    def epoch(self, moment) -> None:
        if self.name == "epoch" and moment.epoch == self.number:
            moment.stop()

    def end(self, moment) -> None:
        self.ended += 1


@pytest.mark.parametrize(
    ("at", "more", "steps", "epochs"),
    [
        ({"begin": 0}, {}, 1, [1]),
        ({"step": 27}, {}, 27, [1, 2]),
        ({"step": 40}, {}, 40, [1, 2]),
        ({"epoch": 1}, {"validate_every_epochs": 3}, 20, [1]),
        ({"epoch": 3}, {}, 60, [1, 2, 3]),
    ],
)
def test_a_callback_stops_a_run_that_is_over_then(tmp_path, capfd, at, more, steps, epochs):
    stopping = StopAt(**at)
    run = striate.train("digits", run=tmp_path / "run", callbacks=[stopping], **FIELDS, **more)
    lines = read_metrics(run.path)
    assert [line["epoch"] for line in lines] == epochs and lines[-1]["step"] == steps
    assert all("best" in line for line in lines)
    assert max(line["val_accuracy"] for line in lines) == run.metrics["val_top1"]
    assert (run.path / "report.html").exists() and stopping.ended == 1
    said = f"a callback ended the run at step {steps} of 60"
    assert said in (run.path / "log.txt").read_text().splitlines()
    again = striate.resume(run.path)
    assert "is finished already; nothing was trained" in capfd.readouterr().err
    assert again.metrics == run.metrics


def test_a_run_that_was_stopped_and_killed_before_its_test_stays_stopped(tmp_path, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(striate.Interrupted):
        patch.setattr("striate.training.run.finish", killed)
        striate.train("digits", run=tmp_path / "run", callbacks=[StopAt(step=27)], **FIELDS)
    run = striate.resume(tmp_path / "run")
    assert read_metrics(run.path)[-1]["step"] == 27 and run.metrics["test_pictures"] > 0


class Mine(Exception):
    """The caller's own."""


@pytest.mark.parametrize("at", [("begin", 0), ("step", 7), ("step", 20), ("epoch", 2), ("epoch", 3)])
def test_an_exception_ends_a_run_as_ctrl_c_does(plain, tmp_path, capfd, at):
    name, number = at

    def fail(self, moment):
        if getattr(moment, name, 0) == number or name == "begin":
            raise Mine("of the caller")

    raising = type("Raising", (), {name: fail})()
    with pytest.raises(Mine, match="of the caller") as caught:
        striate.train("digits", run=tmp_path / "run", callbacks=[raising], **FIELDS)
    assert any(entry.name == "fail" for entry in caught.traceback)
    step = number * STEPS if name == "epoch" else number
    said = (
        f"a callback raised Mine at step {step} of 60; everything is saved. "
        f"Go on with: striate.resume({str(tmp_path / 'run')!r})"
    )
    assert said in capfd.readouterr().err
    assert max((tmp_path / "run" / "state").iterdir()).name == f"step-{step:08}"
    run = striate.resume(tmp_path / "run")
    assert weights(run) == weights(plain) and last_state(run) == last_state(plain)
    assert [line["epoch"] for line in read_metrics(run.path)] == [1, 2, 3]


def test_a_run_that_goes_on_tells_its_callbacks_from_there(plain, tmp_path, monkeypatch, death_in_place_of):
    monkeypatch.setattr(clock, "SAVE_EVERY_SECONDS", 0.0)
    with death_in_place_of("fitting_step", 30):
        striate.train("digits", run=tmp_path / "run", **FIELDS)
    nosy = Nosy()
    run = striate.resume(tmp_path / "run", callbacks=[nosy])
    assert weights(run) == weights(plain)
    assert nosy.told[0][:3] == ("begin", 30, 2) and nosy.told[1][:3] == ("step", 31, 2)


def test_the_average_is_what_is_looked_at(tmp_path):
    fields = FIELDS | {"epochs": 1, "ema_decay": 0.9}
    seen = {}
    run = striate.train("digits", run=tmp_path / "run", callbacks=[lambda m: seen.update(network=m.network)], **fields)
    for name, tensor in run.network.state_dict().items():
        assert torch.equal(tensor, seen["network"].state_dict()[name])


UNCALLED = "which nothing would call: those that are called are begin, step, epoch, end; rename it"


def test_a_callback_may_have_methods_of_its_own():
    own = dict.fromkeys(("send", "stop", "plot_epoch", "_on_epoch_end", "save"), print)
    assert len(Callbacks.of(type("Mine", (Callback,), {"epoch": print, **own})()).epoch) == 1


def test_what_cannot_be_a_callback_is_named():
    for given, message in (
        ([3], "callbacks[0] must be a function of the moment, called at each epoch's end, or have any of the methods"),
        ([print, Nosy], "callbacks[1] is the class Nosy; give an instance, Nosy(...)"),
        ([type("Bad", (), {"epoch": lambda self: None})()], "callbacks[0].epoch must take one argument, the moment"),
        ([type("Keras", (), {"on_epoch_end": print})()], f"callbacks[0] has a method on_epoch_end, {UNCALLED}"),
        ([print, type("Mine", (Nosy,), {"after_step": print})()], f"callbacks[1] has a method after_step, {UNCALLED}"),
        (type("Near", (Callback,), {"epochs": print})(), f"callbacks[0] has a method epochs, {UNCALLED}"),
    ):
        with pytest.raises(StriateError, match=re.escape(message)):
            Callbacks.of(given)


def test_quiet_shows_nothing_and_logs_everything(plain, tmp_path, capfd):
    shown = capfd.readouterr()
    run = striate.train("digits", run=tmp_path / "run", quiet=True, **FIELDS)
    assert striate.resume(run.path, quiet=True).metrics == run.metrics
    shown = capfd.readouterr()
    assert (shown.out, shown.err) == ("", "")
    log = (run.path / "log.txt").read_text().splitlines()
    assert len(log) == len((plain.path / "log.txt").read_text().splitlines())
    assert sum(line.startswith("epoch ") for line in log) == 3


def test_quiet_on_the_command_line(tmp_path, capfd):
    from typer.testing import CliRunner

    from striate.cli.app import app

    words = ["train", "digits", "--recipe", "digits_lenet5", "--epochs", "1", "--quiet", "--no-autotune"]
    answer = CliRunner().invoke(app, [*words, "--run", str(tmp_path / "run")])
    assert answer.exit_code == 0 and answer.output == "" and capfd.readouterr().err == ""
    assert "epoch   1/1" in (tmp_path / "run" / "log.txt").read_text()
    answer = CliRunner().invoke(app, [*words, "--run", str(tmp_path / "json"), "--json"])
    assert '"test_top1"' in answer.output
    answer = CliRunner().invoke(app, [*words, "--run", str(tmp_path / "run")])
    assert answer.exception.in_flags.endswith("go on with it by --resume, or choose another --run")
