"""data.yaml of a data set in YOLO's layout: the names of its classes and the folders of its splits.

The keys are those of docs.ultralytics.com/datasets/detect. Read with PyYAML's base loader, which makes texts, lists and
objects, and nothing else; aliases, by which a small file can stand for more than any memory holds, are refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from striate.core.errors import StriateError
from striate.core.extras import require_packages
from striate.core.files import read_regular
from striate.core.reading import read_file
from striate.data.layout import nfc
from striate.data.split_names import SPELLINGS

ENDINGS = (".yaml", ".yml")
MOST_BYTES = 2**17  # for which the parser needs seconds; the names of a thousand classes have some 20,000 bytes
MOST_CLASSES = 10**5
DEEPEST = 16  # the parser's time grows as the square of that
FIRST = ("data", "dataset")  # names of files, before all others
KEYS = re.compile(rb"^(names|nc|train|val|path)\s*:", re.MULTILINE)
EXPECTED = "expected is names: [ant, bee], or a line 0: ant for each class below names:"


@dataclass(frozen=True)
class YoloFile:
    """names: of the classes, by number. folders: folder or list of pictures, and its split, in the order of the file.
    keypoints: whether lines of labels end in points of a pose. nc: how many classes there are said to be.
    """

    names: dict[int, str]
    folders: tuple[tuple[str, str], ...] = ()
    keypoints: bool = False
    nc: int | None = None


def looks_like_yolo(file: Path) -> bool:
    """Whether a file names classes, and with them how many, or where pictures are."""
    try:
        return file.suffix.lower() in ENDINGS and {b"names"} < set(KEYS.findall(read_regular(file, MOST_BYTES)))
    except OSError:
        return False


def yolo_file_among(root: Path, paths: list[str]) -> str | None:
    """The file of this kind among some paths; data.yaml before others."""
    found = [path for path in paths if looks_like_yolo(root / path)]
    return min(found, key=lambda path: (Path(path).stem.lower() not in FIRST, path), default=None)


def read_yolo_file(file: Path) -> YoloFile:
    """Read one. Raises StriateError for what is no such file, and without the package PyYAML."""
    told = parse(read_file(file, MOST_BYTES), str(file))
    if not isinstance(told, dict):
        raise StriateError(f"{file} has no names; {EXPECTED}")
    folders = []
    for key, value in told.items():
        split = SPELLINGS.get(str(key).lower())
        for place in value if isinstance(value, list) else [value]:
            if split and isinstance(place, str) and place.strip():
                folders.append((_below(str(told.get("path") or ""), place), split))
    nc = str(told.get("nc") or "").strip()
    return YoloFile(
        _names(told.get("names"), file), tuple(folders), "kpt_shape" in told, int(nc) if _is_number(nc) else None
    )


def parse(content: bytes, name: str) -> Any:
    """YAML as texts, lists and objects. Raises StriateError, by the file's name.

    >>> parse(b"names: [yes, no]", "data.yaml")
    {'names': ['yes', 'no']}
    """
    require_packages(f"{name} needs", "yaml")
    import yaml

    deep = 0
    try:
        for event in yaml.parse(content, yaml.BaseLoader):
            if isinstance(event, yaml.AliasEvent):
                raise StriateError(f"{name} has an alias (*), which may stand for anything; write out what it is for")
            deep += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if deep > DEEPEST:
                raise StriateError(f"{name} is damaged: it is nested beyond reason")
        return yaml.load(content, yaml.BaseLoader)
    except (yaml.YAMLError, ValueError) as error:
        if isinstance(error, StriateError):
            raise
        said = " ".join(str(error).split())
        raise StriateError(f"{name} is no YAML that can be read ({said[:120]})") from error


def _names(told: Any, file: Path) -> dict[int, str]:
    entries = list(enumerate(told)) if isinstance(told, list) else list(told.items()) if isinstance(told, dict) else []
    names: dict[int, str] = {}
    for number, name in entries:
        if not _is_number(str(number)) or int(number) > MOST_CLASSES or not isinstance(name, str) or not name.strip():
            raise StriateError(f"{file}: names has {str(number)[:40]!r}: {str(name)[:40]!r}; {EXPECTED}")
        names[int(number)] = nfc(name.strip())
    if not names:
        raise StriateError(f"{file} has no names; {EXPECTED}")
    return names


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 10


def _below(path: str, place: str) -> str:
    """Where a folder lies below the file: leading steps upwards, and a path to where it lay once, are left out.

    >>> _below("../datasets/coco128", "images/train2017"), _below("", "../train/images"), _below(".", "./train.txt")
    ('images/train2017', 'train/images', 'train.txt')
    >>> _below("/home/ann/cells", "/home/ann/cells/images/val")
    'images/val'
    """
    place, path = place.replace("\\", "/"), path.replace("\\", "/").rstrip("/")
    if path and place.startswith(f"{path}/"):
        place = place[len(path) + 1 :]
    return "/".join(part for part in place.split("/") if part not in ("", ".", ".."))
