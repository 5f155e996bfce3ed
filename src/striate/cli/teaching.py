"""`playground`, `optimizers` and `views`."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated

import typer

from striate.cli.data import MAX_MEGAPIXELS, allow_megapixels
from striate.cli.networks import JSON
from striate.cli.output import bar, print_json, print_table, say, tell
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


def optimizers(
    surfaces: Annotated[
        list[str] | None, typer.Argument(help="beale, saddle, ravine, rosenbrock; all of them when not given.")
    ] = None,
    steps: Annotated[int, typer.Option(help="Steps of every optimiser.")] = 200,
    output: Annotated[
        Path | None, typer.Option(help="FILE.html, an animated page, or FILE.svg; optimizers.html when not given.")
    ] = None,
    json: JSON = False,
) -> None:
    """Compare optimisers on surfaces of two numbers: how they walk, animated, and how many evaluations it takes them.

    SGD, momentum, Nesterov, Adagrad, Adadelta, RMSprop, Adam, Newton and black-box search, each at its best rate.

    Examples:

    striate optimizers

    striate optimizers rosenbrock --output rosenbrock.svg
    """
    from striate.core.files import require_writable
    from striate.playground.descent.page import require_format, write_comparison
    from striate.playground.descent.race import race
    from striate.playground.descent.surfaces import SURFACES

    output = output or Path("optimizers.html")
    require_format(output)
    require_writable(output)
    races = []
    for name in dict.fromkeys(surfaces or SURFACES):
        with bar(name) as progress:
            races.append(race(name, steps, progress))
    write_comparison(output, races)
    told = [path.to_dict() for paths in races for path in paths]
    if json:
        print_json({"file": str(output), "walks": told})
        return
    columns = (
        "surface",
        "optimiser",
        "order",
        "rate",
        "steps",
        "heights",
        "gradients",
        "Hessians",
        "height at the end",
    )
    rows = [
        (
            each["surface"],
            each["method"],
            str(each["order"]),
            "–" if each["rate"] is None else f"{each['rate']:.3g}",
            "not reached" if each["steps"] is None else str(each["steps"]),
            *map(str, each["evaluations"].values()),
            f"{each['height']:.3g}",
        )
        for each in told
    ]
    print_table(columns, rows, numeric=columns[2:])
    say(f"wrote {output}")


def views(
    picture: Annotated[Path | None, typer.Argument(help="A picture whose pyramids are shown too.")] = None,
    output: Annotated[Path, typer.Option(help="The page to write.")] = Path("views.html"),
    max_megapixels: MAX_MEGAPIXELS = None,
    json: JSON = False,
) -> None:
    """Show a convolution in five ways with equal numbers, what layers connect, the axes of norms, and pyramids.

    As a filter, as a matrix, as patches, as shared weights, and as what takes any size. Writes an offline page.

    Examples:

    striate views

    striate views photo.jpg --output views.html --json
    """
    from striate.core.files import require_writable
    from striate.data.decode import read_picture
    from striate.playground.views.page import write_views

    allow_megapixels(max_megapixels)
    require_writable(output)
    told = write_views(output, None if picture is None else read_picture(picture))
    if json:
        print_json({**told, "output": str(output)})
    else:
        say(f"wrote {output}")
