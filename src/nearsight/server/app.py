"""The ASGI application: routes, error handlers and middleware."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.types import ASGIApp

from nearsight import __version__
from nearsight.server import errors, static_files
from nearsight.server.collections import hide_paths
from nearsight.server.middleware import AccessMiddleware, BodyLimitMiddleware
from nearsight.server.routes import collections, duplicates, images, jobs, map, search, uploads
from nearsight.server.schemas.common import ErrorResponse
from nearsight.server.service import Service

ERROR_DESCRIPTIONS = {
    400: "malformed request",
    401: "missing or wrong token",
    403: "forbidden",
    404: "not found",
    408: "request timeout",
    409: "conflict: a job is already running",
    410: "gone: the file was removed",
    413: "request too large",
    421: "unknown host",
    422: "invalid parameter or image",
    503: "the collection is unavailable, or the queue is full",
    504: "deadline exceeded",
}


def create_app(service: Service) -> ASGIApp:
    """Return the application of a service; it closes the service on shutdown."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        service.close()

    app = FastAPI(
        title="nearsight",
        version=__version__,
        summary="Search for similar images.",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
        responses={
            status: {"model": ErrorResponse, "description": text} for status, text in ERROR_DESCRIPTIONS.items()
        },
    )
    app.state.service = service
    for module in (collections, uploads, search, map, images, duplicates, jobs):
        app.include_router(module.router, prefix="/api")
    app.include_router(static_files.create_router(service.settings.static))
    errors.register_error_handlers(app, lambda text: hide_paths(text, list(service.collections)))
    return AccessMiddleware(BodyLimitMiddleware(app, service.settings), service.settings)
