"""Runs while they train: the page at `/`, and the endpoints by which it asks how they stand and look inside."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import anyio.to_thread
import torch
from fastapi import APIRouter, FastAPI, Query, Request
from starlette.responses import Response

from striate.deploy.serve.admission import Admission
from striate.deploy.serve.app import bounded
from striate.deploy.serve.files import add_files
from striate.deploy.serve.measures import Measures
from striate.deploy.serve.refusals import Refused
from striate.deploy.serve.schemas import REFUSALS
from striate.deploy.serve.settings import Settings
from striate.training.watching.looks import Looks
from striate.training.watching.runs import Runs
from striate.web.page import FILES as SHARED
from striate.web.page import add_colours

FILES = Path(__file__).parent / "watch"
BOUNDS = Settings(most_body_bytes=2**12, most_held_bytes=2**20, most_waiting=64)
MOST_HELD = 8  # runs whose drawings are kept, a few megabytes each
Run = Annotated[str, Query(max_length=4096, description="A run, as /runs names it.")]


def create_watch(runs: Runs) -> FastAPI:
    """The application, which reads the folders of runs when somebody asks."""
    runs.look()  # so that whoever asks first finds them by their names
    worker = ThreadPoolExecutor(1, "looks", initializer=partial(torch.set_num_threads, 1))
    app = bounded(BOUNDS, Admission(BOUNDS.most_waiting), Measures(), partial(worker.shutdown, cancel_futures=True))
    app.include_router(_standings(runs))
    app.include_router(_inside(runs, worker))
    add_colours(app)
    add_files(app, "/page", SHARED)
    add_files(app, "", FILES, index="index.html")
    return app


def _standings(runs: Runs) -> APIRouter:
    router = APIRouter()

    @router.get("/runs", summary="How all runs stand", responses=REFUSALS)
    async def standings(request: Request) -> Response:
        """Those that were begun last first. `ends_s`: when one that trains is to end, in seconds since 1970."""
        found = await anyio.to_thread.run_sync(runs.look)
        told = {"folder": str(runs.folder), "note": runs.note, "runs": [standing.to_dict() for standing in found]}
        return _unless_known(request, told)

    @router.get("/curves", summary="What the epochs of a run came to", responses=REFUSALS)
    async def curves(request: Request, run: Run) -> Response:
        """By name every number that its metrics.jsonl has, null where an epoch has none."""
        found = await anyio.to_thread.run_sync(partial(runs.curves, run))
        if found is None:
            raise _no_run()
        return _unless_known(request, found)

    return router


def _inside(runs: Runs, worker: Executor) -> APIRouter:
    """What runs look like inside, drawn in a thread of its own: who asks has what there is by then."""
    router = APIRouter()
    held = OrderedDict[str, Looks]()
    waiting = dict[str, Future[None]]()

    def looks_of(name: str) -> Looks:
        folder = runs.folder_of(name)
        if folder is None:
            raise _no_run()
        held.setdefault(name, Looks(folder))
        held.move_to_end(name)
        while len(held) > MOST_HELD:
            held.popitem(last=False)
        return held[name]

    @router.get("/looks", summary="What a run looked like inside", responses=REFUSALS)
    async def looks(request: Request, run: Run) -> Response:
        """By checkpoint, the oldest first, the titles of its drawings. Asking has the next one drawn that is new."""
        found = looks_of(run)
        if run not in waiting or waiting[run].done():  # once at a time, however often somebody asks
            waiting[run] = worker.submit(found.look)
        return _unless_known(request, found.to_dict())

    @router.get("/look", summary="A drawing of it", responses=REFUSALS, response_class=Response)
    async def look(run: Run, at: Annotated[str, Query(max_length=32)], sheet: Annotated[int, Query(ge=0)]) -> Response:
        """A PNG file. `at`: a checkpoint, or `pictures` for the pictures. `sheet`: a drawing, counted from 0."""
        found = looks_of(run)
        drawn = [found.pictures] if at == "pictures" else found.by_checkpoint.get(at, [])
        if sheet >= len(drawn) or (one := drawn[sheet]) is None:
            raise Refused(404, "there is no such drawing, or not any more")
        return Response(one.png, media_type="image/png")

    return router


def _no_run() -> Refused:
    return Refused(404, "there is no such run here")


def _unless_known(request: Request, told: dict[str, Any]) -> Response:
    """An answer as JSON, or 304 where the one who asks has it already."""
    body = json.dumps(told, separators=(",", ":"), allow_nan=False).encode("ascii")
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"etag": tag, "cache-control": "no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)
