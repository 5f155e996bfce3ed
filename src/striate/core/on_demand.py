"""Names of a package that are imported when they are first asked for."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def on_demand(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """The `__getattr__` of a package: PEP 562. homes: names, and the modules that they are in.

    >>> on_demand("striate.core", {"few": "striate.core.one_screen"})("few")(("cat", "dog"))
    'cat, dog'
    >>> on_demand("striate.core", {})("few")
    Traceback (most recent call last):
    AttributeError: module 'striate.core' has no attribute 'few'
    """

    def found(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(homes[name]), name)

    return found
