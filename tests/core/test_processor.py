"""How busy other programs are, and the threads that this leaves."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from striate.core import processor
from striate.core.processor import LOOK_AGAIN_SECONDS, Look, busy_cores, busy_lately, threads_beside_others, threads_for

STAT = "cpu  {user} {nice} {system} 900 5 {interrupts} 0 {steal} 0 0\nintr 1 2\nctxt 3\n"
QUIET = {"user": 100, "nice": 0, "system": 50, "interrupts": 1, "steal": 0}


def clock_of_its_own(monkeypatch, **functions) -> None:
    """The module's time, and nobody else's: other threads of the process wait by that."""
    monkeypatch.setattr(processor, "time", SimpleNamespace(**functions))


@pytest.fixture
def stage(monkeypatch):
    """Two cores whose counters stand on `now`, and on `then` once some time has been slept; no time of our own."""
    seen = {"now": QUIET, "then": QUIET, "slept": []}

    def sleep(seconds):
        seen["slept"].append(seconds)
        seen["now"] = seen["then"]

    monkeypatch.setattr(processor, "cores", lambda: 2)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(os, "sysconf", lambda name: 100)
    monkeypatch.setattr(os, "nice", lambda more: 0)
    monkeypatch.setattr(Path, "read_text", lambda path, **_: STAT.format(**seen["now"]))
    clock_of_its_own(monkeypatch, sleep=sleep, monotonic=lambda: sum(seen["slept"]), process_time=lambda: 0.0)
    return seen


@pytest.mark.parametrize(
    ("ticks", "busy"),
    [({}, 0.0), ({"user": 20}, 2.0), ({"user": 4, "system": 3, "interrupts": 1, "steal": 2}, 1.0), ({"nice": 20}, 0.0)],
    ids=["nobody", "two programs", "all that keeps a core from us", "low priority"],
)
def test_what_other_programs_use(stage, ticks, busy):
    stage["then"] = {name: value + ticks.get(name, 0) for name, value in QUIET.items()}
    assert busy_cores(0.1) == pytest.approx(busy)


def test_own_threads_do_not_count(stage, monkeypatch):
    stage["then"] = QUIET | {"user": 120}
    monkeypatch.setattr(processor.time, "process_time", lambda: 1.5 * sum(stage["slept"]))
    assert busy_cores(0.1) == pytest.approx(0.5)


def test_for_a_program_of_low_priority_others_of_low_priority_count(stage, monkeypatch):
    stage["then"] = QUIET | {"nice": 10}
    monkeypatch.setattr(os, "nice", lambda more: 10)
    assert busy_cores(0.1) == pytest.approx(1.0)


@pytest.mark.parametrize("stat", ["", "cpu one two", "cpu  1 2\n", "intr 1\n"])
def test_where_the_system_does_not_say_the_load_average_does(monkeypatch, stat):
    monkeypatch.setattr(Path, "read_text", lambda path, **_: stat)
    monkeypatch.setattr(processor, "_own", None)
    monkeypatch.setattr(os, "getloadavg", lambda: (1.75, 1.0, 1.0))
    assert busy_cores() == pytest.approx(1.75)
    monkeypatch.delattr(os, "getloadavg")
    assert busy_cores() == 0.0


def test_of_the_load_average_the_own_threads_are_no_part(monkeypatch):
    monkeypatch.setattr(processor, "_used_seconds", lambda: None)
    monkeypatch.setattr(processor, "_own", (100.0, 10.0))
    clock_of_its_own(monkeypatch, monotonic=lambda: 130.0, process_time=lambda: 70.0)
    monkeypatch.setattr(os, "getloadavg", lambda: (3.5, 1.0, 1.0), raising=False)
    assert busy_cores() == pytest.approx(1.5)


def test_a_look_is_good_for_a_while(monkeypatch):
    looks, now = [], [0.0]
    monkeypatch.setattr(processor, "_last", None)
    monkeypatch.setattr(processor, "busy_cores", lambda **_: looks.append(now[0]) or float(len(looks)))
    clock_of_its_own(monkeypatch, monotonic=lambda: now[0])
    for now[0] in (0.0, LOOK_AGAIN_SECONDS, LOOK_AGAIN_SECONDS + 1):
        busy = busy_lately()
    assert looks == [0.0, LOOK_AGAIN_SECONDS + 1] and busy == 2.0


def test_one_thread_is_one_thread_without_a_look(monkeypatch):
    monkeypatch.setattr(processor, "busy_lately", lambda: pytest.fail("looked"))
    assert threads_beside_others(1) == 1


@pytest.mark.parametrize(
    ("most", "busy", "cores", "threads"),
    [(2, 0.0, 2, 2), (2, 0.4, 2, 2), (2, 0.5, 2, 1), (2, 9.0, 2, 1), (8, 0.5, 8, 7), (8, 4.0, 16, 8), (3, 0.1, 2, 3)],
)
def test_threads_that_others_leave_a_core_for(monkeypatch, most, busy, cores, threads):
    assert threads_for(most, busy, cores) == threads
    monkeypatch.setattr(processor, "_last", Look(processor.time.monotonic(), busy))
    monkeypatch.setattr(processor, "cores", lambda: cores)
    assert threads_beside_others(most) == threads


@pytest.mark.skipif(not Path("/proc/stat").exists(), reason="needs /proc/stat")
def test_a_busy_program_is_seen():
    other = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        assert busy_cores(0.5) > 0.2
    finally:
        other.kill()
        other.wait()


def test_a_look_that_began_before_takes_no_time(stage, monkeypatch):
    monkeypatch.setattr(processor, "_last", None)
    monkeypatch.setattr(processor, "_begun", None)
    processor.look_from_now()
    stage["slept"].append(0.5)  # what this program did meanwhile
    stage["now"] = stage["then"] = QUIET | {"user": 150}
    assert busy_lately() == pytest.approx(1.0)
    assert stage["slept"] == [0.5]
    monkeypatch.setattr(processor, "_last", None)
    processor.look_from_now()
    assert busy_lately() == 0.0
    assert stage["slept"] == [0.5, pytest.approx(processor.LOOK_SECONDS)]
