"""`playground`."""

from __future__ import annotations

import signal
from typing import Annotated

import typer

from striate.cli.networks import JSON
from striate.cli.output import print_json, say, tell
from striate.core.errors import Interrupted
from striate.core.extras import require_packages

PACKAGES = ("fastapi", "uvicorn", "prometheus_client", "swagger_ui_bundle")


def playground(
    port: Annotated[int, typer.Option(help="The port to listen on; 0 takes any that is free.")] = 8010,
    json: JSON = False,
) -> None:
    """Open a playground of small networks for a browser on this machine: points, neurons, weights, live.

    The page's address holds the whole setting: whoever opens it sees the same. Ctrl-C or SIGTERM ends it.
    From Python it is striate.playground.train(...). --json says where it is for programs, once.

    Examples:

    striate playground

    striate playground --port 9000
    """
    require_packages("playground needs", *PACKAGES)
    from striate.deploy.serve.running import open_socket, serve, url_of
    from striate.web.playground import create_playground

    with open_socket("127.0.0.1", port) as listening:

        def ready() -> None:
            if json:
                print_json({"url": url_of(listening)})
            else:
                say(f"playground at {url_of(listening)}; Ctrl-C ends it")

        ended_by = serve(create_playground(), listening, ready)
    if ended_by == signal.SIGINT:
        raise Interrupted("stopped", signal.SIGINT)
    tell("stopped")
