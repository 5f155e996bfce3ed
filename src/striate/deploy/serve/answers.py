"""The routes: `/predict`, and what the server says of itself."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import PlainTextResponse, Response

from striate.core.version import __version__
from striate.deploy.serve.refusals import Json, Refused
from striate.deploy.serve.schemas import ANSWERS, BODY, REFUSALS, as_json
from striate.deploy.serve.served import Served
from striate.deploy.serve.told import told
from striate.deploy.serve.uploads import Upload, read_uploads

MOST_TOP = 1_000


def routes(served: Served) -> APIRouter:
    """All routes of the interface."""
    router = APIRouter()

    @router.post(
        "/predict",
        summary="What is in pictures",
        responses={200: {"description": "An answer per picture.", **as_json(ANSWERS)}, **REFUSALS},
        openapi_extra=BODY,
    )
    async def predict(
        request: Request, top: Annotated[int, Query(ge=1, le=MOST_TOP)] = served.settings.top
    ) -> Response:
        """Pictures come as the files of a form, whatever its fields are called, or one as the body.

        The answer is a list, as `striate predict --json` prints it; instances of a score from 0.3 have their pixels
        too, as `segmentation`. Of several pictures, one that cannot be read has a `problem` in its place.
        """
        uploads = await read_uploads(request, served.settings)
        with served.admitted(len(uploads)):
            return Json(await _answers(served, uploads, top))

    @router.get("/healthz", summary="Whether the server takes requests", responses={503: REFUSALS[503]})
    async def healthz() -> Response:
        return Json({"status": "ok"})

    @router.get("/model", summary="Which network answers")
    async def model() -> Response:
        return Json(described(served))

    @router.get("/metrics", summary="Counters, in the text form of Prometheus", response_class=PlainTextResponse)
    async def metrics() -> Response:
        return Response(served.measures.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return router


async def _answers(served: Served, uploads: list[Upload], top: int) -> list[dict[str, Any]]:
    """For JSON. Raises Refused when no picture can be read."""
    pictures = await served.decoder.pictures(uploads)
    refused = [each for each in pictures if isinstance(each, Refused)]
    if len(refused) == len(uploads):
        others = f"; nor can any other of the {len(uploads)} pictures be read" if len(uploads) > 1 else ""
        raise Refused(refused[0].status, f"{refused[0].named(uploads[0].name).sentence}{others}")
    good = [(each, pixels) for each, pixels in zip(uploads, pictures, strict=True) if not isinstance(pixels, Refused)]
    answers = await served.batcher.answers([pixels for _, pixels in good], [each.name for each, _ in good], top)
    contents = [each.content for each, _ in good]
    entries = iter(await asyncio.to_thread(lambda: list(map(told, answers, contents))))
    return [
        {"path": upload.name, "problem": picture.sentence} if isinstance(picture, Refused) else next(entries)
        for upload, picture in zip(uploads, pictures, strict=True)
    ]


def described(served: Served) -> dict[str, Any]:
    """What `/model` says."""
    predictor = served.predictor
    return {
        "task": predictor.task_name,
        "classes": list(predictor.classes),
        "size": list(predictor.preprocess.size),
        "channels": predictor.preprocess.channels,
        "engine": predictor.engine_words,
        "sha256": predictor.sha256,
        "calibration": None if predictor.calibration is None else predictor.calibration.to_dict(),
        "striate": __version__,
    }
