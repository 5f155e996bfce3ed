"""Values that a caller gives, as the types that are declared: what a person would pass is taken, the rest is named."""

from __future__ import annotations

import inspect
import os
import types
import typing
from collections.abc import Callable, Iterable, Sequence
from functools import cache, wraps
from pathlib import Path
from typing import Any, Literal, ParamSpec, TypeVar

from striate.core.errors import StriateError, unknown_name

P = ParamSpec("P")
R = TypeVar("R")

WORDS: dict[Any, str] = {
    bool: "True or False",
    int: "a whole number",
    float: "a number",
    str: "a text",
    Path: "a path",
    type(None): "None",
}


class _Unfit(Exception):
    """A value that is not of a type."""


def converted(name: str, value: Any, kind: Any) -> Any:
    """A value as the type that is declared for it; numpy's scalars and whole floats become Python's own numbers.

    name: what errors call it. kind: a type, or a union, a Literal, a tuple or a sequence of such. A path is any
    `os.PathLike`, an open run too; one text or number is taken for a tuple of it.
    Raises StriateError that says what came and what is allowed.

    >>> converted("epochs", 3.0, int), converted("drop_at", [0.5, 1], tuple[float, ...])
    (3, (0.5, 1.0))
    >>> converted("epochs", "three", int)
    Traceback (most recent call last):
    striate.core.errors.StriateError: epochs must be a whole number, got 'three' (str)
    """
    try:
        return _fit(_plain(value), kind)
    except _Unfit:
        literals = next((k for k in (kind, *typing.get_args(kind)) if typing.get_origin(k) is Literal), None)
        if literals is not None and isinstance(value, str):
            raise unknown_name(name, value, typing.get_args(literals)) from None
        raise StriateError(f"{name} must be {words(kind)}, got {shown(value)}") from None


def convert_fields(record: Any) -> None:
    """Make every field of a dataclass, also a frozen one, of its declared type, as `converted` does."""
    owner: Any = type(record)
    for name, kind in _kinds(owner).items():
        object.__setattr__(record, name, converted(name, getattr(record, name), kind))


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """A function whose arguments become the types that it declares, as `converted` does, before it runs.

    >>> @checked
    ... def twice(number: int) -> int:
    ...     return 2 * number
    >>> twice(3.0)
    6
    """
    signature = inspect.signature(function)

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        bound = signature.bind(*args, **kwargs)
        for name, kind in _kinds(function).items():
            if name in bound.arguments and _is_plain(signature.parameters[name]):
                bound.arguments[name] = converted(name, bound.arguments[name], kind)
        return function(*bound.args, **bound.kwargs)

    return call


def words(kind: Any) -> str:
    """A type as a person reads it.

    >>> words(int | None), words(tuple[float, ...])
    ('a whole number or None', 'a tuple, each a number')
    """
    options, origin = typing.get_args(kind), typing.get_origin(kind)
    if origin in (types.UnionType, typing.Union):
        told = [words(option) for option in options if option is not str or Path not in options]
        return " or ".join(told if len(told) < 3 else [", ".join(told[:-1]), told[-1]])
    if origin is Literal:
        return " or ".join(map(repr, options))
    if origin is tuple and options[-1] is not Ellipsis:
        return f"{len(options)} values, each {words(options[0])}"
    if origin in (tuple, Sequence):
        return f"a tuple, each {words(options[0])}"
    named = kind if isinstance(kind, type) else origin
    return WORDS.get(named, f"a {getattr(named, '__name__', named)}")


@cache
def _kinds(owner: Any) -> dict[str, Any]:
    """Declared types by name, of a record's fields or a function's parameters; those that a value can be held to."""
    return {name: kind for name, kind in typing.get_type_hints(owner).items() if name != "return" and _is_known(kind)}


def _is_known(kind: Any) -> bool:
    """Whether a value can be compared with a type: not with Any, a callable or a protocol."""
    origin = typing.get_origin(kind)
    if origin in (types.UnionType, typing.Union):
        return all(map(_is_known, typing.get_args(kind)))
    if origin in (tuple, Sequence):
        return all(argument is Ellipsis or _is_known(argument) for argument in typing.get_args(kind))
    return origin is Literal or (origin is None and kind is not Any and isinstance(kind, type))


def _is_plain(parameter: inspect.Parameter) -> bool:
    return parameter.kind not in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def _plain(value: Any) -> Any:
    """A scalar of numpy or torch, told by its empty shape, as Python's own; anything else as it is."""
    return value.item() if getattr(value, "shape", None) == () and hasattr(value, "item") else value


def _fit(value: Any, kind: Any) -> Any:
    options, origin = typing.get_args(kind), typing.get_origin(kind)
    if origin in (types.UnionType, typing.Union):
        return _fit_one_of(value, options)
    if origin is Literal:
        return _only_if(any(value is o or (type(value) is type(o) and value == o) for o in options), value)
    if origin in (tuple, Sequence):
        return _fit_tuple(value, options, origin)
    if kind is Any:
        return value
    if kind is bool or isinstance(value, bool):
        return _only_if(isinstance(value, bool) and kind in (bool, object), value)
    if kind is int and isinstance(value, float):
        return int(_only_if(value.is_integer(), value))
    if kind is float and isinstance(value, int):
        return _float(value)
    if kind in (str, Path) and isinstance(value, os.PathLike):
        return kind(os.fspath(value))
    if kind is Path and isinstance(value, str):
        return Path(value)
    return _only_if(isinstance(value, kind), value)


def _fit_one_of(value: Any, options: tuple[Any, ...]) -> Any:
    """The first option that takes the value as it is, else the first that takes it converted."""
    for option in options:
        if isinstance(option, type) and isinstance(value, option) and not (isinstance(value, bool) and option is int):
            return value
    for option in options:
        try:
            return _fit(value, option)
        except _Unfit:
            continue
    raise _Unfit


def _fit_tuple(value: Any, options: tuple[Any, ...], origin: Any) -> Any:
    open_ended = origin is Sequence or options[-1] is Ellipsis
    if isinstance(value, str | bytes | os.PathLike) or not isinstance(value, Iterable):
        value = (_only_if(open_ended, value),)
    if isinstance(value, dict | set | frozenset):  # without an order that means something
        raise _Unfit
    values = tuple(map(_plain, value))
    if open_ended:
        return tuple(_fit(one, options[0]) for one in values)
    pairs = zip(_only_if(len(values) == len(options), values), options, strict=True)
    return tuple(_fit(one, option) for one, option in pairs)


def _float(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        raise _Unfit from None


def _only_if(fits: bool, value: Any) -> Any:
    if not fits:
        raise _Unfit
    return value


def shown(value: Any) -> str:
    """What came, short enough for a sentence, with its type.

    >>> shown("three")
    "'three' (str)"
    """
    text = " ".join(repr(value).split())
    return f"{text if len(text) <= 60 else f'{text[:57]}...'} ({type(value).__name__})"
