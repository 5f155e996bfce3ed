"""Answers as the interface gives them: as `predict --json` prints them, with the pixels of instances besides."""

from __future__ import annotations

from typing import Any

from striate.answers.detections import Detections
from striate.answers.instances import Instance
from striate.data.decode import size_of
from striate.deploy.instance_pixels import pixels_of

MOST_MASK_PIXELS = 1 << 22
"""Of a mask; those of larger pictures are made at a half, a fourth ... of their sides."""


def told(answer: Any, content: bytes) -> dict[str, Any]:
    """An answer for JSON. content: of the picture's file.

    Of instances each object that is `sure` has its pixels too, as run lengths of COCO: `segmentation`, which
    pycocotools decodes.
    """
    said: dict[str, Any] = answer.to_dict()
    if isinstance(answer, Detections) and any(isinstance(each, Instance) for each in answer.sure):
        size = mask_size(*size_of(content, answer.path))
        for found, entry in zip(answer.objects, said["objects"], strict=True):
            if isinstance(found, Instance) and found.score >= answer.least:
                entry["segmentation"] = {"size": list(size), "counts": pixels_of(found, size).text()}
    return said


def mask_size(height: int, width: int) -> tuple[int, int]:
    """Height and width of the masks of a picture of that size.

    >>> mask_size(480, 640), mask_size(6000, 4001)
    ((480, 640), (1500, 1000))
    """
    while height * width > MOST_MASK_PIXELS:
        height, width = max(1, height // 2), max(1, width // 2)
    return height, width
