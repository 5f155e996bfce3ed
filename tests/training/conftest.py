"""Signals as a person at a terminal sends them."""

from __future__ import annotations

import signal

import pytest


@pytest.fixture
def signals_of_a_terminal():
    """Ctrl-C and hang-ups count here and in new processes, though the suite runs in the background or under nohup."""
    usual = {signal.SIGINT: signal.default_int_handler}
    if hasattr(signal, "SIGHUP"):
        usual[signal.SIGHUP] = signal.SIG_DFL
    before = {number: signal.signal(number, handler) for number, handler in usual.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
