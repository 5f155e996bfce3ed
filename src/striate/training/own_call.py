"""Calling a person's own functions: what they raise is one sentence with their own line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from striate.core.errors import StriateError
from striate.core.own_code import OwnCode
from striate.meta.own_lines import place_and_reason
from striate.runtime.shortage import is_out_of_memory


def called(field: str, code: OwnCode, function: Callable[..., Any], *arguments: Any) -> Any:
    """What a function gives that is, or runs, a person's own. field: of the recipe that names it.

    Raises StriateError with the last line of theirs that raised; memory that has run out stays what it is.
    """
    try:
        return function(*arguments)
    except StriateError:
        raise
    except Exception as error:  # whatever a person's code raises
        if is_out_of_memory(error):
            raise
        at, reason = place_and_reason(error)
        raise StriateError(f"{field} {code.name} raises {type(error).__name__}{at}: {reason}") from error
