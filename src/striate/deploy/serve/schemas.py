"""What the interface takes and gives, as OpenAPI writes it: of the routes here and of those that a page adds."""

from __future__ import annotations

from typing import Any

PROBLEM = {"type": "object", "properties": {"problem": {"type": "string"}}, "required": ["problem"]}
SHARE = {"type": "number", "minimum": 0, "maximum": 1}
BOX = {
    "type": "array",
    "items": SHARE,
    "minItems": 4,
    "maxItems": 4,
    "description": "Left, top, right and bottom edge, as shares of the picture's width and height.",
}
OUTLINE = {
    "type": "array",
    "items": {"type": "array", "items": {"type": "number"}},
    "description": "Of instances: closed lines of x, y, x, y ..., as shares of the picture's width and height. Inside "
    "is what an odd number of them goes around.",
}
SEGMENTATION = {
    "type": "object",
    "properties": {
        "size": {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2},
        "counts": {"type": "string"},
    },
    "required": ["size", "counts"],
    "description": "Of instances of a score from 0.3: the pixels as COCO's compressed run lengths, which pycocotools "
    "decodes. Their size, height before width, is the picture's; of one of more than 4 million pixels a half of it, a "
    "fourth, and so on.",
}
OBJECTS = {
    "type": "array",
    "description": "Of a network that finds objects: all of them, the surest first.",
    "items": {
        "type": "object",
        "properties": {
            "label": {"type": "string"},
            "score": SHARE,
            "box": BOX,
            "outline": OUTLINE,
            "segmentation": SEGMENTATION,
        },
        "required": ["label", "score", "box"],
    },
}
ANSWERS = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"path": {"type": "string"}, "box": BOX, "objects": OBJECTS},
        "required": ["path"],
    },
}
STATUSES = {
    400: "The form is broken.",
    401: "The token is missing or wrong.",
    403: "A page of another origin asks.",
    408: "The body came too slowly.",
    413: "Too many bytes, pixels or files.",
    415: "Neither a form nor a picture.",
    421: "The Host header names another server.",
    422: "Not a picture, or a damaged one.",
    503: "Too much is waiting, or the server is stopping.",
}


def as_json(schema: dict[str, Any]) -> dict[str, Any]:
    """The content of an answer of a schema."""
    return {"content": {"application/json": {"schema": schema}}}


REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"description": text, **as_json(PROBLEM)} for status, text in STATUSES.items()
}
FILES = {
    "type": "object",
    "properties": {"files": {"type": "array", "items": {"type": "string", "format": "binary"}, "minItems": 1}},
    "required": ["files"],
}
BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": FILES},
            "image/*": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}
