"""The application: a network's routes behind the bounds, and room for a page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from striate.core.version import __version__
from striate.deploy.predictor import Predictor
from striate.deploy.serve.admission import Admission
from striate.deploy.serve.answers import routes
from striate.deploy.serve.bounds import Bounds
from striate.deploy.serve.docs_page import add_docs
from striate.deploy.serve.measures import Measures
from striate.deploy.serve.refusals import Refused, nothing_here, refusal
from striate.deploy.serve.served import Served, served
from striate.deploy.serve.settings import Settings

Addition = Callable[[FastAPI, Served], None]
"""Adds routes of its own, such as those of the page at `/`, which is a file per route by `files.add_files`."""

OPENAPI = "3.0.3"  # what the packaged Swagger UI 4 reads


def create_app(predictor: Predictor, settings: Settings | None = None, additions: Sequence[Addition] = ()) -> FastAPI:
    """The application that serves a network; its threads end with its lifespan.

    `app.state.served` is what it serves. additions: called with the application, in order, behind its own routes.
    """
    settings = settings or Settings()
    network = served(predictor, settings)

    app = bounded(settings, network.admission, network.measures, network.close)
    app.state.served = network
    app.include_router(routes(network))
    for add in additions:
        add(app, network)
    return app


def bounded(settings: Settings, admission: Admission, measures: Measures, close: Callable[[], None]) -> FastAPI:
    """An application behind the bounds that has `/docs` and nothing else yet; close: called when its lifespan ends."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        close()

    app = FastAPI(title="Striate", version=__version__, docs_url=None, redoc_url=None, lifespan=lifespan)
    app.openapi_version = OPENAPI
    app.state.admission = admission
    add_docs(app)
    _tell_problems(app)
    app.add_middleware(Bounds, settings=settings, admission=admission, measures=measures)
    return app


def _tell_problems(app: FastAPI) -> None:
    """Every error in the one form that refusals have."""

    @app.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> Response:
        return refusal(error.status, error.sentence)

    @app.exception_handler(HTTPException)
    async def known(request: Request, error: HTTPException) -> Response:
        headers = {name.lower(): value for name, value in (error.headers or {}).items()}
        return refusal(error.status_code, _of_http(error, headers.get("allow", "")), headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        return refusal(422, _sentence(error.errors()[0]))


def _of_http(error: HTTPException, allowed: str) -> str:
    """What the framework refuses: addresses and methods that there are not."""
    if error.status_code == 404:
        return nothing_here().sentence
    return f"this address takes {allowed} only" if error.status_code == 405 else str(error.detail)


def _sentence(error: dict[str, Any]) -> str:
    """Of the first thing that is wrong with a parameter."""
    return f"{error['loc'][-1]}: {error['msg'][:1].lower()}{error['msg'][1:]}"
