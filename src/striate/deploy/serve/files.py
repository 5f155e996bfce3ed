"""Files that a page is made of: those that lie in a folder of a package, and no others."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from starlette.responses import Response

from striate.deploy.serve.refusals import nothing_here

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
}


def add_files(app: FastAPI, prefix: str, folder: Path, index: str | None = None) -> None:
    """Serve the files of a folder, not those below it, as prefix/NAME, and `index` as the prefix itself.

    prefix: "" or as "/docs". Only files of `TYPES` that are there now: a request never reaches the disk's other names.
    """
    files = {path.name: path for path in sorted(folder.iterdir()) if path.suffix in TYPES}

    async def file(name: str) -> Response:
        path = files.get(name)
        if path is None:
            raise nothing_here()
        return Response(path.read_bytes(), media_type=TYPES[path.suffix], headers={"cache-control": "no-cache"})

    async def first() -> Response:
        return await file(str(index))

    if index is not None:
        app.add_api_route(prefix or "/", first, methods=["GET"], include_in_schema=False)
    app.add_api_route(f"{prefix}/{{name}}", file, methods=["GET"], include_in_schema=False)
