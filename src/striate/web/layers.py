"""`POST /layers`: the answer to a picture, and what every layer makes of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np
from fastapi import APIRouter, Request
from starlette.responses import Response

from striate.data.decode import Pixels
from striate.deploy.looking import layers_of
from striate.deploy.predictor import Predictor
from striate.deploy.serve.schemas import BODY, REFUSALS
from striate.deploy.serve.served import Served
from striate.web.one_picture import decoded, one_upload

MOST_LAYERS, MOST_MAPS, MOST_UNITS = 24, 64, 1_024
MOST_BYTES = 2**17  # of the maps of a layer
TOP = 10  # classes of the answer: all digits

T = TypeVar("T")


def layers_route(served: Served) -> APIRouter:
    """The route."""
    router = APIRouter()

    @router.post(
        "/layers", summary="What every layer makes of a picture", responses=REFUSALS, openapi_extra=BODY,
        response_class=Response,
    )  # fmt: skip
    async def layers(request: Request) -> Response:
        """One picture, as for `/predict`.

        The answer is a line of JSON and then bytes. Its `layers` follow one another in the bytes, of each the maps or
        units that are listed (of `of` that there are), row by row. Each map has its range: 0 is its least value and 255
        its largest; units have one range for all. An exported file has no layers.
        """
        upload = await one_upload(request, served)
        with served.admitted(1):
            picture = await decoded(upload, served)
            body = await served.batcher.call(partial(_told, served.predictor, picture, upload.name))
        return Response(body, media_type="application/octet-stream")

    return router


def _told(predictor: Predictor, picture: Pixels, name: str) -> bytes:
    (answer,) = predictor.answer(np.array([picture]), [name], TOP)
    heads: list[dict[str, Any]] = []
    contents: list[bytes] = []
    for layer in spread(layers_of(predictor, picture), MOST_LAYERS):
        values = layer.values
        maps = min(MOST_MAPS, max(1, MOST_BYTES // values[0].size))
        shown = values[:maps] if values.ndim == 3 else values[None, None, :MOST_UNITS]
        content, ranges = in_bytes(shown)
        heads.append({"name": layer.name, "of": len(values), "shape": shown.shape, "ranges": ranges})
        contents.append(content)
    head = json.dumps({"answer": answer.to_dict(), "layers": heads}, separators=(",", ":"))
    return b"".join([head.encode("ascii"), b"\n", *contents])


def in_bytes(maps: np.ndarray) -> tuple[bytes, list[list[float]]]:
    """Maps (C, H, W), each over its own range of numbers, and these ranges.

    >>> in_bytes(np.array([[[-1.0, 0.0, 1.0]], [[2.0, 2.0, 2.0]]]))
    (b'\\x00\\x80\\xff\\x00\\x00\\x00', [[-1.0, 1.0], [2.0, 2.0]])
    """
    finite = np.nan_to_num(maps.astype(np.float64), posinf=0.0, neginf=0.0)
    low, high = finite.min((1, 2), keepdims=True), finite.max((1, 2), keepdims=True)
    scaled = (finite - low) / np.where(high > low, high - low, 1) * 255
    ranges = np.concatenate([low, high], 1)[:, :, 0].round(6).tolist()
    return scaled.round().astype(np.uint8).tobytes(), ranges


def spread(items: Sequence[T], most: int) -> list[T]:
    """All of a sequence, or so many of it, the first and the last among them, evenly.

    >>> spread(range(10), 4)
    [0, 3, 6, 9]
    """
    if len(items) <= most:
        return list(items)
    return [items[round(place * (len(items) - 1) / (most - 1))] for place in range(most)]
