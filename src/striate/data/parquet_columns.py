"""The columns of a Parquet file: which holds the pictures, which their classes, and what class numbers stand for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from striate.core.errors import StriateError

PICTURES = ("image", "img", "picture", "photo", "images", "pixels")
PATHS = ("path", "file", "filename", "file_name", "filepath", "file_path", "image_path")
LABELS = ("label", "labels", "class", "fine_label", "target", "class_label", "category")
LISTED = 8  # columns in an error
EXPECTED = (
    "expected are pictures (a column image, img, picture or photo of struct<bytes, path>, of binary, or of texts that "
    "are paths) and their classes (a column label, labels, class, fine_label or target of whole numbers or texts)"
)


@dataclass(frozen=True)
class Columns:
    """Where pictures and classes are.

    picture: the column that is read, such as "image.bytes" or "image". paths: whether it holds paths of files. label:
    the column of classes. names: what the numbers in it stand for, by the metadata of the hubs, or None. unused: the
    other columns.
    """

    picture: str
    paths: bool
    label: str
    names: tuple[str, ...] | None
    unused: tuple[str, ...]


def columns_of(schema: Any, file: Path) -> Columns:
    """The columns that a schema of pyarrow's says; types decide, then usual names, whatever their case.

    Raises StriateError, with the columns that there are, where there is no such pair.
    """
    types = dict(zip(schema.names, schema.types, strict=True))
    features = _features(schema.metadata or {})
    label = _one([name for name, each in types.items() if _is_class(each)], LABELS)
    if label is None:
        named = [name for name, each in types.items() if _is_class(each) and _names(features, name)]
        label = named[0] if len(named) == 1 else None
    within = {name: part for name, each in types.items() if (part := _bytes_in(each)) is not None and name != label}
    picture = _one(list(within), PICTURES) or (next(iter(within)) if len(within) == 1 else None)
    paths = picture is None
    if picture is None:
        texts = [name for name, each in types.items() if _is_text(each) and name != label]
        picture = _one(texts, (*PICTURES, *PATHS))
    if picture is None or label is None or len(types) != len(schema.names):
        there = [f"{name} ({each})" for name, each in zip(schema.names, schema.types, strict=True)]
        more = f" and {len(there) - LISTED} more" if len(there) > LISTED else ""
        raise StriateError(f"{file} has the columns {', '.join(there[:LISTED]) or 'none'}{more}; {EXPECTED}")
    unused = tuple(name for name in types if name not in (picture, label))
    return Columns(picture + within.get(picture, ""), paths, label, _names(features, label), unused)


def _one(columns: list[str], usual: tuple[str, ...]) -> str | None:
    """The column with the first of the usual names."""
    by_name = {name.lower(): name for name in reversed(columns)}
    return next((by_name[name] for name in usual if name in by_name), None)


def _plain(kind: Any) -> Any:
    """The type of the values, where each is stored once."""
    from pyarrow import types

    return kind.value_type if types.is_dictionary(kind) else kind


def _is_text(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_string(_plain(kind)) or types.is_large_string(_plain(kind)))


def _is_class(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_integer(_plain(kind)) or types.is_boolean(kind) or types.is_null(kind)) or _is_text(kind)


def _bytes_in(kind: Any) -> str | None:
    """Where the bytes of pictures are in a column: "" itself, or a part of it such as ".bytes"; None where not."""
    from pyarrow import types

    if types.is_binary(_plain(kind)) or types.is_large_binary(_plain(kind)):
        return ""
    if types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
        return ".bytes" if _bytes_in(kind.field("bytes").type) == "" else None
    return None


def _features(metadata: dict[bytes, bytes]) -> dict[str, Any]:
    """What the metadata of the hubs say of each column; nothing where they say nothing that can be read."""
    try:
        features = json.loads(metadata.get(b"huggingface", b"{}"))["info"]["features"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return features if isinstance(features, dict) else {}


def _names(features: dict[str, Any], column: str) -> tuple[str, ...] | None:
    """The names of a column's classes, where they are texts and no two the same."""
    feature = features.get(column)
    names = feature.get("names") if isinstance(feature, dict) else None
    if not isinstance(names, list) or not names or not all(isinstance(name, str) and name for name in names):
        return None
    return tuple(names) if len(set(names)) == len(names) else None
