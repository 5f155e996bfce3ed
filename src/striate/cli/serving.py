"""`serve`."""

from __future__ import annotations

import logging
import os
import signal
import sys
from typing import Annotated

import typer

from striate.cli.data import allow_megapixels
from striate.cli.networks import JSON
from striate.cli.output import print_json, say, tell
from striate.cli.using import ANSWERING, DEVICE, ENGINE, MODEL, PRECISION
from striate.core.errors import Interrupted, StriateError
from striate.core.extras import require_packages

PACKAGES = ("fastapi", "uvicorn", "python_multipart", "prometheus_client", "swagger_ui_bundle")
SHORTEST_TOKEN = 16  # characters
MEGAPIXELS = 50.0


def serve(
    run: ANSWERING,
    host: Annotated[str, typer.Option(help="The address to listen on; any other than 127.0.0.1 needs a token.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(help="The port to listen on; 0 takes any that is free.")] = 8000,
    token: Annotated[
        str | None,
        typer.Option(envvar="STRIATE_TOKEN", help="What requests must carry; where one is needed, made if not given."),
    ] = None,
    allow_host: Annotated[
        list[str] | None, typer.Option(help="A name by which the server may be addressed, besides localhost.")
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="How many classes an answer lists, unless a request says.")] = 3,
    model: MODEL = None,
    precision: PRECISION = "auto",
    device: DEVICE = "auto",
    engine: ENGINE = "auto",
    max_megapixels: Annotated[
        float, typer.Option(help="Refuse pictures with more pixels than this, in millions.")
    ] = MEGAPIXELS,
    json: JSON = False,
) -> None:
    """Answer over HTTP: POST /predict takes pictures, /docs shows how, GET /model and /metrics tell of the server.

    It is for this machine alone, unless --host says otherwise; then every request needs the token, as Authorization:
    Bearer TOKEN, or in a browser once as ?token=TOKEN. Connections are not encrypted: beyond a network that you trust,
    put it behind a proxy that does so.
    Ctrl-C or SIGTERM ends it when all that was accepted is answered. --json says where it is for programs, once.

    Examples:

    striate serve embedded

    curl -F picture=@photo.jpg http://127.0.0.1:8000/predict

    striate serve cats.onnx

    striate serve runs/cats --host 0.0.0.0 --port 8080
    """
    require_packages("serve needs", *PACKAGES)
    from striate.deploy.opened import load
    from striate.deploy.serve.app import create_app
    from striate.deploy.serve.pace import at_its_pace
    from striate.deploy.serve.running import is_loopback, new_token, open_socket, url_of
    from striate.deploy.serve.running import serve as run_server
    from striate.deploy.serve.settings import Settings
    from striate.web.page import add_page

    _require_token(token)
    allow_megapixels(max_megapixels)
    for package in ("PIL", "python_multipart"):  # why a body cannot be read is the answer's to say
        logging.getLogger(package).setLevel(logging.CRITICAL)
    with open_socket(host, port) as listening:
        token = token or (None if is_loopback(listening) else new_token())
        opened = load(str(run), precision, model, device, engine)
        if engine == "auto":
            opened.choose_engine()  # as it was measured before
        settings = Settings(
            top=top, token=token, hosts=(host, *(allow_host or ())), most_pixels=round(max_megapixels * 1e6)
        )

        def ready() -> None:
            if json:
                print_json({"url": url_of(listening), "token": token, "engine": opened.engine_words})
                return
            say(f"serving {run} at {url_of(listening)} ({opened.engine_words}); Ctrl-C ends it")
            if token:
                say(f"token: {token}, in a browser {url_of(listening)}?token={token}")

        ended_by = run_server(create_app(opened, at_its_pace(settings, opened), [add_page]), listening, ready)
    if ended_by == signal.SIGINT:
        raise Interrupted("stopped", signal.SIGINT)
    tell("stopped")
    sys.stdout.flush()
    os._exit(0)  # nothing is left to save, and on a busy machine torch takes seconds to take itself apart


def _require_token(token: str | None) -> None:
    if token is not None and (len(token) < SHORTEST_TOKEN or not all("!" <= each <= "~" for each in token)):
        raise StriateError(
            f"--token must have at least {SHORTEST_TOKEN} letters, figures and signs of ASCII, without spaces; where "
            "one is needed and none is given, one is made"
        )
