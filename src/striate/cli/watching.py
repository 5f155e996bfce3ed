"""`watch`."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated

import typer

from striate.cli.networks import JSON
from striate.cli.output import print_json, say, tell
from striate.cli.runs import RUNS
from striate.core.errors import Interrupted
from striate.core.extras import require_packages

PACKAGES = ("fastapi", "uvicorn", "prometheus_client", "swagger_ui_bundle")
FIRST_PORT = 8000


def watch(
    folder: Annotated[Path, typer.Argument(help="A run, or a folder of runs.")] = RUNS,
    port: Annotated[
        int | None, typer.Option(help=f"The port to listen on; the first free one from {FIRST_PORT} on if not given.")
    ] = None,
    json: JSON = False,
) -> None:
    """Watch runs while they train, and old ones, on a page for a browser on this machine.

    Curves over each other, what a run saw of itself, rate, pictures a second, time left, filters and maps. It only
    reads what runs write, gives way to them, and takes some 2 % of one core. Ctrl-C or SIGTERM ends it. --json prints
    how the runs stand, once.

    Examples:

    striate watch

    striate watch runs/cats --port 9000

    striate watch runs/ --json
    """
    from striate.training.watching.runs import Runs

    if json:
        watched = Runs(folder)
        print_json([standing.to_dict() for standing in watched.look()])
        return
    require_packages("watch needs", *PACKAGES)
    from striate.core.processor import give_way
    from striate.deploy.serve.running import first_free_socket, open_socket, serve, url_of
    from striate.web.watch import create_watch

    app = create_watch(Runs(folder))
    with first_free_socket(FIRST_PORT) if port is None else open_socket("127.0.0.1", port) as listening:
        give_way()
        ended_by = serve(app, listening, lambda: say(f"watching {folder} at {url_of(listening)}; Ctrl-C ends it"))
    if ended_by == signal.SIGINT:
        raise Interrupted("stopped", signal.SIGINT)
    tell("stopped")
