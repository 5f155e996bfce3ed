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
OBJECTS = {
    "type": "array",
    "description": "Of a network that finds objects: all of them, the surest first.",
    "items": {
        "type": "object",
        "properties": {"label": {"type": "string"}, "score": SHARE, "box": BOX},
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
