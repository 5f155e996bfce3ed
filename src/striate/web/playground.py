"""The playground of small networks: the page at `/`, and the endpoints by which it makes a network and has it learn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeVar

import torch
from fastapi import APIRouter, FastAPI, Request
from msgspec import Meta
from starlette.responses import Response

from striate.core.errors import StriateError
from striate.core.reading import decoded
from striate.deploy.serve.admission import Admission
from striate.deploy.serve.app import bounded
from striate.deploy.serve.files import add_files
from striate.deploy.serve.measures import Measures
from striate.deploy.serve.refusals import Json, Refused
from striate.deploy.serve.schemas import REFUSALS
from striate.deploy.serve.settings import Settings as Bounds
from striate.playground.frame import frame
from striate.playground.learner import Learner
from striate.playground.settings import settings_of
from striate.web.learners import Learners
from striate.web.page import FILES as SHARED
from striate.web.page import add_colours

FILES = Path(__file__).parent / "playground"
BOUNDS = Bounds(most_body_bytes=2**17, most_held_bytes=2**23, most_waiting=64)
FRAME_SECONDS = 0.03  # of learning, so that a page has more than 20 frames a second

T = TypeVar("T")


@dataclass(frozen=True)
class Asked:
    """Steps to make, and the rates that hold from now on."""

    steps: Annotated[int, Meta(ge=0, le=10_000)]
    rate: float
    l1: float
    l2: float


def create_playground() -> FastAPI:
    """The application. Networks learn in one thread, one after the other."""
    worker = ThreadPoolExecutor(1, "learners", initializer=partial(torch.set_num_threads, 1))
    admission = Admission(BOUNDS.most_waiting)
    app = bounded(BOUNDS, admission, Measures(), partial(worker.shutdown, cancel_futures=True))
    app.include_router(_routes(worker, admission))
    add_colours(app)
    add_files(app, "/page", SHARED)
    add_files(app, "", FILES, index="index.html")
    return app


def _routes(worker: ThreadPoolExecutor, admission: Admission) -> APIRouter:
    router, learners = APIRouter(), Learners()

    async def worked(work: Callable[[], T]) -> T:
        with admission.admitted(1), _refusals():
            return await asyncio.get_running_loop().run_in_executor(worker, work)

    @router.post("/learners", summary="Make a small network and its points", responses=REFUSALS)
    async def make(request: Request) -> Response:
        """The body is a JSON object of `striate.playground.Settings`. The answer has the name of what was made, its
        points (x1, x2, class), of which the first `train` train, and how many steps an epoch has."""
        with _refusals():
            given = decoded(await request.body(), dict[str, Any], "the setting")
        learner = await worked(lambda: Learner(settings_of(given)))
        points = [
            [*place, kind]
            for place, kind in zip(
                learner.points.places.round(3).tolist(), learner.points.classes.tolist(), strict=True
            )
        ]
        told = {"train": learner.points.train, "epoch": learner.steps_an_epoch, "points": points}
        return Json({"name": learners.add(learner), **told})

    @router.post("/learners/{name}/frame", summary="Have it learn, and show it", responses=REFUSALS)
    async def frame_of(name: str, request: Request) -> Response:
        """The body is a JSON object of `steps`, `rate`, `l1` and `l2`. So many steps are made as 30 ms allow; the
        answer is a line of JSON and then bytes, as `striate.playground.frame` tells."""
        with _refusals():
            asked = decoded(await request.body(), Asked, "the request")
        shown = await worked(partial(_advanced, learners.find(name), asked))
        return Response(shown, media_type="application/octet-stream")

    return router


def _advanced(learner: Learner, asked: Asked) -> bytes:
    learner.with_rates(asked.rate, asked.l1, asked.l2)
    learner.advance(asked.steps, FRAME_SECONDS)
    return frame(learner)


@contextmanager
def _refusals() -> Iterator[None]:
    """What the library says is wrong, as a refusal."""
    try:
        yield
    except StriateError as error:
        raise Refused(422, str(error)) from error
