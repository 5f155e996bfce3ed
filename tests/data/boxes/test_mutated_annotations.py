"""Annotation files that are damaged in a dozen ways: each is one sentence or a set that opens, and no traceback.

STRIATE_MUTATED=1000 makes it a thousand; the suite makes sixty.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from factories import encoded
from striate.core.errors import StriateError
from striate.data.boxes.dataset import has_boxes, open_boxes
from striate.data.boxes.writing import BoxedPicture, BoxRow, write_box_table, write_coco, write_voc, write_yolo

COUNT = int(os.environ.get("STRIATE_MUTATED", "60"))
SIZE, NAMES = (40, 60), ("ant", "bee")
NAMED = ("boxes.json", "Annotations/1.xml", "labels/1.txt", "data.yaml", "boxes.csv")
FILES = {name.rpartition(".")[2]: name for name in NAMED}
WORDS = (
    *(b"null", b"true", b"-1", b"1e999", b"NaN", b'""', b"[]", b"{}", b"0x10", b"99999999999999999999", b"\xff\xfe"),
    *(
        b"</annotation>",
        b"<object>",
        b"<!DOCTYPE a>",
        b"&amp;",
        b"*a",
        b"&a",
        b"!!python/name:os.system",
        b"\0",
        b"- -",
    ),
    *(b"\xc3", b"'", b'"', b",", b":", b"\n", b"\t", b"[" * 300, b"{" * 300, b"<a>" * 300, b"9" * 400, "ü".encode()),
)


def set_of(root: Path, kind: str) -> Path:
    """Four pictures and what is in them; gives what is to be opened."""
    (root / "images").mkdir(parents=True)
    objects = (BoxRow("ant", (1, 2, 21, 30)), BoxRow("bee", (20, 5, 60, 40)), BoxRow("ant", (0, 0, 9, 9)))
    pictures = [BoxedPicture(f"images/{number}.png", SIZE, objects[: number + 1]) for number in range(4)]
    for each in pictures:
        (root / each.path).write_bytes(encoded(np.zeros((*SIZE, 3), np.uint8)))
    if kind == "json":
        write_coco(root / FILES["json"], pictures, NAMES)
    elif kind == "xml":
        write_voc(root, pictures)
    elif kind == "csv":
        write_box_table(root / FILES["csv"], pictures)
    else:
        write_yolo(root, pictures, NAMES)
    return {"json": root / FILES["json"], "csv": root / FILES["csv"], "yaml": root / FILES["yaml"]}.get(kind, root)


def mutated(content: bytes, random: np.random.Generator) -> bytes:
    """A file with one to three faults."""
    for _ in range(int(random.integers(1, 4))):
        place, kind = int(random.integers(0, len(content) + 1)), int(random.integers(0, 7))
        length = int(random.integers(1, 40))
        if kind == 0:
            content = content[:place]
        elif kind == 1:
            content = content[:place] + content[place + length :]
        elif kind == 2:
            content = content[:place] + random.integers(0, 256, length, np.uint8).tobytes() + content[place:]
        elif kind == 3:
            word = WORDS[int(random.integers(0, len(WORDS)))]
            content = content[:place] + word + content[place:]
        elif kind == 4:
            word = WORDS[int(random.integers(0, len(WORDS)))]
            content = content[:place] + word + content[place + length :]
        elif kind == 5:
            content = content[:place] + content[place : place + length] * int(random.integers(2, 50)) + content[place:]
        elif content:
            flipped = bytearray(content)
            flipped[place % len(content)] ^= 1 << int(random.integers(0, 8))
            content = bytes(flipped)
    return content


@pytest.mark.parametrize("kind", FILES)
def test_no_damage_ends_in_a_traceback(tmp_path, kind):
    data, random = set_of(tmp_path / "data", kind), np.random.default_rng(list(FILES).index(kind))
    file = tmp_path / "data" / FILES[kind]
    whole, opened, refused = file.read_bytes(), 0, 0
    open_boxes(data)
    for number in range(COUNT // len(FILES)):
        file.write_bytes(mutated(whole, random))
        try:
            has_boxes(data)
            open_boxes(data)
            opened += 1
        except StriateError as error:
            refused += 1
            assert "\n" not in str(error), number
            assert len(str(error)) < 2000, number
    assert opened + refused == COUNT // len(FILES)
    assert refused or kind in ("xml", "txt")  # of these the one file is left out
