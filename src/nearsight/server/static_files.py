"""The built page. Its files are listed once, and only what is on the list is served: no path leads anywhere else."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from nearsight.server.errors import not_found
from nearsight.server.service import tag

INDEX = "index.html"
NOT_BUILT = "<!doctype html><title>nearsight</title><p>The page is not built; the service answers below /api.</p>"
TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".woff2": "font/woff2", ".svg": "image/svg+xml"}


def router(folder: Path) -> APIRouter:
    """Serve the files of the folder; any other address is one of the page's own, except what looks like a file."""
    files = listed(folder)
    made = APIRouter(include_in_schema=False)

    @made.api_route("/{path:path}", methods=["GET", "HEAD"])
    async def page(path: str, request: Request) -> Response:
        """A file of the page, or the page."""
        if path in files:
            return _file(path, files[path], request)
        if path == "api" or path.startswith("api/") or "." in path.rpartition("/")[2]:
            raise not_found("such address", "see /api/openapi.json for what there is")
        return _file(INDEX, files[INDEX], request) if INDEX in files else HTMLResponse(NOT_BUILT)

    return made


def listed(folder: Path) -> dict[str, Path]:
    """The regular files of a folder by their relative path."""
    found = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return {path.relative_to(folder).as_posix(): path for path in found}


def _file(name: str, path: Path, request: Request) -> Response:
    data = path.read_bytes()
    headers = {"ETag": tag(data), "Cache-Control": _lasting(name)}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    kind = TYPES.get(path.suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Response(data, media_type=kind, headers=headers)


def _lasting(name: str) -> str:
    """Built files carry a mark of their content in their names; the page itself does not."""
    return "private, max-age=31536000, immutable" if name.startswith("assets/") else "no-cache"
