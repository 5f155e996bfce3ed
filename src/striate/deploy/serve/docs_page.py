"""`/docs`: the interface to try in a browser, by Swagger UI's files as a package ships them, nothing from outside."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from starlette.responses import Response

from striate.deploy.serve.files import TYPES
from striate.deploy.serve.refusals import nothing_here

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Striate: the interface</title>
<link rel="icon" href="docs/favicon-32x32.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="interface"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/setup.js"></script>
</body>
</html>
"""
SETUP = 'SwaggerUIBundle({ url: "openapi.json", dom_id: "#interface", validatorUrl: null, deepLinking: false });\n'
SHIPPED = ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png")


def add_docs(app: FastAPI) -> None:
    """Add the page and its files."""
    from swagger_ui_bundle import swagger_ui_path

    files = {name: Path(swagger_ui_path) / name for name in SHIPPED}

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return Response(PAGE, media_type=TYPES[".html"])

    @app.get("/docs/{name}", include_in_schema=False)
    async def file(name: str) -> Response:
        if name == "setup.js":
            return Response(SETUP, media_type=TYPES[".js"])
        if name not in files:
            raise nothing_here()
        return Response(files[name].read_bytes(), media_type=TYPES[files[name].suffix])
