"""`POST /why`: where in a picture the reasons for a class lie."""

from __future__ import annotations

import base64
from functools import partial
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from striate.answers.classes import CLASSIFICATION
from striate.core.errors import unknown_name
from striate.data.decode import size_of
from striate.data.working_size import seen_box
from striate.deploy.looking import Heat, answers_taken, heat_of
from striate.deploy.serve.refusals import Json, Refused
from striate.deploy.serve.schemas import BODY, REFUSALS
from striate.deploy.serve.served import Served
from striate.web.one_picture import decoded, one_upload

Box = tuple[float, float, float, float]


def why_route(served: Served) -> APIRouter:
    """The route."""
    router = APIRouter(default_response_class=Json)

    @router.post(
        "/why", summary="Where in a picture the reasons for a class lie", responses=REFUSALS, openapi_extra=BODY
    )
    async def why(request: Request, label: Annotated[str, Query(description="The class.")]) -> Response:
        """One picture, as for `/predict`.

        `box` is the part of the picture that the network sees: left, top, right and bottom as shares of its width and
        height. `values` are `height` rows of `width` bytes over it, in base64: 255 speaks most for the class.
        """
        predictor = served.predictor
        if predictor.task_name != CLASSIFICATION:
            raise Refused(422, f"reasons are shown of classes, and this network's task is {predictor.task_name}")
        if label not in predictor.classes:
            raise Refused(422, str(unknown_name("class", label, predictor.classes)))
        upload = await one_upload(request, served)
        with served.admitted(answers_taken(predictor)):
            picture = await decoded(upload, served)
            heat = await served.batcher.call(partial(heat_of, predictor, picture, label))
        return Json(
            {"label": label, **shown(heat, seen_box(size_of(upload.content, upload.name), predictor.preprocess))}
        )

    return router


def shown(heat: Heat, box: Box) -> dict[str, Any]:
    """For JSON; what lies over the bars beside a picture is cut off.

    >>> found = shown(Heat("Grad-CAM", np.array([[0, 1], [0.5, 0]])), (0.0, -0.5, 1.0, 1.5))
    >>> found["box"], found["height"], found["width"]
    ([0.0, 0.0, 1.0, 1.0], 2, 2)
    """
    height, width = heat.values.shape
    left, top, right, bottom = box
    columns, (left, right) = _inside(left, right, width)
    rows, (top, bottom) = _inside(top, bottom, height)
    values = (heat.values[rows, columns] * 255).round().astype(np.uint8)
    return {
        "method": heat.method,
        "box": [left, top, right, bottom],
        "height": values.shape[0],
        "width": values.shape[1],
        "values": base64.b64encode(values.tobytes()).decode(),
    }


def _inside(first: float, last: float, places: int) -> tuple[slice, tuple[float, float]]:
    """Of places along an axis from `first` to `last` those between 0 and 1, at least one, and where they then reach."""
    one = (last - first) / places
    begin = min(max(0, round(-first / one)), places - 1)
    end = max(min(places, round((1 - first) / one)), begin + 1)
    return slice(begin, end), (max(0.0, first), min(1.0, last))
