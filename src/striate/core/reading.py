"""Records from files that anybody may have touched: read as the frozen dataclasses that they stand for, or refused.

A record that is written gains fields over the years: a field that a file lacks takes its default, one that is not known
here is passed over. Everything else has to be as the dataclass says, bounds in `msgspec.Meta` included.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import msgspec
from msgspec import Meta
from msgspec import inspect as kinds

from striate.core.errors import StriateError

Count = Annotated[int, Meta(ge=0, le=10**12)]
Positive = Annotated[int, Meta(ge=1, le=10**12)]
Share = Annotated[float, Meta(ge=0, le=1)]

MOST_BYTES = 1 << 28
"""How large a record may be: 256 MB, several times the evaluation of a network of some thousand classes."""
SHOWN_LETTERS = 60  # of a value that is wrong

T = TypeVar("T")


def read_record(
    path: Path,
    kind: type[T],
    *,
    allow_nan: bool = False,
    former: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
) -> T:
    """Read a JSON file as a `kind`: a dataclass, or a container of them.

    allow_nan: whether numbers may be NaN or infinite, as Python writes them and JSON has them not. former: gives an
    object of an earlier version the names that its fields have now.
    Raises StriateError that names the file, the field, what came and what is allowed.
    """
    content = read_file(path)
    if former is not None:
        content = json.dumps(former(decoded(content, dict[str, Any], str(path), allow_nan=allow_nan))).encode()
    return decoded(content, kind, str(path), allow_nan=allow_nan)


def decoded(content: bytes, kind: type[T], source: str, *, allow_nan: bool = False) -> T:
    """The same of JSON that is there already; `source` names it in errors.

    >>> decoded(b'{"classes": "ten"}', dict[str, Count], "config.json")
    Traceback (most recent call last):
    striate.core.errors.StriateError: config.json is damaged: each of its values must be a whole number between 0 and \
1,000,000,000,000
    >>> decoded(b'[1, 2.5]', tuple[int, ...], "sizes.json")
    Traceback (most recent call last):
    striate.core.errors.StriateError: sizes.json is damaged: [1] must be a whole number, got 2.5
    """
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.ValidationError as error:
        _refuse(error, content, kind, source)
    except RecursionError as error:
        raise StriateError(f"{source} is damaged: it is nested beyond reason") from error
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass  # what Python writes beyond JSON: NaN, and the stray bytes of file names
    try:
        plain = json.loads(content.decode("utf-8"), parse_constant=float if allow_nan else _no_number)
        return msgspec.convert(plain, kind)
    except msgspec.ValidationError as error:
        _refuse(error, content, kind, source)
    except RecursionError as error:
        raise StriateError(f"{source} is damaged: it is nested beyond reason") from error
    except ValueError as error:
        raise StriateError(f"{source} is damaged: {error}") from error


def read_file(path: Path, most_bytes: int | None = None) -> bytes:
    """All of a regular file; nothing else is opened, for a pipe or a device may never end.

    most_bytes: how large it may be; MOST_BYTES by default.
    Raises StriateError where the file is missing, no regular file, too large, or cannot be read.
    """
    most_bytes = most_bytes or MOST_BYTES
    try:
        refuse_other_than_file(path, path.stat())
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(handle, "rb") as file:
            status = os.fstat(file.fileno())
            refuse_other_than_file(path, status)  # it may have been replaced in between
            if status.st_size > most_bytes:
                raise StriateError(
                    f"{path} is damaged: it has {status.st_size:,} bytes, and at most {most_bytes:,} are read"
                )
            return file.read(status.st_size)
    except FileNotFoundError as error:
        raise StriateError(f"{path} is missing; {path.parent} is not a complete run folder") from error
    except OSError as error:
        raise StriateError(f"{path} cannot be read ({error.strerror or error})") from error


def refuse_other_than_file(path: Path, status: os.stat_result) -> None:
    """Raise StriateError unless the status is that of a regular file."""
    if stat.S_ISREG(status.st_mode):
        return
    names = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
    what = names.get(stat.S_IFMT(status.st_mode), "a device")
    raise StriateError(f"{path} is {what}, not a file")


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is not allowed as a number here")


def _refuse(error: msgspec.ValidationError, content: bytes, kind: Any, source: str) -> NoReturn:
    """Raise msgspec's complaint in our words: file, field, what is allowed, what came."""
    text, _, path = str(error).partition(" - at `$")
    field, given = path.rstrip("`").lstrip("."), ""
    try:
        value = json.loads(content.decode("utf-8"))
        for key in _keys(path):
            value = value[key]
        given = f", got {_short(json.dumps(value, ensure_ascii=False))}"
    except (ValueError, LookupError, TypeError, RecursionError):
        pass  # a value whose key msgspec does not tell
    if missing := re.fullmatch(r"Object missing required field `(.*)`", text):
        said = f"{f'{field}.' if field else ''}{missing[1]} is missing"
    elif text.startswith(("Expected", "Invalid", "Number", "Integer")):
        said = f"{_named(field)} must be {_allowed(_kind_at(kinds.type_info(kind), _keys(path)))}{given}"
    else:  # of a dataclass's own check
        said = text
    raise StriateError(f"{source} is damaged: {said}") from error


def _named(field: str) -> str:
    """A field as a sentence begins with it; dots stand for any key."""
    if not field:
        return "it"
    return f"each of {field.partition('[...]')[0] or 'its'} values" if "[...]" in field else field


def _keys(path: str) -> list[str | int | None]:
    """The steps of a path such as ".probes[0].accuracy"; None for a key that is not told."""
    steps = re.findall(r"\.(\w+)|\[(\d+)\]|(\[\.\.\.\])", path)
    return [name or (int(number) if number else None) for name, number, _ in steps]


def _kind_at(kind: kinds.Type, keys: list[str | int | None]) -> kinds.Type:
    """What stands at the end of a path."""
    for key in keys:
        if isinstance(kind, kinds.UnionType):
            kind = next(option for option in kind.types if not isinstance(option, kinds.NoneType))
        if isinstance(kind, kinds.DataclassType | kinds.TypedDictType):
            kind = next(field.type for field in kind.fields if field.encode_name == key)
        elif isinstance(kind, kinds.TupleType):
            kind = kind.item_types[int(key or 0)]
        elif isinstance(kind, kinds.DictType):
            kind = kind.value_type
        elif isinstance(kind, kinds.VarTupleType | kinds.ListType):
            kind = kind.item_type
    return kind


def _allowed(kind: kinds.Type) -> str:
    """A kind in words.

    >>> _allowed(kinds.type_info(Share | None))
    'a number between 0 and 1 or null'
    """
    if isinstance(kind, kinds.UnionType):
        return " or ".join(_allowed(option) for option in kind.types)
    if isinstance(kind, kinds.IntType | kinds.FloatType):
        return ("a whole number" if isinstance(kind, kinds.IntType) else "a number") + _range(kind)
    if isinstance(kind, kinds.LiteralType):
        return " or ".join(json.dumps(value) for value in kind.values)
    if isinstance(kind, kinds.StrType):
        return "a text"
    if isinstance(kind, kinds.BoolType):
        return "true or false"
    if isinstance(kind, kinds.NoneType):
        return "null"
    if isinstance(kind, kinds.TupleType):
        return f"a list of {len(kind.item_types)}"
    if isinstance(kind, kinds.VarTupleType | kinds.ListType):
        return f"a list of at least {kind.min_length}" if kind.min_length else "a list"
    return "a record"


def _range(kind: kinds.IntType | kinds.FloatType) -> str:
    low, high = kind.ge, kind.le
    if low is not None and high is not None:
        return f" between {low:,} and {high:,}"
    if kind.gt is not None:
        return f" above {kind.gt:,}"
    return f" of at least {low:,}" if low is not None else ""


def _short(text: str) -> str:
    return text if len(text) <= SHOWN_LETTERS else f"{text[:SHOWN_LETTERS]}..."
