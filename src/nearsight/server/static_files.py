"""The built page. Its files are listed once, and only those are served, so no path escapes the folder."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from nearsight.server.errors import not_found_error
from nearsight.server.service import service_etag

INDEX = "index.html"
NOT_BUILT = "<!doctype html><title>nearsight</title><p>The page is not built; the API is below /api.</p>"
TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".woff2": "font/woff2", ".svg": "image/svg+xml"}


def create_router(folder: Path) -> APIRouter:
    """Serve the files of a folder; other paths get the page, except those with a file extension."""
    files = list_static_files(folder)
    router = APIRouter(include_in_schema=False)

    @router.api_route("/{path:path}", methods=["GET", "HEAD"])
    async def get_page(path: str, request: Request) -> Response:
        """Return a file of the page, or the page itself."""
        if path in files:
            return _to_file_response(path, files[path], request)
        if path == "api" or path.startswith("api/") or "." in path.rpartition("/")[2]:
            raise not_found_error(f"/{path[:100]}", "see /api/openapi.json for the routes")
        return _to_file_response(INDEX, files[INDEX], request) if INDEX in files else HTMLResponse(NOT_BUILT)

    return router


def list_static_files(folder: Path) -> dict[str, Path]:
    """Return the regular files of a folder by relative path."""
    paths = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return {path.relative_to(folder).as_posix(): path for path in paths}


def _to_file_response(name: str, path: Path, request: Request) -> Response:
    data = path.read_bytes()
    headers = {"ETag": service_etag(data), "Cache-Control": _cache_control(name)}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    kind = TYPES.get(path.suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Response(data, media_type=kind, headers=headers)


def _cache_control(name: str) -> str:
    """Names of built files contain a content hash; that of the page does not."""
    return "private, max-age=31536000, immutable" if name.startswith("assets/") else "no-cache"
