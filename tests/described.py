"""Requests drawn from a server's own description of an operation: each is answered as that says, whatever it holds."""

from __future__ import annotations

from collections.abc import Iterable

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance


def operations_of(url: str) -> dict:
    """The operations of the description at a URL, by their paths."""
    found = [each.ok() for each in schemathesis.openapi.from_url(url).get_all_operations()]
    return {operation.path: operation for operation in found}


def require_kept(operations: Iterable, examples: int) -> None:
    """Ask each of some operations so many things, the same ones at every call."""
    few = settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    for operation in operations:

        @few
        @given(case=operation.as_strategy())
        def keeps(case):
            # Bytes that are no picture are bytes: a description cannot tell them apart.
            case.call_and_validate(timeout=20, excluded_checks=[positive_data_acceptance])

        keeps()
