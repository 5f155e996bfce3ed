"""Requests drawn from the description of what the page asks: each is answered as that says, whatever it holds."""

from __future__ import annotations

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

FEW = settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def test_the_endpoints_keep_their_word(server):
    schema = schemathesis.openapi.from_url(f"{server}openapi.json").include(path=["/why", "/layers"])
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) == 2
    for operation in operations:

        @FEW
        @given(case=operation.as_strategy())
        def keeps(case):
            # Bytes that are no picture are bytes: a description cannot tell them apart.
            case.call_and_validate(timeout=20, excluded_checks=[positive_data_acceptance])

        keeps()
