"""`POST /mask`: the class of every pixel of a picture."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from fastapi import APIRouter, Request
from starlette.responses import Response

from striate.answers.masks import SEGMENTATION, Segmentation
from striate.answers.palette import colour_of
from striate.deploy.serve.refusals import Json, Refused
from striate.deploy.serve.schemas import BODY, REFUSALS
from striate.deploy.serve.served import Served
from striate.web.one_picture import decoded, one_upload


def mask_route(served: Served) -> APIRouter:
    """The route."""
    router = APIRouter(default_response_class=Json)

    @router.post("/mask", summary="The class of every pixel of a picture", responses=REFUSALS, openapi_extra=BODY)
    async def mask(request: Request) -> Response:
        """One picture, as for `/predict`.

        `numbers` are `height` rows of `width` bytes over all of the picture, in base64: places in `classes`, which are
        those in it, the largest first, each with its share of the picture and its colour, red, green and blue.
        """
        predictor = served.predictor
        if predictor.task_name != SEGMENTATION:
            raise Refused(422, f"masks are of {SEGMENTATION}, and this network's task is {predictor.task_name}")
        upload = await one_upload(request, served)
        with served.admitted(1):
            picture = await decoded(upload, served)
            (answer,) = await served.batcher.answers([picture], [upload.name], 1)
        return Json(shown(answer))

    return router


def shown(answer: Segmentation) -> dict[str, Any]:
    """For JSON.

    >>> found = shown(Segmentation("a.png", np.array([[0, 2, 2]], np.uint8), ("sky", "sea", "sand")))
    >>> [each["label"] for each in found["classes"]], base64.b64decode(found["numbers"])
    (['sand', 'sky'], b'\\x01\\x00\\x00')
    """
    present = answer.largest
    classes = [{"label": name, "share": share, "colour": colour_of(number)} for number, name, share in present]
    place_of = np.zeros(len(answer.names), np.uint8)
    place_of[[number for number, _, _ in present]] = range(len(present))
    numbers = place_of[answer.mask]
    height, width = numbers.shape
    return {
        "height": height,
        "width": width,
        "numbers": base64.b64encode(numbers.tobytes()).decode(),
        "classes": classes,
    }
