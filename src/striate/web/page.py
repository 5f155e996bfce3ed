"""The page, its files and the endpoints behind it, for `create_app`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.responses import Response

from striate.answers.classes import CLASSIFICATION
from striate.answers.detections import SHOWN_FROM
from striate.answers.instances import FIND_OBJECTS
from striate.answers.palette import colour_of
from striate.data.working_size import seen_part
from striate.deploy.exported import Exported
from striate.deploy.predictor import Predictor
from striate.deploy.serve.files import TYPES, add_files
from striate.deploy.serve.refusals import Json
from striate.deploy.serve.served import Served
from striate.report.offline import environment
from striate.web.layers import layers_route
from striate.web.mask import mask_route
from striate.web.why import why_route

FILES = Path(__file__).parent / "page"
MOST_DRAWN_PX = 64  # a side of what a finger draws


def add_page(app: FastAPI, served: Served) -> None:
    """Add the page at `/`, and what it asks for: `/why`, `/layers`, `/mask`, `/page`."""
    app.include_router(why_route(served))
    app.include_router(layers_route(served))
    app.include_router(mask_route(served))
    facts = page_facts(served.predictor)

    @app.get("/page", include_in_schema=False)
    async def page() -> Response:
        return Json(facts)

    add_colours(app)
    add_files(app, "", FILES, index="index.html")


def add_colours(app: FastAPI) -> None:
    """Add `/colours.css`, the palette of all pages."""
    colours = str(environment().get_template("colours.css.jinja").module.colours())  # type: ignore[attr-defined]

    @app.get("/colours.css", include_in_schema=False)
    async def colours_css() -> Response:
        return Response(colours, media_type=TYPES[".css"], headers={"cache-control": "no-cache"})


def page_facts(predictor: Predictor) -> dict[str, Any]:
    """What the page has to know besides `/model`.

    classifies: whether answers are classes. draws: whether there is a pad, which is for small pictures, grey ones or of
    single characters. working: height and width of the picture that the pad sends. seen: top, left, height and width
    in it of what the network sees. layers: whether they can be shown. Where objects are found also
    colours, of the classes, and shown_from, the score from which objects are told of.
    """
    preprocess = predictor.preprocess
    rows, columns = seen_part(preprocess)
    written = preprocess.channels == 1 or all(len(name) == 1 for name in predictor.classes)
    classifies = predictor.task_name == CLASSIFICATION
    return {
        "classifies": classifies,
        "draws": classifies and written and max(preprocess.size) <= MOST_DRAWN_PX,
        "working": list(preprocess.resize),
        "seen": [rows.start, columns.start, rows.stop - rows.start, columns.stop - columns.start],
        "layers": not isinstance(predictor, Exported),
        **(_of_objects(predictor.classes) if predictor.task_name in FIND_OBJECTS else {}),
    }


def _of_objects(classes: tuple[str, ...]) -> dict[str, Any]:
    return {"shown_from": SHOWN_FROM, "colours": {name: colour_of(number) for number, name in enumerate(classes)}}
