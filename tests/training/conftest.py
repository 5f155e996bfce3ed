"""Deaths at an exact point of a run, for the tests of resuming."""

from __future__ import annotations

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
