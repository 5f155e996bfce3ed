"""Deaths at an exact point of a run, for the tests of resuming; signals as a person at a terminal sends them."""

from __future__ import annotations

import signal
from contextlib import contextmanager

import pytest

from striate.training import loop


class Died(BaseException):
    """Stands for kill -9: nothing catches it and nothing is tidied up."""


@pytest.fixture
def death_in_place_of():
    """A context in which a function of the training loop raises once it has been called so often, and must do so."""

    @contextmanager
    def context(name: str, calls_before: int = 0):
        function, calls = getattr(loop, name), []

        def mortal(*arguments):
            if len(calls) == calls_before:
                raise Died
            calls.append(1)
            return function(*arguments)

        with pytest.MonkeyPatch.context() as patch, pytest.raises(Died):
            patch.setattr(loop, name, mortal)
            yield

    return context


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
