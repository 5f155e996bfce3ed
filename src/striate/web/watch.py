"""Runs while they train: the page at `/`, and the endpoints by which it asks how they stand."""

from __future__ import annotations

import hashlib
import json
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import anyio.to_thread
from fastapi import APIRouter, FastAPI, Query, Request
from starlette.responses import Response

from striate.deploy.serve.admission import Admission
from striate.deploy.serve.app import bounded
from striate.deploy.serve.files import add_files
from striate.deploy.serve.measures import Measures
from striate.deploy.serve.refusals import Refused
from striate.deploy.serve.schemas import REFUSALS
from striate.deploy.serve.settings import Settings
from striate.training.watching.runs import Runs
from striate.web.page import FILES as SHARED
from striate.web.page import add_colours

FILES = Path(__file__).parent / "watch"
BOUNDS = Settings(most_body_bytes=2**12, most_held_bytes=2**20, most_waiting=64)
Run = Annotated[str, Query(max_length=4096, description="A run, as /runs names it.")]


def create_watch(runs: Runs) -> FastAPI:
    """The application, which reads the folders of runs when somebody asks."""
    app = bounded(BOUNDS, Admission(BOUNDS.most_waiting), Measures(), lambda: None)
    app.include_router(_routes(runs))
    add_colours(app)
    add_files(app, "/page", SHARED)
    add_files(app, "", FILES, index="index.html")
    return app


def _routes(runs: Runs) -> APIRouter:
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
            raise Refused(404, "there is no such run here")
        return _unless_known(request, found)

    return router


def _unless_known(request: Request, told: dict[str, Any]) -> Response:
    """An answer as JSON, or 304 where the one who asks has it already."""
    body = json.dumps(told, separators=(",", ":"), allow_nan=False).encode("ascii")
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"etag": tag, "cache-control": "no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)
